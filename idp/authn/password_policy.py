"""Which new passwords are taken: long enough, not known, nothing about composition.

Spec: NIST SP 800-63B-4 §3.1.1.2
"""

import unicodedata
from functools import lru_cache
from importlib.resources import files

from idp.authn.password import MAX_CHARACTERS

ALONE = 15
WITH_SECOND_FACTOR = 8
SERVICE_WORDS = ("lienthong", "liên thông")
_SHORTEST_PART = 4


def refusal(password: str, *, username: str, second_factor: bool) -> str | None:
    """Why this new password is not taken, or None where it is."""
    lowered, name = _comparable(password), _comparable(username)
    least = WITH_SECOND_FACTOR if second_factor else ALONE
    if len(unicodedata.normalize("NFC", password)) < least:
        return f"the password needs at least {least} characters"
    if len(password) > MAX_CHARACTERS:
        return f"the password may have at most {MAX_CHARACTERS} characters"
    if lowered in _common():
        return "the password is one of the most common ones"
    if len(name) >= _SHORTEST_PART and name in lowered:
        return "the password contains the user name"
    if any(word in lowered for word in SERVICE_WORDS):
        return "the password contains the name of this service"
    return None


def _comparable(text: str) -> str:
    # Decomposed letters are hashed as composed ones, so they are compared as such too.
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    text = (files("idp.authn") / "common_passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))

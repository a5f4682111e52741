"""One shared identity for every way to write one user name."""

import unicodedata

MAX_CHARACTERS = 128
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class UsernameRefused(ValueError):
    """The text cannot be a user name. Says why, never repeats the text."""


def fold(username: str) -> str:
    """The same text for case, width and composition twins of a user name.

    Raises: UsernameRefused when empty, too long, or with control or invisible characters.
    Why: the limit is checked before normalising too, as NFKC may lengthen text eighteenfold.
    """
    if len(username) > MAX_CHARACTERS:
        raise UsernameRefused("too long")
    folded = _stable(username.strip())
    if not folded or len(folded) > MAX_CHARACTERS:
        raise UsernameRefused("empty or too long")
    if any(unicodedata.category(character) in _REFUSED for character in folded):
        raise UsernameRefused("control or invisible character")
    return folded


def _stable(text: str) -> str:
    # Casefolding can undo normal form, so it is done between two normalisations.
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFKC", once.casefold()).strip()

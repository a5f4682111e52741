"""Which paths are public, decided on their one plain spelling: what is ambiguous is protected."""

import re
from collections.abc import Sequence

from connectors.systems.forward_auth.hosts import OWN_PLACE

MAX_TARGET = 1024
_SEGMENT = r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*"
_PLAIN = re.compile(rf"(/{_SEGMENT})*/?", re.ASCII)
"""No dot segment, no escape, no empty segment, no parameter, no backslash."""


def is_plain(path: str) -> bool:
    """Whether every server reads this path in the same way.

    Why: a proxy, and a system behind it, may each undo escapes, dots, `;` and `//` in their own
    way. A path that could become another one on its way is never compared with a rule.

    Spec: RFC 3986 §6.2.2
    """
    return _PLAIN.fullmatch(path) is not None


def is_public(public_paths: Sequence[str], target: str) -> bool:
    """Whether a request target, as the browser sent it, needs nobody to be signed in.

    A rule opens its own path and what lies below it, letter for letter.
    """
    path = target.partition("?")[0]
    if not path.startswith("/") or not is_plain(path):
        return False
    return any(
        path == rule or path.startswith(rule if rule.endswith("/") else rule + "/")
        for rule in public_paths
    )


def target_to_return_to(target: str) -> str:
    """Where the person goes after a sign-in: the path on the same host, or its start page.

    Shape: printable ASCII that begins with one `/`; at most `MAX_TARGET` characters.
    """
    fits = target.startswith("/") and target.isascii() and target.isprintable()
    if not fits or " " in target or len(target) > MAX_TARGET or target.startswith(OWN_PLACE):
        return "/"
    return target

"""The one parser of `application/x-www-form-urlencoded`, for queries and bodies alike."""

import re

from idp.errors import InvalidRequest

MAX_PAIRS = 64
MAX_BYTES = 32 * 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DIGITS = "0123456789ABCDEFabcdef"
_BYTES = {(a + b).encode(): bytes((int(a + b, 16),)) for a in _DIGITS for b in _DIGITS}
"""Two hexadecimal digits, in either case, and the byte they stand for."""


class Form(dict[str, str]):
    """Parameters that were sent exactly once, and the names of those that were not.

    An empty value counts as not sent (RFC 6749 §3.1).
    """

    __slots__ = ("repeated",)

    def __init__(self, values: dict[str, str], repeated: frozenset[str] = frozenset()) -> None:
        super().__init__(values)
        self.repeated = repeated

    def __repr__(self) -> str:
        return f"Form({sorted(self)})"

    def refuse_repeated(self) -> None:
        """No parameter was sent twice.

        Spec: RFC 6749 §3.1, §3.2
        Raises: InvalidRequest.
        """
        if self.repeated:
            raise InvalidRequest("a parameter was sent more than once")


def parse_form(raw: bytes) -> Form:
    """Decode strictly: valid percent-encoding, UTF-8, no control characters, bounded.

    Spec: RFC 6749 §3.1, Appendix B
    Raises: InvalidRequest.
    """
    if len(raw) > MAX_BYTES:
        raise InvalidRequest("the request is too large")
    pairs = _text(raw).split("&") if raw else []
    if len(pairs) > MAX_PAIRS:
        raise InvalidRequest("too many parameters")
    values: dict[str, str] = {}
    sent: set[str] = set()
    repeated: set[str] = set()
    for pair in pairs:
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if "%" in name or "+" in name:
            name = _decode(name)
        if name in sent:
            repeated.add(name)
            values.pop(name, None)
            continue
        sent.add(name)
        if value:
            values[name] = _decode(value) if "%" in value or "+" in value else value
    return Form(values, frozenset(repeated))


def _text(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest("the request is not valid UTF-8") from None
    # Printable text holds no control character; only other text has to be searched for one.
    if not text.isprintable() and _CONTROL.search(text):
        raise InvalidRequest("the request contains control characters")
    return text


def _decode(part: str) -> str:
    """A part that is encoded: what comes out is held to the same rules."""
    first, *escaped = part.replace("+", " ").encode().split(b"%")
    try:
        decoded = [_BYTES[piece[:2]] + piece[2:] for piece in escaped]
    except KeyError:
        raise InvalidRequest("the request is not valid percent-encoding") from None
    return _text(first + b"".join(decoded))

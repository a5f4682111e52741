"""The headers that tell a system who came. Each of them is in every answer, if only empty."""

from collections.abc import Mapping
from urllib.parse import quote

from connectors.admission import domain_of
from connectors.registry import ForwardAuthSettings

IDENTITY_HEADERS = ("x-lienthong-identity", "x-lienthong-identity-2")
"""The signed identity: under the first secret, and under the second while one is replaced."""
COMMON_HEADERS = (
    "remote-user", "remote-groups", "remote-name", "remote-email", "x-auth-user", "x-auth-email",
    "x-auth-name", "x-auth-roles", "x-forwarded-user", "x-forwarded-email", "x-forwarded-groups",
    "x-forwarded-preferred-username", "x-remote-user",
)  # fmt: skip
"""Names that applications commonly believe: emptied whether the system uses them or not."""
MAX_VALUE = 512
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "%") + " "

Headers = tuple[tuple[bytes, bytes], ...]


def cleared(settings: ForwardAuthSettings | None) -> dict[str, str]:
    """Every identity header, empty: nothing that a browser sent under these names survives."""
    own = (name for name, _ in settings.headers) if settings else ()
    return dict.fromkeys((*IDENTITY_HEADERS, *COMMON_HEADERS, *own), "")


def identity_headers(
    settings: ForwardAuthSettings, claims: Mapping[str, object], signed: tuple[str, ...]
) -> dict[str, str]:
    """Every identity header: those of this person filled, all others empty."""
    headers = cleared(settings)
    headers |= {name: plain_value(claim, claims.get(claim)) for name, claim in settings.headers}
    return headers | dict(zip(IDENTITY_HEADERS, signed, strict=False))


def plain_value(claim: str, value: object) -> str:
    """A value as a header can carry it, percent-encoded where it is not printable ASCII.

    Dropped where it holds control characters, is too long, or is an e-mail address that reads in
    two ways: the signed header is there for whoever needs all of it.

    Spec: RFC 9110 §5.5, RFC 3986 §2.1
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int):
        return ""
    text = str(value)
    if claim == "email" and domain_of(text) is None:
        return ""
    if any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in text):
        return ""
    encoded = quote(text.strip(), safe=_PLAIN)
    return encoded if len(encoded) <= MAX_VALUE else ""


def on_the_wire(headers: Mapping[str, str]) -> Headers:
    """The fields of an answer."""
    return tuple((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items())

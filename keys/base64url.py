"""Base64url without padding, as JOSE and our handles spell bytes.

Why not `base64.urlsafe_b64encode`: it pads, and its layers cost as much again as the encoding; a
sign-on encodes eight times.
"""

from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64

_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_+/", b"+/!!")


def encode(raw: bytes) -> bytes:
    """The one spelling of these bytes.

    Spec: RFC 7515 §2
    """
    return b2a_base64(raw, newline=False).rstrip(b"=").translate(_TO_URL)


def decode(text: str) -> bytes:
    """The bytes of their one spelling.

    Spec: RFC 7515 §2, RFC 4648 §3.5 (bits that are left over are zero)
    Raises: ValueError for any other spelling.
    """
    if not text.isascii():
        raise ValueError("not base64url")
    spelled = text.encode("ascii")
    try:
        raw = a2b_base64(
            spelled.translate(_FROM_URL) + b"=" * (-len(spelled) % 4), strict_mode=True
        )
    except NotBase64:
        raise ValueError("not base64url") from None
    if encode(raw) != spelled:
        raise ValueError("not canonical base64url")
    return raw

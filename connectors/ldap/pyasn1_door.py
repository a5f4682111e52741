"""The one place where pyasn1 decodes: only what `ber.whole` has bounded, and only one error."""

from typing import Any

from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error

from connectors.errors import LdapRefused


def decoded(raw: bytes, spec: Any) -> Any:
    """The value of this type that these bytes are, and nothing after it.

    Raises: LdapRefused, whatever the decoder stumbles over.
    """
    try:
        value, rest = decoder.decode(raw, asn1Spec=spec)
    except (PyAsn1Error, ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
        raise LdapRefused("the message does not have the form of its kind") from None
    if rest:
        raise LdapRefused("there is something after the message")
    return value


def encoded(value: Any) -> bytes:
    """The bytes of a value, with the shortest definite lengths."""
    written: bytes = encoder.encode(value)
    return written


def text(value: Any) -> str:
    """A string of the protocol.

    Spec: RFC 4511 §4.1.2 (UTF-8)
    Raises: LdapRefused.
    """
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        raise LdapRefused("a text that is not UTF-8") from None

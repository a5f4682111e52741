"""The redirect binding: a message in an address, signed over the octets that were sent."""

import base64
import binascii
import zlib
from collections.abc import Sequence
from urllib.parse import quote, unquote_plus

from connectors.errors import SamlRefused
from connectors.saml.door import MAX_MESSAGE
from connectors.saml.names import RSA_SHA256
from connectors.saml.signature import OctetSigner
from keys.certificates import signed_by

MAX_RELAY_STATE = 1024
"""The specification says 80 octets; known service providers carry an address."""
KNOWN = ("SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature")


def parameters(query: str) -> dict[str, str]:
    """The parameters of the binding as they were sent, still escaped; each at most once.

    Why: the signature covers the escaped octets. Whoever unescapes them and escapes them again
    checks another text than was signed.

    Spec: SAML Bindings 2.0 §3.4.4.1
    Raises: SamlRefused.
    """
    found: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if unquote_plus(name) in KNOWN and name not in KNOWN:
            raise SamlRefused("the name of a parameter is escaped")
        if name in KNOWN:
            if name in found:
                raise SamlRefused("a parameter was sent twice")
            found[name] = value
    if "SAMLRequest" in found and "SAMLResponse" in found:
        raise SamlRefused("a request and a response at once")
    if len(plain(found.get("RelayState", "")).encode()) > MAX_RELAY_STATE:
        raise SamlRefused("RelayState is too long")
    return found


def plain(value: str) -> str:
    """A value without its escapes.

    Raises: SamlRefused.
    """
    try:
        return unquote_plus(value, errors="strict")
    except UnicodeDecodeError:
        raise SamlRefused("a parameter is not UTF-8") from None


def message_of(value: str) -> bytes:
    """The XML of a parameter, from either binding: deflated, or plain where a form was turned into
    an address. Never more than `MAX_MESSAGE` octets.

    Spec: SAML Bindings 2.0 §3.4.4.1, §3.5.4
    Raises: SamlRefused.
    """
    octets = _decoded(plain(value))
    inflater = zlib.decompressobj(-15)
    try:
        xml = inflater.decompress(octets, MAX_MESSAGE + 1)
    except zlib.error:
        xml = octets
    else:
        if not inflater.eof or inflater.unused_data:
            xml = octets
    if not xml or len(xml) > MAX_MESSAGE:
        raise SamlRefused("the message is empty or too large")
    return xml


def octets_of(value: str) -> bytes:
    """The XML in a field of a form. Never more than `MAX_MESSAGE` octets.

    Spec: SAML Bindings 2.0 §3.5.4
    Raises: SamlRefused.
    """
    octets = _decoded(value)
    if not octets or len(octets) > MAX_MESSAGE:
        raise SamlRefused("the message is empty or too large")
    return octets


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise SamlRefused("the message is not base64") from None


def verify_query(sent: dict[str, str], kind: str, certificates: Sequence[bytes]) -> None:
    """The octets of the query were signed by one of the keys, under RSA with SHA-256.

    Spec: SAML Bindings 2.0 §3.4.4.1
    Raises: SamlRefused.
    """
    if plain(sent.get("SigAlg", "")) != RSA_SHA256:
        raise SamlRefused("SigAlg is not RSA with SHA-256")
    try:
        signature = base64.b64decode("".join(plain(sent["Signature"]).split()), validate=True)
    except (KeyError, ValueError):
        raise SamlRefused("the signature is not base64") from None
    names = [kind, "RelayState", "SigAlg"] if "RelayState" in sent else [kind, "SigAlg"]
    octets = "&".join(f"{name}={sent[name]}" for name in names).encode()
    if not any(signed_by(certificate, octets, signature) for certificate in certificates):
        raise SamlRefused("the signature is not one of this system")


def redirect(
    address: str, kind: str, xml: str, relay_state: str | None, signer: OctetSigner
) -> str:
    """The address that carries a message, signed.

    Spec: SAML Bindings 2.0 §3.4.4.1
    """
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = deflater.compress(xml.encode()) + deflater.flush()
    query = f"{kind}={quote(base64.b64encode(deflated), safe='')}"
    if relay_state is not None:
        query += f"&RelayState={quote(relay_state, safe='')}"
    query += f"&SigAlg={quote(RSA_SHA256, safe='')}"
    value = quote(base64.b64encode(signer.octets(query.encode())), safe="")
    separator = "&" if "?" in address else "?"
    return f"{address}{separator}{query}&Signature={value}"

"""Assertions and names that only the system they are for can read."""

import base64
import binascii

from lxml import etree

from connectors.errors import SamlRefused
from connectors.saml.door import only, text_of
from connectors.saml.names import (
    AES128_GCM,
    AES256_GCM,
    DS,
    ENCRYPTED_ELEMENT,
    RSA_OAEP,
    SAML,
    SHA1,
    SHA256,
    XENC,
)
from keys.errors import KeyRefused
from keys.xml_encryption import Encrypted, OaepDigest, Opener, encrypted_to

_KEY_BYTES = {AES128_GCM: 16, AES256_GCM: 32}
_DIGESTS: dict[str | None, OaepDigest] = {None: "SHA-1", SHA1: "SHA-1", SHA256: "SHA-256"}


def encrypted_assertion(assertion: str, certificate: bytes, randomness: bytes) -> str:
    """The signed assertion inside an EncryptedAssertion, its key wrapped for this certificate.

    The signature is inside: who reads the assertion checks it as if it had come open.

    Shape: `randomness` as in `keys.xml_encryption`.
    Spec: SAML Core 2.0 §2.3.4, §6; XML Encryption 1.1 §3
    Raises: ValueError.
    """
    return _encrypted("EncryptedAssertion", assertion, certificate, randomness)


def encrypted_name(name: str, certificate: bytes, randomness: bytes) -> str:
    """The NameID, which declares its own namespaces, inside an EncryptedID.

    Shape: `randomness` as in `keys.xml_encryption`.
    Spec: SAML Core 2.0 §2.2.4, §6
    Raises: ValueError.
    """
    return _encrypted("EncryptedID", name, certificate, randomness)


def _encrypted(name: str, xml: str, certificate: bytes, randomness: bytes) -> str:
    made = encrypted_to(certificate, xml.encode(), randomness)
    return (
        f'<saml:{name} xmlns:saml="{SAML}"><xenc:EncryptedData xmlns:xenc="{XENC}"'
        f' Type="{ENCRYPTED_ELEMENT}"><xenc:EncryptionMethod Algorithm="{AES256_GCM}"/>'
        f'<ds:KeyInfo xmlns:ds="{DS}"><xenc:EncryptedKey>'
        f'<xenc:EncryptionMethod Algorithm="{RSA_OAEP}"><ds:DigestMethod Algorithm="{SHA1}"/>'
        f"</xenc:EncryptionMethod>{_value(made.wrapped_key)}</xenc:EncryptedKey></ds:KeyInfo>"
        f"{_value(made.content)}</xenc:EncryptedData></saml:{name}>"
    )


def _value(octets: bytes) -> str:
    text = base64.b64encode(octets).decode()
    return f"<xenc:CipherData><xenc:CipherValue>{text}</xenc:CipherValue></xenc:CipherData>"


def opened_assertion(envelope: etree._Element, opener: Opener) -> bytes:
    """The octets inside an EncryptedAssertion. Nothing vouches for them yet.

    Why no CBC: whoever may send cipher texts and watch our answers reads what CBC hides, unless the
    cipher text itself was signed.

    Spec: SAML Core 2.0 §2.3.4, §6; XML Encryption 1.1 §3
    Raises: SamlRefused.
    """
    data = _child(envelope, XENC, "EncryptedData")
    keys = list(envelope.iter(f"{{{XENC}}}EncryptedKey"))
    if len(keys) != 1:
        raise SamlRefused("not exactly one encrypted key")
    wrap = _child(keys[0], XENC, "EncryptionMethod")
    named = only(wrap, DS, "DigestMethod")
    digest = None if named is None else named.get("Algorithm")
    key_bytes = _KEY_BYTES.get(_child(data, XENC, "EncryptionMethod").get("Algorithm", ""))
    if key_bytes is None or wrap.get("Algorithm") != RSA_OAEP or digest not in _DIGESTS:
        raise SamlRefused("encrypted in a way that is not taken here")
    sealed = Encrypted(wrapped_key=_octets(keys[0]), content=_octets(data))
    try:
        return opener.opened(sealed, key_bytes=key_bytes, oaep_digest=_DIGESTS[digest])
    except KeyRefused as refused:
        raise SamlRefused(str(refused)) from None


def _child(parent: etree._Element, namespace: str, name: str) -> etree._Element:
    found = only(parent, namespace, name)
    if found is None:
        raise SamlRefused(f"{name} is missing")
    return found


def _octets(holder: etree._Element) -> bytes:
    value = text_of(_child(_child(holder, XENC, "CipherData"), XENC, "CipherValue"))
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise SamlRefused("a cipher value is not base64") from None

"""Assertions and names that only the system they are for can read."""

import base64

from connectors.saml.names import AES256_GCM, DS, ENCRYPTED_ELEMENT, RSA_OAEP, SAML, SHA1, XENC
from keys.xml_encryption import encrypted_to


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

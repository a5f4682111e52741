"""Octets that one holder of a certified RSA key can read, in the algorithms of XML Encryption."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1

KEY_BYTES = 32
NONCE_BYTES = 12
RANDOM_BYTES = KEY_BYTES + NONCE_BYTES
"""How much fresh randomness one text needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encrypted:
    """The wrapped content key (RSA-OAEP), and nonce, text and tag (AES-256-GCM)."""

    wrapped_key: bytes
    content: bytes


def encrypted_to(certificate: bytes, text: bytes, randomness: bytes) -> Encrypted:
    """The text, for the holder of this key alone; `randomness` is used once and never again.

    Why SHA-1 in OAEP: it is what `rsa-oaep-mgf1p` means by default and all that widely used readers
    take; OAEP does not rest on its collision resistance.

    Shape: `certificate` in DER, `randomness` of `RANDOM_BYTES` octets.
    Spec: XML Encryption 1.1 §5.2.4, §5.5.2
    Raises: ValueError where the certificate is not one of an RSA key, or the randomness too short.
    """
    key = x509.load_der_x509_certificate(certificate).public_key()
    if not isinstance(key, rsa.RSAPublicKey) or len(randomness) != RANDOM_BYTES:
        raise ValueError("an RSA key and 44 octets of randomness are needed")
    content_key, nonce = randomness[:KEY_BYTES], randomness[KEY_BYTES:]
    oaep = padding.OAEP(padding.MGF1(SHA1()), SHA1(), None)  # noqa: S303 - see above
    return Encrypted(
        wrapped_key=key.encrypt(content_key, oaep),
        content=nonce + AESGCM(content_key).encrypt(nonce, text, None),
    )

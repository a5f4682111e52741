"""Octets that one holder of a certified RSA key can read, in the algorithms of XML Encryption."""

from dataclasses import dataclass
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from keys.certificates import certificate_of
from keys.errors import KeyRefused, NoSuchKey
from keys.jwks import public_jwk
from keys.pem import load_private_pem

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
RANDOM_BYTES = KEY_BYTES + NONCE_BYTES
"""How much fresh randomness one text needs."""
CERTIFIED_AT = 1767225600
"""2026-01-01: where a certificate of ours says that it begins."""
OaepDigest = Literal["SHA-1", "SHA-256"]


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


class Opener:
    """The holder of an RSA key: opens what was encrypted for it, and shows its certificate."""

    def __init__(self, pem: bytes) -> None:
        """Raises: NoSuchKey for anything but an RSA key of 2048 bits or more."""
        key = load_private_pem(pem)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise NoSuchKey("not an RSA key")
        self._key = key
        kid = public_jwk(key, "RS256")["kid"]
        self.certificate = certificate_of(key, kid, CERTIFIED_AT)
        """In DER: the same after every start, since it is derived from the key."""

    def opened(self, sealed: Encrypted, *, key_bytes: int, oaep_digest: OaepDigest) -> bytes:
        """The text. Whatever does not fit is the same refusal, so that nobody learns why.

        Spec: XML Encryption 1.1 §5.2.4, §5.5.2
        Raises: KeyRefused.
        """
        digest = SHA1() if oaep_digest == "SHA-1" else SHA256()  # noqa: S303 - see `encrypted_to`
        nonce, text = sealed.content[:NONCE_BYTES], sealed.content[NONCE_BYTES:]
        try:
            # MGF1 stays with SHA-1: `rsa-oaep-mgf1p` fixes it, whatever digest is named.
            oaep = padding.OAEP(padding.MGF1(SHA1()), digest, None)  # noqa: S303
            content_key = self._key.decrypt(sealed.wrapped_key, oaep)
            if len(content_key) != key_bytes or len(text) < TAG_BYTES:
                raise KeyRefused("the text cannot be opened")
            return AESGCM(content_key).decrypt(nonce, text, None)
        except (ValueError, InvalidTag):
            raise KeyRefused("the text cannot be opened") from None

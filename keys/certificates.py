"""Self-signed certificates of RSA keys, and what is checked with those of others."""

import base64
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from keys.errors import KeyRefused

MIN_RSA_BITS = 2048
LIFE_DAYS = 20 * 366
"""Relying parties of SAML compare the certificate itself: the ring says when a key ends."""


def certificate_of(key: rsa.RSAPrivateKey, kid: str, published_at: int) -> bytes:
    """The certificate of a key, in DER: the same octets on every node and after every start.

    Why: RSASSA-PKCS1-v1_5 has no randomness, and everything else is derived from the record, so
    nothing has to be stored beside the ring.
    """
    digest = Hash(SHA256())
    digest.update(kid.encode())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, kid[:64])])
    since = datetime.fromtimestamp(published_at, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(digest.finalize()[:16], "big") >> 1 or 1)
        .not_valid_before(since)
        .not_valid_after(since + timedelta(days=LIFE_DAYS))
        .sign(key, SHA256())
        .public_bytes(Encoding.DER)
    )


def read_certificate(text: str) -> bytes:
    """A registered certificate (PEM, or the base64 of its DER) of a strong enough RSA key, in DER.

    Spec: NIST SP 800-131A (RSA of 2048 bits and more)
    Raises: KeyRefused.
    """
    lines = [line for line in text.split("\n") if "-----" not in line]
    try:
        der = base64.b64decode("".join("".join(lines).split()), validate=True)
        _public(der)
    except ValueError:
        raise KeyRefused("not a certificate of an RSA key of at least 2048 bits") from None
    return der


def pem(der: bytes) -> str:
    """The same certificate, as libraries read it."""
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode("ascii")


def begins(der: bytes) -> datetime:
    """The first moment of a certificate."""
    return x509.load_der_x509_certificate(der).not_valid_before_utc


def signed_by(der: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the key of this certificate signed the octets, under RSA with SHA-256."""
    try:
        _public(der).verify(signature, message, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _public(der: bytes) -> rsa.RSAPublicKey:
    key = x509.load_der_x509_certificate(der).public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MIN_RSA_BITS:
        raise ValueError("not a strong RSA key")
    return key

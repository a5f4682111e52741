"""Keys that an administrator keeps in PEM files."""

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from joserfc.jwk import RSAKey

from keys.errors import NoSuchKey
from keys.jose import VerificationKey, VerificationKeys
from keys.jwks import PrivateKey, public_jwk
from keys.ring import Algorithm
from keys.signer import Signer

RSA_MIN_BITS = 2048


def load_private_pem(raw: bytes) -> PrivateKey:
    """An unencrypted private key: P-256, P-384, Ed25519, or RSA of at least 2048 bits.

    Raises: NoSuchKey for anything else.
    """
    try:
        key = load_pem_private_key(raw, None)
    except (ValueError, TypeError):
        raise NoSuchKey("not a private key in PEM") from None
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= RSA_MIN_BITS:
        return key
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in ("secp256r1", "secp384r1"):
        return key
    raise NoSuchKey("no key of a kind that signs here")


def signer_of(raw: bytes) -> Signer:
    """A signer under the algorithm of the key; its `kid` is the RFC 7638 thumbprint.

    Raises: NoSuchKey.
    """
    key = load_private_pem(raw)
    alg = _algorithm(key)
    return Signer(public_jwk(key, alg)["kid"], alg, key)


def _algorithm(key: PrivateKey) -> Algorithm:
    match key:
        case rsa.RSAPrivateKey():
            return "PS256"
        case ec.EllipticCurvePrivateKey(key_size=256):
            return "ES256"
        case ec.EllipticCurvePrivateKey():
            return "ES384"
        case ed25519.Ed25519PrivateKey():
            return "EdDSA"


def load_public_pem(raw: bytes) -> rsa.RSAPublicKey:
    """An RSA public key: whom an envelope is sealed for.

    Raises: NoSuchKey for anything else.
    """
    try:
        key = load_pem_public_key(raw)
    except ValueError:
        raise NoSuchKey("not a public key in PEM") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise NoSuchKey("no RSA key")
    return key


def keys_under(raw: bytes) -> VerificationKeys:
    """What verifies the signatures of one RSA key, under its thumbprint and PS256.

    Raises: NoSuchKey for a file that is no public RSA key.
    """
    pem = load_public_pem(raw).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key = RSAKey.import_key(pem)
    return VerificationKeys((VerificationKey(key.thumbprint(), frozenset({"PS256"}), key),))


def new_rsa_pem() -> tuple[bytes, bytes]:
    """A fresh RSA key as files: the private one to be kept, the public one to be given away."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_MIN_BITS)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private, public

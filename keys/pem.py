"""Private keys that an administrator keeps in PEM files."""

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from keys.errors import NoSuchKey
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

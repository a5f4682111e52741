"""Making key pairs and their public JWKs."""

import hashlib
import json

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from keys import base64url
from keys.ring import Algorithm, Ring

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
RSA_BITS = 2048


def generate(alg: Algorithm) -> PrivateKey:
    """A fresh private key for an algorithm.

    Spec: RFC 7518 §3.1, RFC 8037 §2
    """
    match alg:
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ES384":
            return ec.generate_private_key(ec.SECP384R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case "RS256" | "PS256":
            return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)


def private_bytes(key: PrivateKey) -> bytes:
    """PKCS #8 in DER, to be sealed at once."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def load_private(raw: bytes) -> PrivateKey:
    """The key that `private_bytes` wrote."""
    key = load_der_private_key(raw, None)
    if isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        return key
    raise TypeError("not a signing key")


def public_jwk(key: PrivateKey, alg: Algorithm) -> dict[str, str]:
    """The public JWK with `kid` (its RFC 7638 thumbprint), `alg` and `use`.

    Spec: RFC 7517 §4, RFC 7518 §6, RFC 7638 §3
    """
    members = _members(key)
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    kid = _b64(hashlib.sha256(canonical).digest())
    return members | {"kid": kid, "alg": alg, "use": "sig"}


def _members(key: PrivateKey) -> dict[str, str]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        size = (key.key_size + 7) // 8
        curve = {256: "P-256", 384: "P-384"}[key.key_size]
        return {"kty": "EC", "crv": curve, "x": _number(point.x, size), "y": _number(point.y, size)}
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        return {
            "kty": "RSA",
            "n": _number(numbers.n, (numbers.n.bit_length() + 7) // 8),
            "e": _number(numbers.e, (numbers.e.bit_length() + 7) // 8),
        }
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": _b64(raw)}


def _number(value: int, size: int) -> str:
    return _b64(value.to_bytes(size, "big"))


def _b64(raw: bytes) -> str:
    return base64url.encode(raw).decode("ascii")


def jwks_document(ring: Ring) -> bytes:
    """The JWK set to publish: every key of the ring, in every state.

    Spec: RFC 7517 §5
    """
    keys = [record.public_jwk for record in ring.records]
    return json.dumps({"keys": keys}, separators=(",", ":")).encode()

"""The hot signer: compact JWS in a few lines over `cryptography`, headers made once."""

import json
from collections.abc import Callable
from functools import partial

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from keys import base64url
from keys.jwks import PrivateKey
from keys.ring import Algorithm

_CURVES = {"ES256": (ec.ECDSA(SHA256()), 32), "ES384": (ec.ECDSA(SHA384()), 48)}


class Signer:
    """Signs with one private key under one algorithm."""

    def __init__(self, kid: str, alg: Algorithm, key: PrivateKey) -> None:
        self.kid = kid
        self.alg = alg
        self._sign = _primitive(alg, key)
        self._heads: dict[str, bytes] = {}

    def octets(self, message: bytes) -> bytes:
        """The bare signature over octets that are no JWS.

        Spec: XML Signature §6.4.2; SAML Bindings 2.0 §3.4.4.1
        """
        return self._sign(message)

    def sign(self, typ: str, claims: bytes) -> str:
        """A compact JWS over the JSON bytes given.

        Spec: RFC 7515 §3.1, §7.1; RFC 8725 §3.11 (explicit typ)
        """
        head = self._heads.get(typ)
        if head is None:
            header = {"alg": self.alg, "typ": typ, "kid": self.kid}
            raw = json.dumps(header, separators=(",", ":")).encode()
            head = self._heads[typ] = base64url.encode(raw) + b"."
        signed = head + base64url.encode(claims)
        signature = base64url.encode(self._sign(signed))
        return (signed + b"." + signature).decode("ascii")


def _primitive(alg: Algorithm, key: PrivateKey) -> Callable[[bytes], bytes]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return partial(_sign_ecdsa, key, *_CURVES[alg])
    if isinstance(key, rsa.RSAPrivateKey):
        pad: padding.AsymmetricPadding = padding.PKCS1v15()
        if alg == "PS256":
            pad = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=SHA256.digest_size)
        return partial(_sign_rsa, key, pad)
    return key.sign


def _sign_ecdsa(
    key: ec.EllipticCurvePrivateKey, scheme: ec.ECDSA, size: int, message: bytes
) -> bytes:
    r, s = decode_dss_signature(key.sign(message, scheme))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _sign_rsa(key: rsa.RSAPrivateKey, pad: padding.AsymmetricPadding, message: bytes) -> bytes:
    return key.sign(message, pad, SHA256())

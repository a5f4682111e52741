"""Compact JWS under a shared secret, for what an application verifies at every request."""

import hmac
import json

from keys import base64url


class MacSigner:
    """Signs with one secret, for one type.

    Spec: RFC 7518 §3.2 (HS256; the secret is at least as long as the hash)
    """

    def __init__(self, secret: str, typ: str) -> None:
        header = json.dumps({"alg": "HS256", "typ": typ}, separators=(",", ":")).encode()
        self._head = base64url.encode(header) + b"."
        self._secret = secret.encode()

    def sign(self, claims: bytes) -> str:
        """A compact JWS over the JSON bytes given.

        Spec: RFC 7515 §3.1, §7.1; RFC 8725 §3.11 (explicit typ)
        """
        signed = self._head + base64url.encode(claims)
        signature = base64url.encode(hmac.digest(self._secret, signed, "sha256"))
        return (signed + b"." + signature).decode("ascii")

"""What a simulated source is asked: openly, signed (RFC 9101), or pushed to it (RFC 9126)."""

import json
import secrets
from collections.abc import Mapping

from keys import base64url
from keys.errors import JoseRefused
from keys.jose import Expectation, VerificationKeys, verify
from keys.pem import keys_under

REFERENCE = "urn:ietf:params:oauth:request_uri:"
REFERENCE_SECONDS = 60
MAX_LIFETIME_SECONDS = 300
_REQUIRED = frozenset(
    {"iss", "aud", "iat", "nbf", "exp", "jti"}
    | {"client_id", "response_type", "redirect_uri", "scope", "state"}
)
_OURS = ("iss", "aud", "iat", "nbf", "exp", "jti")


class AskedRefused(Exception):
    """The error code of the standard."""


class AskedRequests:
    """References and request objects, each used once."""

    def __init__(self, address: str, client_id: str, client_key: bytes) -> None:
        self._expected = Expectation(
            algorithms=frozenset({"PS256"}),
            typ=frozenset({"oauth-authz-req+jwt"}),
            issuer=client_id,
            audience=address,
            required=_REQUIRED,
            max_lifetime_seconds=MAX_LIFETIME_SECONDS,
            audience_must_be_string=True,
        )
        self._client_id = client_id
        self._keys = keys_under(client_key) if client_key else VerificationKeys(())
        self._pushed: dict[str, tuple[dict[str, str], float]] = {}
        self._seen: set[str] = set()

    def push(self, asked: dict[str, str], now: float) -> str:
        """A reference to what was asked."""
        reference = REFERENCE + secrets.token_urlsafe(24)
        self._pushed[reference] = (asked, now + REFERENCE_SECONDS)
        return reference

    def pulled(self, query: Mapping[str, str], now: float) -> dict[str, str]:
        """What a reference stands for: once, for its client, and with nothing beside it.

        Raises: AskedRefused.
        """
        asked, until = self._pushed.pop(query["request_uri"], ({}, 0.0))
        if set(query) != {"client_id", "request_uri"} or now > until:
            raise AskedRefused("invalid_request_uri")
        if query["client_id"] != asked.get("client_id"):
            raise AskedRefused("invalid_request_uri")
        return asked

    def opened(self, query: Mapping[str, str], now: float) -> dict[str, str]:
        """What a request object says. Only that counts; what stands beside it must be the same.

        Spec: RFC 9101 §6
        Raises: AskedRefused.
        """
        token = query["request"]
        try:
            claims = verify(token, self._keys, self._expected, int(now))
            jti = claims.text("jti")
        except JoseRefused:
            raise AskedRefused("invalid_request_object") from None
        told = json.loads(base64url.decode(token.split(".")[1]))
        asked = {name: str(value) for name, value in told.items() if name not in _OURS}
        beside = {name: value for name, value in query.items() if name != "request"}
        if jti in self._seen or asked["client_id"] != self._client_id:
            raise AskedRefused("invalid_request_object")
        if any(asked.get(name) != value for name, value in beside.items()):
            raise AskedRefused("invalid_request_object")
        self._seen.add(jti)
        return asked

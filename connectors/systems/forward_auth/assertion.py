"""The signed identity: what a system behind a proxy believes, and nothing else.

A JWT under HS256 with the system's own secret, made afresh for each request and valid for a
minute. Whoever reaches the system past the proxy, or smuggles a header through it, has no secret.
"""

import json
from collections.abc import Mapping

from connectors.contract import SignInResult
from connectors.systems.forward_auth.hosts import ProtectedHost
from keys.mac_signer import MacSigner

ASSERTION_SECONDS = 60
ASSERTION_TYP = "forward-auth+jwt"
MAX_PAYLOAD = 4096


class AssertionSigner:
    """Signs for the systems behind proxies."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._signers: dict[str, MacSigner] = {}

    def sign(
        self, host: ProtectedHost, result: SignInResult, claims: Mapping[str, object], now: int
    ) -> tuple[str, ...]:
        """One JWS for each secret of the system.

        Claims that are too long for a header are left out together: what is signed stays whole.

        Shape: compact JWS, HS256, `typ` forward-auth+jwt, `exp` 60 s ahead, `host` as registered.
        Spec: RFC 7519 §4.1, RFC 8725 §3.11
        """
        identity = result.identity
        core: dict[str, object] = {
            "iss": self._issuer,
            "aud": host.system.system_id,
            "sub": identity.sub,
            "sid": result.session,
            "host": host.host,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "acr": identity.assurance.acr,
            "auth_time": identity.authenticated_at,
        }
        if result.account is not None:
            core["local_account"] = result.account.account
        payload = json.dumps(dict(claims) | core, separators=(",", ":")).encode()
        if len(payload) > MAX_PAYLOAD:
            payload = json.dumps(core, separators=(",", ":")).encode()
        return tuple(self._signer(secret).sign(payload) for secret in host.settings.secrets)

    def _signer(self, secret: str) -> MacSigner:
        known = self._signers.get(secret)
        if known is None:
            known = self._signers[secret] = MacSigner(secret, ASSERTION_TYP)
        return known

"""Authenticating a client at the token, introspection and revocation endpoints."""

import hashlib
from collections.abc import Mapping, Sequence

from idp.authn.throttle import group
from idp.errors import InvalidClient, TooManyAttempts
from idp.model import Client, ClientAuthMethod, ClientId
from idp.ports import Counters, Fences
from idp.protocol.client_auth import (
    AssertionCredential,
    AuthenticatedClient,
    Credential,
    accept_proven,
    check_named,
    check_secret,
    read_credential,
)
from idp.protocol.form import Form
from keys.errors import JoseRefused
from keys.jose import JWT_OR_NONE, Expectation, VerificationKeys, import_jwks, verify

ASSERTION_ALGORITHMS = frozenset({"ES256", "ES384", "EdDSA", "PS256", "RS256"})
ASSERTION_TYP = JWT_OR_NONE | {"client-authentication+jwt"}
ASSERTION_MAX_SECONDS = 600
CLOCK_SKEW_SECONDS = 60
FAILURES_PER_ADDRESS = 10
FAILURE_WINDOW_SECONDS = 300
MAX_JTI = 256
MAX_BLOCKED = 10_000


class ClientAuthentication:
    """Finds the proof that a request comes from a registered client, or refuses.

    A blocked (client, address) pair is remembered on this node, so that a request which
    succeeds costs no read of the shared counters.
    """

    def __init__(
        self,
        *,
        issuer: str,
        clients: Mapping[ClientId, Client],
        fences: Fences,
        counters: Counters,
    ) -> None:
        self._issuer = issuer
        self._clients = clients
        self._fences = fences
        self._counters = counters
        self._blocked_until: dict[str, int] = {}
        self._jwks: dict[ClientId, VerificationKeys] = {
            client.client_id: import_jwks(client.jwks, ASSERTION_ALGORITHMS)
            for client in clients.values()
            if client.jwks is not None
        }

    async def authenticate(
        self, authorization: Sequence[bytes], form: Form, address: str, now: int
    ) -> AuthenticatedClient:
        """The authenticated client, or a refusal that is counted against the caller's address.

        Spec: RFC 6749 §2.3, §5.2; RFC 7523 §3
        Raises: InvalidClient, InvalidGrant, InvalidRequest, TooManyAttempts.
        """
        credential = read_credential(authorization, form)
        if self._blocked_until:
            self._refuse_blocked(credential, address, now)
        try:
            if isinstance(credential, AssertionCredential):
                proof = await self._check_assertion(credential, now)
            else:
                proof = check_secret(credential, self._clients)
        except InvalidClient:
            await self._count_failure(self._failure_key(credential, address), now)
            raise
        check_named(proof.client, form)
        return proof

    def _refuse_blocked(self, credential: Credential, address: str, now: int) -> None:
        until = self._blocked_until.get(self._failure_key(credential, address), 0)
        if until > now:
            raise TooManyAttempts(until - now)

    def _failure_key(self, credential: Credential, address: str) -> str:
        """One count for each registered client and group of addresses.

        Why: names that nobody registered share one count, so that whoever makes names up neither
        fills the counters nor gets fresh guesses, and holds no client up.
        """
        named = credential.client_id if credential.client_id in self._clients else ""
        digest = hashlib.sha256(f"{named}\0{group(address)}".encode()).hexdigest()
        return f"client-failures:{digest}"

    async def _count_failure(self, key: str, now: int) -> None:
        if await self._counters.hit(key, FAILURE_WINDOW_SECONDS) >= FAILURES_PER_ADDRESS:
            if len(self._blocked_until) >= MAX_BLOCKED:
                self._blocked_until.clear()
            self._blocked_until[key] = now + FAILURE_WINDOW_SECONDS

    async def _check_assertion(
        self, credential: AssertionCredential, now: int
    ) -> AuthenticatedClient:
        """Spec: RFC 7523 §3, OIDC Core §9, RFC 10070 (`aud` is our issuer, alone, as a string; `typ`)."""
        client = self._clients.get(credential.client_id)
        if (
            client is None
            or client.disabled
            or client.auth_method is not ClientAuthMethod.PRIVATE_KEY_JWT
        ):
            raise InvalidClient("client authentication failed")
        expected = Expectation(
            algorithms=ASSERTION_ALGORITHMS,
            typ=ASSERTION_TYP,
            issuer=client.client_id,
            audience=self._issuer,
            audience_must_be_string=True,
            required=frozenset({"iss", "sub", "aud", "exp", "jti"}),
            max_lifetime_seconds=ASSERTION_MAX_SECONDS,
        )
        try:
            claims = verify(credential.assertion, self._jwks[client.client_id], expected, now)
            subject, jti, expires_at = claims.text("sub"), claims.text("jti"), claims.integer("exp")
        except JoseRefused as refused:
            raise InvalidClient(
                "client authentication failed", detail=f"assertion: {refused}"
            ) from None
        if subject != client.client_id or not 0 < len(jti) <= MAX_JTI:
            raise InvalidClient("client authentication failed", detail="assertion: sub or jti")
        digest = hashlib.sha256(f"{client.client_id}\0{jti}".encode()).digest()
        if not await self._fences.once("client_assertion", digest, expires_at + CLOCK_SKEW_SECONDS):
            raise InvalidClient("client authentication failed", detail="assertion: replayed")
        return accept_proven(client)

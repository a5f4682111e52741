"""Making tokens, and opening those that come back."""

import hashlib
from collections.abc import Mapping

from idp.errors import InvalidGrant, InvalidToken
from idp.model import AccessTokenFormat, Client, ClientId, Family, FamilyId
from idp.protocol.handles import (
    ACCESS_TOKEN,
    CLIENT_TOKEN,
    CODE,
    REFRESH_TOKEN,
    AccessGrant,
    CodeGrant,
    RefreshGrant,
)
from idp.protocol.id_token import id_token_claims, jwt_access_token_claims
from idp.protocol.jwt_peek import unverified_member
from keys.errors import JoseRefused, SealBroken
from keys.jose import Expectation, verify
from keys.keyring import KeyRing
from keys.seal import Sealer
from keys.values import hot_value

ACCESS_TOKEN_TYP = "at+jwt"
_NOT_VALID = "the access token is not valid"


@hot_value
class OpenedToken:
    """An access token that is ours and young; whether its family lives is still to be asked."""

    grant: AccessGrant
    digest: bytes
    of_client: bool
    """Whether a client acts for itself: then there is no family and no person."""


class TokenMint:
    """Seals and signs every token of the provider. One place, so one list of lifetimes."""

    def __init__(
        self,
        *,
        issuer: str,
        clients: Mapping[ClientId, Client],
        sealer: Sealer,
        keyring: KeyRing,
    ) -> None:
        self._issuer = issuer
        self._clients = clients
        self._sealer = sealer
        self._keyring = keyring

    def code(self, grant: CodeGrant, client: Client) -> str:
        """A code that only this client can redeem.

        Spec: RFC 6749 §4.1.2
        """
        return self._sealer.seal_handle(CODE, grant.to_bytes(), client.client_id.encode())

    def open_code(self, code: str, client: Client) -> CodeGrant:
        """What the code stands for.

        Raises: InvalidGrant where it is not a code of ours for this client.
        """
        try:
            raw = self._sealer.open_handle(CODE, code, client.client_id.encode())
        except SealBroken:
            raise InvalidGrant("the code is not valid") from None
        return CodeGrant.from_bytes(raw)

    def access_token(self, client: Client, family: Family, scopes: frozenset[str], now: int) -> str:
        """Opaque, or a JWT where the client is registered for it (RFC 9068)."""
        handle = self._access_handle(ACCESS_TOKEN, client, family.family_id, scopes, now)
        return self._shaped(client, handle, family.sub, scopes, now, family)

    def client_token(self, client: Client, scopes: frozenset[str], now: int) -> str:
        """A token for the client itself; its `sub` can never be a person's (RFC 9068 §5)."""
        handle = self._access_handle(CLIENT_TOKEN, client, FamilyId(""), scopes, now)
        return self._shaped(client, handle, f"client:{client.client_id}", scopes, now)

    def _access_handle(
        self, prefix: str, client: Client, family_id: FamilyId, scopes: frozenset[str], now: int
    ) -> str:
        grant = AccessGrant(
            family_id=family_id,
            client_id=client.client_id,
            scopes=scopes,
            issued_at=now,
            expires_at=now + client.access_token_seconds,
        )
        return self._sealer.seal_handle(prefix, grant.to_bytes())

    def _shaped(
        self,
        client: Client,
        handle: str,
        sub: str,
        scopes: frozenset[str],
        now: int,
        family: Family | None = None,
    ) -> str:
        if client.access_token_format is AccessTokenFormat.OPAQUE:
            return handle
        claims = jwt_access_token_claims(
            issuer=self._issuer,
            client=client,
            sub=sub,
            scopes=scopes,
            jti=handle,
            now=now,
            family=family,
        )
        return self._keyring.signer(client.id_token_alg).sign(ACCESS_TOKEN_TYP, claims)

    def open_access_token(self, token: str, now: int) -> OpenedToken:
        """What the token stands for, in either shape.

        Spec: RFC 6750 §3.1, RFC 9068 §4
        Raises: InvalidToken.
        """
        handle = token if "." not in token else self._verified_jti(token, now)
        prefix = handle[:2]
        if prefix not in (ACCESS_TOKEN, CLIENT_TOKEN):
            raise InvalidToken(_NOT_VALID)
        try:
            grant = AccessGrant.from_bytes(self._sealer.open_handle(prefix, handle))
        except SealBroken:
            raise InvalidToken(_NOT_VALID) from None
        if now >= grant.expires_at:
            raise InvalidToken("the access token has expired")
        digest = hashlib.sha256(handle.encode("ascii")).digest()
        return OpenedToken(grant=grant, digest=digest, of_client=prefix == CLIENT_TOKEN)

    def _verified_jti(self, token: str, now: int) -> str:
        client = self._clients.get(ClientId(unverified_member(token, "client_id") or ""))
        if client is None or client.access_token_format is not AccessTokenFormat.JWT:
            raise InvalidToken(_NOT_VALID)
        expected = Expectation(
            algorithms=frozenset({client.id_token_alg}),
            typ=frozenset({ACCESS_TOKEN_TYP}),
            issuer=self._issuer,
            audience=client.resource or self._issuer,
            required=frozenset({"exp", "jti", "client_id"}),
        )
        try:
            return verify(token, self._keyring.verification_keys(), expected, now).text("jti")
        except JoseRefused as refused:
            raise InvalidToken(_NOT_VALID, detail=f"access token: {refused}") from None

    def refresh_token(self, grant: RefreshGrant, client: Client) -> str:
        """The refresh token of one generation, for this client only."""
        return self._sealer.seal_handle(REFRESH_TOKEN, grant.to_bytes(), client.client_id.encode())

    def open_refresh_token(self, token: str, client: Client) -> RefreshGrant:
        """What the refresh token stands for.

        Raises: InvalidGrant.
        """
        try:
            raw = self._sealer.open_handle(REFRESH_TOKEN, token, client.client_id.encode())
        except SealBroken:
            raise InvalidGrant("the refresh token is not valid") from None
        return RefreshGrant.from_bytes(raw)

    def id_token(
        self,
        client: Client,
        family: Family,
        *,
        nonce: str | None,
        access_token: str,
        extra: Mapping[str, object],
        now: int,
    ) -> str:
        """A signed ID token.

        Spec: OIDC Core §2, §3.1.3.6
        """
        claims = id_token_claims(
            issuer=self._issuer,
            family=family,
            nonce=nonce,
            access_token=access_token,
            alg=client.id_token_alg,
            now=now,
            extra=extra,
        )
        return self._keyring.signer(client.id_token_alg).sign("JWT", claims)

"""Rotation of refresh tokens, and the end of a family whose token comes back."""

from collections.abc import Mapping

from idp.errors import InvalidGrant, InvalidRequest, UnauthorizedClient
from idp.flows.released_claims import ReleasedClaims
from idp.flows.token_set import TokenSet
from idp.flows.tokens import TokenMint
from idp.model import Client, FamilyStanding, GrantType
from idp.ports import Audit, Grants
from idp.protocol.client_auth import AuthenticatedClient
from idp.protocol.form import Form
from idp.protocol.handles import RefreshGrant
from idp.protocol.scopes import OPENID, narrow

PARALLEL_MS = 1000
"""What arrives within this time of a rotation is the client's own parallel use."""


class RefreshTokenGrant:
    """Exchanges the newest refresh token of a family for the next one."""

    def __init__(
        self, *, grants: Grants, mint: TokenMint, released: ReleasedClaims, audit: Audit
    ) -> None:
        self._grants = grants
        self._mint = mint
        self._released = released
        self._audit = audit

    async def refresh(
        self, proof: AuthenticatedClient, form: Form, now: int, received_at_ms: int, now_ms: int
    ) -> TokenSet:
        """New tokens for the newest refresh token; any older one revokes its family.

        Spec: RFC 6749 §6, RFC 9700 §4.14.2, OIDC Core §12, §12.2
        Raises: InvalidGrant, InvalidRequest, InvalidScope, UnauthorizedClient.
        """
        client = proof.client
        if GrantType.REFRESH_TOKEN not in client.grant_types:
            raise UnauthorizedClient("this client is not registered for the grant")
        token = form.get("refresh_token")
        if token is None:
            raise InvalidRequest("refresh_token is required")
        grant = self._mint.open_refresh_token(token, client)
        standing = await self._grants.family(grant.family_id, client.system, b"")
        if standing is None or not standing.live(now):
            raise InvalidGrant("the refresh token is not valid")
        scopes = narrow(standing.family.scopes, form.get("scope"))
        if grant.generation != standing.generation:
            await self._refuse_old(grant, standing, received_at_ms, now)
        # Before the swap: what is refused for a missing claim does not spend the refresh token.
        extra = self._released.in_id_token(client, standing, scopes) if OPENID in scopes else {}
        if not await self._grants.rotate(grant.family_id, grant.generation, now_ms):
            # It was read as the newest and lost the swap: two uses ran at once, by no clock.
            raise InvalidGrant("the refresh token has been used", detail="parallel use")
        return self._tokens(client, standing, scopes, extra, grant.generation + 1, now)

    async def _refuse_old(
        self, grant: RefreshGrant, standing: FamilyStanding, received_at_ms: int, now: int
    ) -> None:
        """A token that was already rotated: a replay, unless it came together with the rotation.

        Why: a client's own parallel use must not sign the person out. It loses either way, and
        only the winner's token lives on (ADR 0021).
        """
        parallel = (
            grant.generation + 1 == standing.generation
            and received_at_ms < standing.rotated_at_ms + PARALLEL_MS
        )
        if parallel:
            raise InvalidGrant("the refresh token has been used", detail="parallel use")
        await self._grants.revoke_family(grant.family_id, "refresh_token_reused", now)
        self._audit.record("refresh_token_reused", {"family": grant.family_id})
        raise InvalidGrant("the refresh token has been used", detail="refresh token reused")

    def _tokens(
        self,
        client: Client,
        standing: FamilyStanding,
        scopes: frozenset[str],
        extra: Mapping[str, object],
        generation: int,
        now: int,
    ) -> TokenSet:
        family = standing.family
        access_token = self._mint.access_token(client, family, scopes, now)
        refresh = RefreshGrant(family_id=family.family_id, generation=generation)
        return TokenSet(
            access_token=access_token,
            expires_in_seconds=client.access_token_seconds,
            scopes=scopes,
            refresh_token=self._mint.refresh_token(refresh, client),
            id_token=(
                self._mint.id_token(
                    client, family, nonce=None, access_token=access_token, extra=extra, now=now
                )
                if OPENID in scopes
                else None
            ),
        )

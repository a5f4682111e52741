"""Redemption of a code: RFC 6749 §4.1.3, step by step."""

from collections.abc import Mapping

from connectors.contract import SessionId
from idp.errors import InvalidGrant, InvalidRequest, UnauthorizedClient
from idp.flows.released_claims import ReleasedClaims
from idp.flows.token_set import TokenSet
from idp.flows.tokens import TokenMint
from idp.model import (
    Client,
    Family,
    GateClosed,
    GrantType,
    Redeemed,
    Replayed,
)
from idp.ports import Audit, Grants
from idp.protocol.client_auth import AuthenticatedClient
from idp.protocol.form import Form
from idp.protocol.handles import CodeGrant, RefreshGrant, check_code
from idp.protocol.scopes import OFFLINE, OPENID


class AuthorizationCodeGrant:
    """Turns a code into tokens, once."""

    def __init__(
        self,
        *,
        grants: Grants,
        mint: TokenMint,
        released: ReleasedClaims,
        audit: Audit,
    ) -> None:
        self._grants = grants
        self._mint = mint
        self._released = released
        self._audit = audit

    async def redeem(self, proof: AuthenticatedClient, form: Form, now: int) -> TokenSet:
        """Tokens for a code that is ours, this client's, young, unused, and fits its challenge.

        Spec: RFC 6749 §4.1.3, §4.1.4; RFC 7636 §4.6; RFC 9700 §2.1.1
        Raises: InvalidGrant, InvalidRequest, UnauthorizedClient.
        """
        client = proof.client
        if GrantType.AUTHORIZATION_CODE not in client.grant_types:
            raise UnauthorizedClient("this client is not registered for the grant")
        code = form.get("code")
        if code is None:
            raise InvalidRequest("code is required")
        grant = self._mint.open_code(code, client)
        check_code(grant, form.get("redirect_uri"), form.get("code_verifier"), now)
        family = _family(client, grant, now)
        await self._take(family, now)
        return await self._tokens(client, family, grant.nonce, now)

    async def _take(self, family: Family, now: int) -> None:
        match await self._grants.redeem(family):
            case Redeemed():
                return
            case Replayed():
                await self._grants.revoke_family(family.family_id, "code_replayed", now)
                self._audit.record(
                    "code_replayed", {"client": family.client_id, "family": family.family_id}
                )
                raise InvalidGrant("the code has been used", detail="code replayed")
            case GateClosed():
                raise InvalidGrant("the code is not valid", detail="gate closed")

    async def _tokens(
        self, client: Client, family: Family, nonce: str | None, now: int
    ) -> TokenSet:
        access_token = self._mint.access_token(client, family, family.scopes, now)
        refresh = RefreshGrant(family_id=family.family_id, generation=0)
        return TokenSet(
            access_token=access_token,
            expires_in_seconds=client.access_token_seconds,
            scopes=family.scopes,
            refresh_token=(
                self._mint.refresh_token(refresh, client) if family.refreshable else None
            ),
            id_token=(
                self._mint.id_token(
                    client,
                    family,
                    nonce=nonce,
                    access_token=access_token,
                    extra=await self._extra(client, family),
                    now=now,
                )
                if OPENID in family.scopes
                else None
            ),
        )

    async def _extra(self, client: Client, family: Family) -> Mapping[str, object]:
        """Claims for the ID token; most have none, and then nobody is read."""
        if not self._released.any_in_id_token(client, family):
            return {}
        standing = await self._grants.family(family.family_id, client.system, b"")
        if standing is None:
            raise InvalidGrant("the code is not valid", detail="family vanished")
        return self._released.in_id_token(client, standing, family.scopes)


def _family(client: Client, grant: CodeGrant, now: int) -> Family:
    refreshable = GrantType.REFRESH_TOKEN in client.grant_types
    lifetime = client.refresh_token_seconds if refreshable else client.access_token_seconds
    return Family(
        family_id=grant.family_id,
        client_id=client.client_id,
        subject=grant.subject,
        sub=grant.sub,
        sid=SessionId(grant.sid),
        scopes=grant.scopes,
        claims_request=grant.claims_request,
        assurance=grant.assurance,
        amr=grant.amr,
        authenticated_at=grant.authenticated_at,
        created_at=now,
        expires_at=now + lifetime,
        refreshable=refreshable,
        offline=OFFLINE in grant.scopes,
    )

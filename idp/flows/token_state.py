"""What becomes of a token after it was issued: userinfo, introspection, revocation."""

from collections.abc import Mapping

from idp.errors import InsufficientScope, InvalidGrant, InvalidRequest, InvalidToken
from idp.flows.released_claims import ReleasedClaims
from idp.flows.tokens import OpenedToken, TokenMint
from idp.model import Client, ClientId, FamilyStanding
from idp.ports import Audit, Fences, Grants
from idp.protocol.claims_request import names_of
from idp.protocol.client_auth import AuthenticatedClient
from idp.protocol.form import Form
from idp.protocol.handles import REFRESH_TOKEN
from idp.protocol.scopes import OPENID, wire

REVOKED_TOKEN = "access_token"
MAX_TOKEN = 8192


class TokenState:
    """Asks the gate again at every use: nothing that was cut off is accepted anywhere."""

    def __init__(
        self,
        *,
        issuer: str,
        clients: Mapping[ClientId, Client],
        grants: Grants,
        fences: Fences,
        mint: TokenMint,
        released: ReleasedClaims,
        audit: Audit,
    ) -> None:
        self._issuer = issuer
        self._clients = clients
        self._grants = grants
        self._fences = fences
        self._mint = mint
        self._released = released
        self._audit = audit

    async def userinfo(self, token: str, now: int) -> Mapping[str, object]:
        """The claims behind a living access token of a person.

        Spec: OIDC Core §5.3
        Raises: InvalidToken, InsufficientScope.
        """
        opened = self._mint.open_access_token(token, now)
        if opened.of_client or OPENID not in opened.grant.scopes:
            raise InsufficientScope(
                "the access token has no openid scope", client=opened.grant.client_id
            )
        client, standing = await self._living(opened, now)
        _, asked = names_of(standing.family.claims_request)
        claims = self._released.of_family(client, standing, opened.grant.scopes, asked)
        return {**claims, "sub": standing.family.sub}

    async def _living(self, opened: OpenedToken, now: int) -> tuple[Client, FamilyStanding]:
        client = self._clients.get(ClientId(opened.grant.client_id))
        if client is None or client.disabled:
            raise InvalidToken("the access token is not valid", detail="client disabled")
        standing = await self._grants.family(opened.grant.family_id, client.system, opened.digest)
        if standing is None or not standing.live(now):
            raise InvalidToken(
                "the access token is not valid", detail="not live", client=client.client_id
            )
        return client, standing

    async def introspect(
        self, proof: AuthenticatedClient, form: Form, now: int
    ) -> dict[str, object]:
        """The state of a token, told to its own client and to registered resource servers.

        Spec: RFC 7662 §2.2
        Raises: InvalidRequest.
        """
        token = _token_of(form)
        try:
            if token.startswith(REFRESH_TOKEN + "_"):
                return await self._introspect_refresh(proof.client, token, now)
            return await self._introspect_access(proof.client, token, now)
        except (InvalidToken, InvalidGrant):
            return {"active": False}

    async def _introspect_access(self, asker: Client, token: str, now: int) -> dict[str, object]:
        opened = self._mint.open_access_token(token, now)
        grant = opened.grant
        if grant.client_id != asker.client_id and not asker.introspects_all:
            return {"active": False}
        answer: dict[str, object] = {
            "active": True,
            "iss": self._issuer,
            "client_id": grant.client_id,
            "token_type": "Bearer",
            "scope": wire(grant.scopes),
            "iat": grant.issued_at,
            "exp": grant.expires_at,
        }
        client = self._clients.get(ClientId(grant.client_id))
        if client is None or client.disabled:
            return {"active": False}
        answer["aud"] = client.resource or self._issuer
        if opened.of_client:
            if await self._fences.taken(REVOKED_TOKEN, opened.digest):
                return {"active": False}
            return answer | {"sub": f"client:{grant.client_id}"}
        _, standing = await self._living(opened, now)
        return answer | {"sub": standing.family.sub, "acr": standing.family.assurance.acr}

    async def _introspect_refresh(self, asker: Client, token: str, now: int) -> dict[str, object]:
        grant = self._mint.open_refresh_token(token, asker)
        standing = await self._grants.family(grant.family_id, asker.system, b"")
        if standing is None or not standing.live(now) or standing.generation != grant.generation:
            return {"active": False}
        return {
            "active": True,
            "iss": self._issuer,
            "client_id": asker.client_id,
            "scope": wire(standing.family.scopes),
            "sub": standing.family.sub,
            "exp": standing.family.expires_at,
        }

    async def revoke(self, proof: AuthenticatedClient, form: Form, now: int) -> None:
        """End an access token, or a whole family by its refresh token. Silent for unknown tokens.

        Spec: RFC 7009 §2.1, §2.2
        Raises: InvalidRequest.
        """
        token = _token_of(form)
        client = proof.client
        try:
            if token.startswith(REFRESH_TOKEN + "_"):
                family_id = self._mint.open_refresh_token(token, client).family_id
                await self._grants.revoke_family(family_id, "revoked_by_client", now)
                self._audit.record(
                    "family_revoked", {"client": client.client_id, "family": family_id}
                )
                return
            opened = self._mint.open_access_token(token, now)
        except (InvalidToken, InvalidGrant):
            return
        if opened.grant.client_id == client.client_id:
            await self._fences.once(REVOKED_TOKEN, opened.digest, opened.grant.expires_at)
            self._audit.record("access_token_revoked", {"client": client.client_id})


def _token_of(form: Form) -> str:
    form.refuse_repeated()
    token = form.get("token")
    if token is None or len(token) > MAX_TOKEN:
        raise InvalidRequest("token is required")
    return token

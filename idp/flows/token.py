"""The token endpoint: authenticate the client, then the grant that was asked for."""

from collections.abc import Sequence

from idp.errors import InvalidRequest, UnsupportedGrantType
from idp.flows.client_authentication import ClientAuthentication
from idp.flows.grants.authorization_code import AuthorizationCodeGrant
from idp.flows.grants.client_credentials import client_credentials
from idp.flows.grants.refresh_token import RefreshTokenGrant
from idp.flows.token_set import TokenSet
from idp.flows.tokens import TokenMint
from idp.ports import Clock
from idp.protocol.form import Form
from idp.protocol.resource import check_resource


class TokenEndpoint:
    """Answers a token request with a token set, or raises the RFC's refusal."""

    def __init__(
        self,
        *,
        authentication: ClientAuthentication,
        code_grant: AuthorizationCodeGrant,
        refresh_grant: RefreshTokenGrant,
        mint: TokenMint,
        clock: Clock,
    ) -> None:
        self._authentication = authentication
        self._code_grant = code_grant
        self._refresh_grant = refresh_grant
        self._mint = mint
        self._clock = clock

    async def answer(
        self, authorization: Sequence[bytes], form: Form, address: str, received_at: float
    ) -> TokenSet:
        """The phases of a token request.

        Spec: RFC 6749 §3.2, §5; RFC 8707 §2
        Raises: OAuthError, TooManyAttempts.
        """
        now = int(received_at)
        proof = await self._authentication.authenticate(authorization, form, address, now)
        check_resource(form, proof.client)
        match form.get("grant_type"):
            case "authorization_code":
                return await self._code_grant.redeem(proof, form, now)
            case "refresh_token":
                return await self._refresh_grant.refresh(
                    proof, form, now, int(received_at * 1000), int(self._clock() * 1000)
                )
            case "client_credentials":
                return client_credentials(self._mint, proof, form, now)
            case None:
                raise InvalidRequest("grant_type is required")
            case _:
                raise UnsupportedGrantType("this grant_type is not supported")

"""Machines with a token of their own: the client behind it, or a refusal."""

import hashlib
from collections.abc import Mapping

from idp.authn.throttle import group
from idp.errors import InsufficientScope, InvalidToken, TooManyAttempts
from idp.flows.client_authentication import FAILURE_WINDOW_SECONDS, FAILURES_PER_ADDRESS
from idp.flows.token_state import REVOKED_TOKEN
from idp.flows.tokens import TokenMint
from idp.model import Client, ClientId
from idp.ports import Counters, Fences

_NOT_VALID = "the access token is not valid"


class ClientTokens:
    """Tokens that clients got for themselves, with one scope. A person's token is never one.

    Wrong tokens are counted by group of addresses; a right one is never held up by them, as 256
    bits are not guessed and an address may be shared.
    """

    def __init__(
        self,
        scope: str,
        *,
        clients: Mapping[ClientId, Client],
        mint: TokenMint,
        fences: Fences,
        counters: Counters,
    ) -> None:
        self._scope = scope
        self._clients = clients
        self._mint = mint
        self._fences = fences
        self._counters = counters

    async def client(self, token: str, now: int) -> Client:
        """The client that was given this token for itself.

        Raises: InvalidToken, InsufficientScope.
        """
        opened = self._mint.open_access_token(token, now)
        client_id = ClientId(opened.grant.client_id)
        if not opened.of_client or self._scope not in opened.grant.scopes:
            detail = f"the access token has no {self._scope} scope"
            raise InsufficientScope(detail, client=client_id)
        client = self._clients.get(client_id)
        if client is None or client.disabled:
            raise InvalidToken(_NOT_VALID, client=client_id)
        if await self._fences.taken(REVOKED_TOKEN, opened.digest):
            raise InvalidToken(_NOT_VALID, client=client_id)
        return client

    async def count_failure(self, address: str) -> None:
        """One more wrong token from there.

        Raises: TooManyAttempts.
        """
        key = hashlib.sha256(f"{self._scope}\0{group(address)}".encode()).hexdigest()
        count = await self._counters.hit(f"{self._scope}-failures:{key}", FAILURE_WINDOW_SECONDS)
        if count > FAILURES_PER_ADDRESS:
            raise TooManyAttempts(FAILURE_WINDOW_SECONDS)

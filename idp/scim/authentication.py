"""Which connector a request comes from: its own bearer token, or its client's with the scope `scim`."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from idp.authn.throttle import group
from idp.errors import InsufficientScope, InvalidToken, TooManyAttempts
from idp.flows.client_authentication import FAILURE_WINDOW_SECONDS, FAILURES_PER_ADDRESS
from idp.flows.token_state import REVOKED_TOKEN
from idp.flows.tokens import TokenMint
from idp.model import Client, ClientId, Connector, ConnectorId
from idp.ports import Counters, Fences
from idp.protocol.bearer import read_bearer
from idp.protocol.form import parse_form
from idp.web.http import HttpRequest

SCOPE = "scim"
_NOT_VALID = "the access token is not valid"


@dataclass(frozen=True, slots=True)
class ProvenConnector:
    """Made here alone: the connector whose token came with this very request."""

    connector: Connector


class ConnectorAuthentication:
    """Finds the connector, or refuses. A cookie or a person's token is never a proof here.

    Wrong tokens are counted by group of addresses; a right one is never held up by them, as 256
    bits are not guessed and an address may be shared.
    """

    def __init__(
        self,
        *,
        connectors: Mapping[ConnectorId, Connector],
        clients: Mapping[ClientId, Client],
        mint: TokenMint,
        fences: Fences,
        counters: Counters,
    ) -> None:
        self._clients = clients
        self._mint = mint
        self._fences = fences
        self._counters = counters
        living = [each for each in connectors.values() if not each.disabled]
        self._by_digest = {digest: each for each in living for digest in each.token_digests}
        self._by_client = {each.client: each for each in living if each.client is not None}

    async def authenticate(self, request: HttpRequest, now: int) -> ProvenConnector:
        """The connector behind the bearer token of the header.

        Spec: RFC 7644 §2, RFC 6750 §2.1
        Raises: InvalidToken, InsufficientScope, InvalidRequest, TooManyAttempts.
        """
        token = read_bearer(request.headers(b"authorization"), parse_form(request.query), None)
        own = self._by_digest.get(hashlib.sha256(token.encode("ascii")).digest())
        if own is not None:
            return ProvenConnector(own)
        try:
            return ProvenConnector(await self._of_client(token, now))
        except InvalidToken:
            await self._count(request.address)
            raise

    async def _of_client(self, token: str, now: int) -> Connector:
        opened = self._mint.open_access_token(token, now)
        client_id = ClientId(opened.grant.client_id)
        if not opened.of_client or SCOPE not in opened.grant.scopes:
            raise InsufficientScope("the access token has no scim scope", client=client_id)
        client, connector = self._clients.get(client_id), self._by_client.get(client_id)
        if client is None or client.disabled or connector is None:
            raise InvalidToken(_NOT_VALID, client=client_id)
        if await self._fences.taken(REVOKED_TOKEN, opened.digest):
            raise InvalidToken(_NOT_VALID, client=client_id)
        return connector

    async def _count(self, address: str) -> None:
        key = hashlib.sha256(f"scim\0{group(address)}".encode()).hexdigest()
        count = await self._counters.hit(f"scim-failures:{key}", FAILURE_WINDOW_SECONDS)
        if count > FAILURES_PER_ADDRESS:
            raise TooManyAttempts(FAILURE_WINDOW_SECONDS)

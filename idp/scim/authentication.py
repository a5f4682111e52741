"""Which connector a request comes from: its own bearer token, or its client's with the scope `scim`."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from idp.errors import InvalidToken
from idp.flows.client_tokens import ClientTokens
from idp.model import Connector, ConnectorId
from idp.protocol.bearer import read_bearer
from idp.protocol.form import parse_form
from idp.web.http import HttpRequest

SCOPE = "scim"


@dataclass(frozen=True, slots=True)
class ProvenConnector:
    """Made here alone: the connector whose token came with this very request."""

    connector: Connector


class ConnectorAuthentication:
    """Finds the connector, or refuses. A cookie or a person's token is never a proof here."""

    def __init__(
        self, *, connectors: Mapping[ConnectorId, Connector], tokens: ClientTokens
    ) -> None:
        self._tokens = tokens
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
            await self._tokens.count_failure(request.address)
            raise

    async def _of_client(self, token: str, now: int) -> Connector:
        client = await self._tokens.client(token, now)
        connector = self._by_client.get(client.client_id)
        if connector is None:
            raise InvalidToken("the access token is not valid", client=client.client_id)
        return connector

"""`[scim.connectors.ID]`: the staff registers that push accounts, and by what each is known."""

import hashlib
import re
from collections.abc import Container, Mapping
from typing import Annotated

from pydantic import Field

from connectors.config.checked import Entry, Table, checked
from connectors.config.problems import Place, Problem
from connectors.config.surroundings import Surroundings
from connectors.config.tables import SecretTable
from idp.model import Client, ClientId, Connector, ConnectorId, GrantType

_CONNECTOR_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}", re.ASCII)
SCOPE = "scim"


class ConnectorTable(Table):
    """One register: known by a bearer token of its own, or by a client of its own."""

    tokens: Annotated[tuple[SecretTable, ...], Field(max_length=2)] = ()
    client: str | None = None
    agency_code: Annotated[str, Field(pattern=r"^[A-Z0-9.]{1,35}$")] | None = None
    sets_passwords: bool = False
    disabled: bool = False


def read_connectors(
    entries: Mapping[str, Entry],
    surroundings: Surroundings,
    clients: Mapping[ClientId, Client],
    names: Container[str],
) -> tuple[dict[ConnectorId, Connector], list[Problem]]:
    """All connectors, and every mistake in any of them.

    `names` are the ids of clients, systems and sources: a connector that shared one could be taken for it.
    """
    connectors: dict[ConnectorId, Connector] = {}
    problems: list[Problem] = []
    digests: set[bytes] = set()
    taken: set[ClientId] = set()
    for name, entry in entries.items():
        found: list[Problem] = []
        if not _CONNECTOR_ID.fullmatch(name) or name in names:
            wanted = "an id of a-z, 0-9 and ._-, at most 50, that no client, system or source has"
            found.append(entry.place.problem(wanted))
        table = checked(ConnectorTable, entry, surroundings, found)
        if table is not None:
            connector = _connector(ConnectorId(name), table)
            found += _contradictions(table, entry.place, clients, taken)
            if digests & set(connector.token_digests):
                found.append(entry.place.at("tokens").problem("a token that no other one has"))
            digests |= set(connector.token_digests)
            connectors[connector.connector_id] = connector
        problems += found
    return connectors, problems


def _contradictions(
    table: ConnectorTable, place: Place, clients: Mapping[ClientId, Client], taken: set[ClientId]
) -> list[Problem]:
    """Keys that are right by themselves, and not together."""
    if bool(table.tokens) == (table.client is not None):
        return [place.problem("either tokens or client")]
    if table.client is None:
        return []
    client = clients.get(ClientId(table.client))
    right = (
        client is not None
        and client.confidential
        and GrantType.CLIENT_CREDENTIALS in client.grant_types
        and SCOPE in client.scopes
    )
    wanted = f"a confidential client with the grant client_credentials and the scope {SCOPE}"
    found = [] if right else [place.at("client").problem(wanted)]
    if ClientId(table.client) in taken:
        found.append(place.at("client").problem("a client that no other connector has"))
    taken.add(ClientId(table.client))
    return found


def _connector(connector_id: ConnectorId, table: ConnectorTable) -> Connector:
    return Connector(
        connector_id=connector_id,
        token_digests=tuple(
            hashlib.sha256(entry.secret.encode()).digest() for entry in table.tokens
        ),
        client=None if table.client is None else ClientId(table.client),
        agency_code=table.agency_code,
        sets_passwords=table.sets_passwords,
        disabled=table.disabled,
    )

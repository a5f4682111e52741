"""Who fetches events: each system as a client of its own, checked when all clients are known."""

from collections.abc import Mapping

from connectors.config.problems import Problem
from connectors.contract import SystemId
from connectors.registry import EventsPoll, System
from idp.config_files import Document
from idp.model import Client, ClientId, GrantType

SCOPE = "ssf.read"
"""What the token of a client that fetches events has to hold."""


def polling_problems(
    document: Document, systems: Mapping[SystemId, System], clients: Mapping[ClientId, Client]
) -> list[Problem]:
    """Clients that could not fetch, and clients that would fetch for two systems."""
    found: list[Problem] = []
    taken: set[ClientId] = set()
    for name, system in systems.items():
        if not isinstance(system.push, EventsPoll):
            continue
        place = document.systems[name].place.at("provisioning", "client")
        client = clients.get(ClientId(system.push.client))
        if client is None or not _fetches(client):
            wanted = "a confidential client with the grant client_credentials and the scope"
            found.append(place.problem(f"{wanted} {SCOPE}"))
        elif client.system not in (None, name):
            found.append(place.problem("a client that stands for no other system"))
        if ClientId(system.push.client) in taken:
            found.append(place.problem("a client that fetches for no other system"))
        taken.add(ClientId(system.push.client))
    return found


def _fetches(client: Client) -> bool:
    return (
        client.confidential
        and GrantType.CLIENT_CREDENTIALS in client.grant_types
        and SCOPE in client.scopes
    )

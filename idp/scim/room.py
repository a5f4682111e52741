"""The parts of the SCIM server, put together."""

from collections.abc import Mapping

from connectors.provisioning.writer import OutboxWriter
from idp.authn.password import PasswordHasher
from idp.flows.client_tokens import ClientTokens
from idp.flows.end_subject import SubjectEnd
from idp.flows.tokens import TokenMint
from idp.model import Client, ClientId, Connector, ConnectorId
from idp.ports import Audit, Counters, Entropy, Fences
from idp.scim.authentication import SCOPE, ConnectorAuthentication
from idp.scim.desk import Desk
from idp.scim.discovery import Discovery
from idp.scim.endpoints import ScimEndpoint
from idp.scim.groups import GroupShelf
from idp.scim.operations import Operations
from idp.scim.search import Search
from idp.scim.users import UserShelf
from idp.store.scim import SqlScim
from idp.store.scim_users import SqlScimUsers
from keys.blind import BlindIndex
from keys.seal import Sealer
from keys.sql import Database


def scim_endpoint(
    *,
    issuer: str,
    connectors: Mapping[ConnectorId, Connector],
    clients: Mapping[ClientId, Client],
    database: Database,
    sealer: Sealer,
    index: BlindIndex,
    outbox: OutboxWriter,
    mint: TokenMint,
    fences: Fences,
    counters: Counters,
    hasher: PasswordHasher,
    end: SubjectEnd,
    audit: Audit,
    entropy: Entropy,
) -> ScimEndpoint:
    """The endpoint for everything below `/scim/v2`."""
    resources = SqlScim(database, sealer, index)
    users = UserShelf(
        base=issuer,
        resources=resources,
        users=SqlScimUsers(database, sealer, index, resources, outbox),
        hasher=hasher,
        end=end,
        audit=audit,
        entropy=entropy,
    )
    groups = GroupShelf(base=issuer, resources=resources, audit=audit, entropy=entropy)
    shelves = {
        "Users": Operations(users, resources),
        "Groups": Operations(groups, resources),
    }
    tokens = ClientTokens(SCOPE, clients=clients, mint=mint, fences=fences, counters=counters)
    authentication = ConnectorAuthentication(connectors=connectors, tokens=tokens)
    searches = {
        "Users": Search([users], resources),
        "Groups": Search([groups], resources),
        "": Search([users, groups], resources),
    }
    desk = Desk(issuer, shelves, searches, Discovery(issuer))
    return ScimEndpoint(authentication, desk)

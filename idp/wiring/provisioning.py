"""The outbox and the ways out of it, put together from the configuration."""

from collections.abc import Mapping

import httpx
import orjson

from connectors.contract import SystemId
from connectors.provisioning.csv_drop import CsvDrop
from connectors.provisioning.events import EventDeliverer, Sign
from connectors.provisioning.messages import CREATING, Deliverer
from connectors.provisioning.outbox import Outbox
from connectors.provisioning.rest import RestDeliverer
from connectors.provisioning.scim import ScimDeliverer
from connectors.provisioning.webhook import WebhookDeliverer
from connectors.registry import (
    CsvPush,
    EventsPoll,
    EventsPush,
    RecordPush,
    RestPush,
    ScimPush,
    System,
    WebhookPush,
)
from idp.adapters import Stores
from idp.config import Settings
from idp.flows.notices import participant_of
from idp.flows.provisioning import ProvisioningDelivery
from idp.ports import Audit, Clock, Entropy
from idp.store.records import SqlRecords
from keys.keyring import KeyRing

Sent = RecordPush | EventsPush | WebhookPush
"""The ways that we go ourselves."""
EVENTS_ALG = "RS256"
"""What every receiver can verify; the ring always has it.

Spec: OpenID CAEP Interoperability Profile 1.0 (RS256)
"""


def systems_of_participants(settings: Settings) -> Mapping[str, SystemId]:
    """Which system a participant of a session is: by its own dialect, or as a client of OIDC."""
    clients = settings.clients.values()
    return {participant_of(system): name for name, system in settings.systems.items()} | {
        client.client_id: client.system for client in clients if client.system is not None
    }


def provisioning_delivery(
    settings: Settings,
    stores: Stores,
    keyring: KeyRing,
    http: httpx.AsyncClient,
    audit: Audit,
    clock: Clock,
    entropy: Entropy,
) -> ProvisioningDelivery:
    """The journey that empties the outbox; `http` goes by the one way out."""

    def sign(typ: str, claims: Mapping[str, object]) -> str:
        return keyring.signer(EVENTS_ALG).sign(typ, orjson.dumps(claims))

    return ProvisioningDelivery(
        outbox=Outbox(stores.database),
        records=SqlRecords(stores.database, stores.sealer, settings.systems),
        deliverers={
            name: _deliverer(system, system.push, http, settings.issuer, sign, clock)
            for name, system in settings.systems.items()
            if system.push is not None and not isinstance(system.push, EventsPoll)
        },
        audit=audit,
        clock=clock,
        holder=entropy(8).hex(),
    )


def _deliverer(
    system: System,
    push: Sent,
    http: httpx.AsyncClient,
    issuer: str,
    sign: Sign,
    clock: Clock,
) -> Deliverer:
    match push:
        case ScimPush():
            return ScimDeliverer(http, push, creates=system.provisioning in CREATING)
        case RestPush():
            return RestDeliverer(http, push)
        case CsvPush():
            return CsvDrop(push)
        case EventsPush():
            return EventDeliverer(http, push, issuer=issuer, sign=sign, clock=clock)
        case WebhookPush():
            return WebhookDeliverer(http, push, clock)

"""Shared signals: where events are fetched, and what is said of how they are told."""

from collections.abc import Mapping

import orjson

from connectors.provisioning.polled import PolledLanes
from connectors.registry import EventsPoll, EventsPush
from idp.config_event_poll import SCOPE
from idp.flows.client_tokens import ClientTokens
from idp.flows.event_poll import EventPoll
from idp.model import ClientId
from idp.protocol.discovery import transmitter_metadata
from idp.store.records import SqlRecords
from idp.web.event_poll import POLL_PATH, poll_endpoint
from idp.web.http import Endpoint
from idp.web.metadata import discovery_endpoint
from idp.wiring.parts import Parts
from idp.wiring.provisioning import EVENTS_ALG


def shared_signals_endpoints(parts: Parts) -> dict[str, Endpoint]:
    """By path; none of them where no system is told by events."""
    systems = parts.settings.systems.values()
    polling = {
        ClientId(system.push.client): system
        for system in systems
        if isinstance(system.push, EventsPoll)
    }
    pushed = any(isinstance(system.push, EventsPush) for system in systems)
    if not polling and not pushed:
        return {}
    document = transmitter_metadata(parts.settings.issuer, push=pushed, poll=bool(polling))
    described = {"/.well-known/ssf-configuration": discovery_endpoint(document)}
    if not polling:
        return described

    def sign(typ: str, claims: Mapping[str, object]) -> str:
        return parts.keyring.signer(EVENTS_ALG).sign(typ, orjson.dumps(claims))

    flow = EventPoll(
        lanes=PolledLanes(parts.stores.database),
        records=SqlRecords(parts.stores.database, parts.stores.sealer, parts.settings.systems),
        issuer=parts.settings.issuer,
        sign=sign,
        audit=parts.audit,
        clock=parts.clock,
    )
    tokens = ClientTokens(
        SCOPE,
        clients=parts.settings.clients,
        mint=parts.mint,
        fences=parts.fences,
        counters=parts.stores.counters,
    )
    return described | {POLL_PATH: poll_endpoint(flow, tokens, polling)}

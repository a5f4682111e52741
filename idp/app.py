"""The only wiring: settings in, one ASGI application out."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from connectors.contract import AccountVerifier, SystemId
from connectors.provisioning.outbox import Outbox
from connectors.registry import FileVerification, HttpVerification
from connectors.verifiers.http import HttpVerifier
from connectors.verifiers.password_file import PasswordFileVerifier
from idp.adapters import audit_witness, key_store, open_stores, rotation_policy
from idp.audit.writer import BatchingAudit
from idp.config import Settings
from idp.egress.client import HttpEgress, outgoing_client
from idp.flows.deliver import NoticeDelivery
from idp.flows.housekeeping import housekeeping, sweep_outbox, sweep_upstream_sessions
from idp.ports import Clock, Entropy
from idp.store.fences import SqlFences
from idp.store.grants import SqlGrants
from idp.web.edge import Edge, trusted_networks
from idp.web.refusals import Refusals
from idp.web.site import make_site
from idp.wiring.endpoints import page_endpoints, protocol_endpoints, rooms
from idp.wiring.ldap_front import ldap_front
from idp.wiring.notices import notice_writers, saml_place, session_ends
from idp.wiring.parts import Parts
from idp.wiring.provisioning import provisioning_delivery
from idp.wiring.upstream import Upstream
from keys.blind import BlindIndex
from keys.keyring import KeyRing
from keys.sql import StoreUnavailableError


@asynccontextmanager
async def open_service(
    settings: Settings, clock: Clock = time.time, entropy: Entropy = os.urandom
) -> AsyncIterator[Edge]:
    """The whole provider as an ASGI application, its background work running.

    Raises: StoreUnavailableError, RingUnreadable.
    """
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(settings, clock, entropy))
        keyring = await KeyRing.load(
            key_store(settings, stores.database),
            stores.sealer,
            rotation_policy(settings),
            int(clock()),
        )
        chain = f"{int(clock())}-{entropy(6).hex()}"
        audit = await BatchingAudit.open(stores.database, audit_witness(settings), chain, clock)
        stack.push_async_callback(audit.close)
        http = outgoing_client(settings.tables.network.ca_file, settings.egress_rules)
        stack.push_async_callback(http.aclose)
        ends = session_ends(settings, stores)
        saml = saml_place(settings, keyring)
        writers = notice_writers(settings, keyring, saml, entropy)
        egress = HttpEgress(http)
        delivery = NoticeDelivery(
            ends=ends,
            writers=writers,
            egress=egress,
            audit=audit,
            clock=clock,
        )
        verifiers: dict[SystemId, AccountVerifier] = {}
        for system in settings.systems.values():
            match system.verification:
                case HttpVerification(url=url, secret=secret):
                    verifiers[system.system_id] = HttpVerifier(http, url, secret)
                case FileVerification(path=path):
                    verifiers[system.system_id] = PasswordFileVerifier(Path(path))
                case None:
                    pass
        upstream = Upstream(
            settings, stores.database, stores.sealer, http, keyring, clock, entropy, stores.outbox
        )
        parts = Parts(
            settings, stores, keyring, audit, ends, egress, delivery, writers, verifiers, upstream,
            saml, clock, entropy,
        )  # fmt: skip
        stack.callback(parts.hasher.close)
        await stack.enter_async_context(_running(delivery.run()))
        telling = provisioning_delivery(settings, stores, keyring, http, audit, clock, entropy)
        await stack.enter_async_context(_running(telling.run()))
        sweeping_outbox = sweep_outbox(Outbox(stores.database), clock)
        await stack.enter_async_context(_running(sweeping_outbox))
        await stack.enter_async_context(_running(audit.run()))
        if settings.sources:
            await stack.enter_async_context(_running(upstream.health.watch(http)))
        if settings.sources or settings.directories:
            sweeping = sweep_upstream_sessions(upstream.sessions, clock)
            await stack.enter_async_context(_running(sweeping))
        fences = SqlFences(stores.database)
        await stack.enter_async_context(
            _running(
                housekeeping(
                    keyring, fences, SqlGrants(stores.database, stores.sealer), ends, clock
                )
            )
        )
        await stack.enter_async_context(ldap_front(parts))
        yield _application(parts)


@asynccontextmanager
async def _running(journey: Coroutine[object, object, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(journey)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _application(parts: Parts) -> Edge:
    """The endpoints by path, the site behind them."""

    async def ready() -> bool:
        try:
            await parts.stores.database.one("SELECT 1 AS up")
            await parts.stores.counters.count("readiness")
        except StoreUnavailableError:
            return False
        return True

    site = make_site(
        pages=parts.pages,
        errors=parts.errors,
        cookies=parts.cookies,
        sign_in=parts.sign_in,
        grants=parts.grants,
        systems=tuple(parts.settings.systems.values()),
        ready=ready,
    )
    return Edge(
        site,
        endpoints=protocol_endpoints(parts) | page_endpoints(parts),
        rooms=rooms(parts),
        trusted_proxies=trusted_networks(parts.settings.tables.network.trusted_proxies),
        fault_page=parts.errors.fault,
        refusals=Refusals(
            parts.audit,
            parts.settings.clients,
            BlindIndex(parts.settings.keks[-1]),
            parts.entropy,
        ),
        entropy=parts.entropy,
        clock=parts.clock,
    )

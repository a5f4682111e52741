"""The adapters that a deployment uses: settings in, stores out, closed again at the end."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from connectors.provisioning.messages import TOLD
from connectors.provisioning.writer import OutboxWriter
from idp.audit.chain import PURPOSE as AUDIT_PURPOSE
from idp.config import Settings
from idp.ports import Clock, Counters, Entropy, Sessions
from idp.store.accounts import SqlAccounts
from idp.store.memory import MemoryCounters, MemorySessions
from idp.store.postgres import PostgresDatabase
from idp.store.redis_pipeline import RedisPipeline
from idp.store.redis_state import RedisCounters, RedisSessions
from idp.store.sqlite import SqliteDatabase
from keys.blind import BlindIndex
from keys.rotation import RotationPolicy
from keys.seal import Sealer
from keys.sql import Database
from keys.store import FileKeyStore, KeyStore, SqlKeyStore
from keys.witness import Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The adapters that this deployment uses."""

    database: Database
    sealer: Sealer
    sessions: Sessions
    counters: Counters
    accounts: SqlAccounts
    outbox: OutboxWriter
    """What changes write into, in their own transactions."""


def rotation_policy(settings: Settings) -> RotationPolicy:
    """How keys rotate here."""
    keys = settings.tables.keys
    return RotationPolicy(algorithms=keys.algorithms, rotate_after_seconds=keys.rotate_days * 86400)


async def open_database(settings: Settings) -> Database:
    """The configured database; its schema is brought up beforehand by `store.sql_migrate`."""
    url = settings.tables.storage.database_url
    if url.startswith("sqlite:///"):
        return SqliteDatabase(Path(url.removeprefix("sqlite:///")))
    return await PostgresDatabase.connect(url)


@asynccontextmanager
async def open_stores(
    settings: Settings, clock: Clock = time.time, entropy: Entropy = os.urandom
) -> AsyncIterator[Stores]:
    """The stores, closed again at the end.

    Raises: StoreUnavailableError.
    """
    async with AsyncExitStack() as stack:
        database = await open_database(settings)
        stack.push_async_callback(database.close)
        sealer = Sealer(settings.keks, entropy=entropy)
        sessions: Sessions = MemorySessions(clock)
        counters: Counters = MemoryCounters(clock)
        redis_url = settings.tables.storage.redis_url
        if redis_url is not None:
            pipeline = RedisPipeline(redis_url, settings.tables.network.ca_file)
            stack.push_async_callback(pipeline.close)
            sessions, counters = RedisSessions(pipeline), RedisCounters(pipeline)
        told = {name: one for name, one in settings.systems.items() if one.push is not None}
        outbox = OutboxWriter(
            {name: TOLD[system.provisioning] for name, system in told.items()},
            {name: frozenset(r.source for r in one.claims) for name, one in told.items()},
        )
        yield Stores(
            outbox=outbox,
            database=database,
            sealer=sealer,
            sessions=sessions,
            counters=counters,
            accounts=SqlAccounts(
                database, sealer, BlindIndex(settings.keks[-1]), outbox=outbox, clock=clock
            ),
        )


def audit_witness(settings: Settings) -> Witness:
    """What marks the audit chains here."""
    return Witness(settings.keks, AUDIT_PURPOSE)


def key_store(settings: Settings, database: Database) -> KeyStore:
    """Where the ring is kept."""
    keys = settings.tables.keys
    if keys.store == "file" and keys.file is not None:
        return FileKeyStore(Path(keys.file))
    return SqlKeyStore(database)

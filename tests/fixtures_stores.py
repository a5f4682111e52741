"""Stores over real servers: every contract runs on each adapter."""

import secrets
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from idp.ports import Counters, Sessions
from idp.store.memory import MemoryCounters, MemorySessions
from idp.store.postgres import PostgresDatabase
from idp.store.redis_pipeline import RedisPipeline
from idp.store.redis_state import RedisCounters, RedisSessions
from idp.store.sql_migrate import migrate
from idp.store.sqlite import SqliteDatabase
from keys.seal import Sealer
from keys.sql import Database
from tests import services


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with services.postgres() as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with services.redis() as url:
        yield url


@pytest.fixture
async def empty_postgres(postgres_url: str) -> AsyncIterator[str]:
    """The address of a fresh database without tables."""
    name = services.database_name()
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    yield urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite'}"
    return str(request.getfixturevalue("empty_postgres"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    migrate(database_url)
    opened: Database
    if database_url.startswith("sqlite"):
        opened = SqliteDatabase(Path(database_url.removeprefix("sqlite:///")))
    else:
        opened = await PostgresDatabase.connect(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def pipeline(redis_url: str) -> AsyncIterator[RedisPipeline]:
    opened = RedisPipeline(redis_url)
    await opened.run("FLUSHDB")
    yield opened
    await opened.close()


@pytest.fixture(params=["memory", "redis"])
def sessions(request: pytest.FixtureRequest) -> Sessions:
    if request.param == "memory":
        return MemorySessions(time.time)
    return RedisSessions(request.getfixturevalue("pipeline"))


@pytest.fixture(params=["memory", "redis"])
def counters(request: pytest.FixtureRequest) -> Counters:
    if request.param == "memory":
        return MemoryCounters(time.time)
    return RedisCounters(request.getfixturevalue("pipeline"))


@pytest.fixture
def sealer() -> Sealer:
    return Sealer([secrets.token_bytes(32)], entropy=secrets.token_bytes)

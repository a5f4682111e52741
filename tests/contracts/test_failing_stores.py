"""Stores whose server fails: an outage is told as one, nothing is torn, no answer is crossed."""

import asyncio
import hashlib
import os
import secrets
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from idp.errors import Overloaded
from idp.store.fences import SqlFences
from idp.store.memory import KEPT_COUNT, MemoryCounters, MemorySessions
from idp.store.postgres import CONNECTIONS, PostgresDatabase
from idp.store.redis_pipeline import RedisPipeline
from idp.store.redis_state import RedisCounters, RedisSessions
from idp.store.sql_migrate import migrate
from idp.store.sqlite import SqliteDatabase
from keys.sql import Database, StoreUnavailableError
from tests.contracts.test_short_lived_state import a_session
from tests.services import PrivatePostgres, PrivateRedis

FENCE = "INSERT INTO fence (kind, digest, expires_at) VALUES ($1, $2, 1)"


# --- memory --------------------------------------------------------------------------------------


async def test_a_stranger_cannot_fill_the_memory_with_counters() -> None:
    counters = MemoryCounters(lambda: 0.0, max_entries=100)
    for number in range(10_000):
        await counters.hit(f"made-up-{number}", 60)
        assert len(counters._windows) <= 100


async def test_a_flood_of_keys_switches_no_limit_off() -> None:
    counters = MemoryCounters(lambda: 0.0, max_entries=100)
    for _ in range(3):
        await counters.hit("guessed twice or more", 60)
    for _ in range(KEPT_COUNT):
        await counters.hit("at its limit", 60)
    for number in range(5_000):
        await counters.hit(f"made-up-{number}", 60)
    assert (await counters.count("guessed twice or more"))[0] == 3
    assert await counters.hit("at its limit", 60) == KEPT_COUNT + 1


async def test_counters_at_their_limits_are_never_forgotten_for_a_new_one() -> None:
    now = [0.0]
    counters = MemoryCounters(lambda: now[0], max_entries=20)
    for number in range(20):
        for _ in range(KEPT_COUNT):
            await counters.hit(f"k{number}", 60)
    for _ in range(3):
        with pytest.raises(Overloaded):
            await counters.hit("new", 60)
    assert await counters.hit("k0", 60) == KEPT_COUNT + 1
    now[0] = 61.0
    assert await counters.hit("new", 60) == 1


async def test_a_known_session_is_renewed_where_there_is_no_room_for_new_ones() -> None:
    now = [0.0]
    sessions = MemorySessions(lambda: now[0], max_entries=2)
    for digest in (b"1", b"2"):
        await sessions.put(digest, a_session(), 60)
    now[0] = 30.0
    await sessions.put(b"1", a_session(), 60)
    for _ in range(2):
        with pytest.raises(Overloaded):
            await sessions.put(b"3", a_session(), 60)
    now[0] = 70.0
    assert await sessions.get(b"1") is not None
    await sessions.put(b"3", a_session(), 60)
    assert await sessions.get(b"2") is None


# --- redis ---------------------------------------------------------------------------------------


@pytest.fixture
def own_redis(request: pytest.FixtureRequest) -> Iterator[PrivateRedis]:
    server = PrivateRedis(*getattr(request, "param", ()))
    server.start()
    yield server
    server.remove()


@pytest.mark.parametrize("own_redis", [("--requirepass", "right")], indirect=True)
async def test_a_refused_password_leaves_no_connection_behind(own_redis: PrivateRedis) -> None:
    let_in = RedisPipeline(own_redis.url.replace("redis://", "redis://:right@"))
    refused = RedisPipeline(own_redis.url.replace("redis://", "redis://:wrong@"))
    for _ in range(5):
        with pytest.raises(StoreUnavailableError):
            await refused.run("PING")
        refused._retry_at = 0.0
    await asyncio.sleep(0.2)
    clients = await let_in.run("CLIENT", "LIST")
    assert isinstance(clients, bytes)
    assert len(clients.splitlines()) == 1
    await let_in.close()


async def test_a_try_that_is_cancelled_leaves_no_connection_behind() -> None:
    open_now: set[asyncio.StreamWriter] = set()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now.add(writer)
        await reader.read()
        open_now.discard(writer)
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    pipeline = RedisPipeline(f"redis://:secret@127.0.0.1:{port}/0")
    asking = asyncio.create_task(pipeline.run("PING"))
    while not open_now:
        await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    async with asyncio.timeout(5):
        while open_now:
            await asyncio.sleep(0.01)
    server.close()


@asynccontextmanager
async def answering(reply: bytes) -> AsyncIterator[tuple[RedisPipeline, list[int]]]:
    """A server that gives the same answer to each command; how many connections it has seen."""
    seen: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(1)
        while await reader.read(65536):
            writer.write(reply)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    pipeline = RedisPipeline(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield pipeline, seen
    finally:
        await pipeline.close()
        server.close()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("reply", [b"+OK\r\n", b"$-1\r\n", b"$1\r\n5\r\n", b"*0\r\n", b":0\r\n"])
async def test_a_count_that_is_no_number_never_switches_a_limit_off(reply: bytes) -> None:
    async with answering(reply) as (pipeline, _):
        with pytest.raises(StoreUnavailableError):
            await RedisCounters(pipeline).hit("k", 60)


@pytest.mark.parametrize("reply", [b"+OK\r\n", b"$3\r\nabc\r\n", b":1\r\n"])
async def test_a_stored_count_that_is_no_number_is_an_outage(reply: bytes) -> None:
    async with answering(reply) as (pipeline, _):
        with pytest.raises(StoreUnavailableError):
            await RedisCounters(pipeline).count("k")


@pytest.mark.parametrize("raw", [b"garbage", b"[]", b"[1]", b"{}", b"[1,2,9,3,4,5,6,7]"])
async def test_what_is_not_a_session_of_ours_signs_nobody_in(
    pipeline: RedisPipeline, raw: bytes
) -> None:
    await pipeline.run("SET", b"lt:s:" + b"d", raw)
    assert await RedisSessions(pipeline).get(b"d") is None


async def test_a_server_that_became_a_replica_is_left_for_another() -> None:
    async with answering(b"-READONLY You can't write against a read only replica.\r\n") as (
        pipeline,
        seen,
    ):
        for _ in range(3):
            with pytest.raises(StoreUnavailableError):
                await pipeline.run("SET", "k", "v")
            await asyncio.sleep(0.05)
        assert len(seen) == 3


async def test_an_answer_that_nobody_asked_for_ends_the_connection() -> None:
    async with answering(b"+one\r\n+two\r\n") as (pipeline, seen):
        assert await pipeline.run("ECHO", "one") == b"one"
        await asyncio.sleep(0.05)
        assert await pipeline.run("ECHO", "one") == b"one"
        assert len(seen) == 2


async def test_a_closed_pipeline_opens_nothing_again(own_redis: PrivateRedis) -> None:
    pipeline = RedisPipeline(own_redis.url)
    await pipeline.run("PING")
    await pipeline.close()
    await asyncio.sleep(0.05)
    with pytest.raises(StoreUnavailableError):
        await pipeline.run("PING")


async def test_ten_thousand_cancelled_requests_while_redis_restarts_cross_no_answer(
    own_redis: PrivateRedis,
) -> None:
    """X07."""
    pipeline = RedisPipeline(own_redis.url)
    crossed: list[int] = []

    async def ask(number: int) -> None:
        try:
            answer = await pipeline.run("ECHO", str(number))
        except StoreUnavailableError:
            return
        if answer != str(number).encode():
            crossed.append(number)

    for wave in range(10):
        storm = [asyncio.create_task(ask(wave * 2000 + n)) for n in range(2000)]
        for task in storm[::2]:
            await asyncio.sleep(0)
            task.cancel()
        if wave in (3, 6):
            await asyncio.to_thread(own_redis.stop)
            await asyncio.to_thread(own_redis.start)
        await asyncio.gather(*storm, return_exceptions=True)
    assert crossed == []
    async with asyncio.timeout(5):
        while True:
            try:
                assert await pipeline.run("ECHO", "back") == b"back"
                break
            except StoreUnavailableError:
                await asyncio.sleep(0.05)
    await pipeline.close()


# --- sqlite --------------------------------------------------------------------------------------


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    migrate(f"sqlite:///{tmp_path / 'own.sqlite'}")
    opened = SqliteDatabase(tmp_path / "own.sqlite")
    yield opened
    await opened.close()


async def test_a_file_that_is_no_database_is_told_as_an_outage(tmp_path: Path) -> None:
    path = tmp_path / "not.sqlite"
    path.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(StoreUnavailableError, match="NOTADB"):
        SqliteDatabase(path)
    with pytest.raises(StoreUnavailableError, match="CANTOPEN"):
        SqliteDatabase(tmp_path)


async def test_a_damaged_file_is_told_as_an_outage(tmp_path: Path) -> None:
    path = tmp_path / "own.sqlite"
    migrate(f"sqlite:///{path}")
    database = SqliteDatabase(path)
    for number in range(5000):
        await database.change(FENCE, "t", hashlib.sha256(str(number).encode()).digest())
    await database.one("PRAGMA wal_checkpoint(TRUNCATE)")
    await database.close()
    raw = bytearray(path.read_bytes())
    half = len(raw) // 2 // 4096 * 4096  # the schema stays, the rows go
    raw[half:] = os.urandom(len(raw) - half)
    path.write_bytes(raw)
    damaged = SqliteDatabase(path)
    with pytest.raises(StoreUnavailableError, match="CORRUPT"):
        await damaged.rows("SELECT * FROM fence")
    with pytest.raises(StoreUnavailableError, match="CORRUPT"):
        async with damaged.transaction() as statements:
            await statements.change(FENCE, "t", b"x")
    await damaged.close()


async def test_a_full_disk_is_told_with_its_reason_and_nothing_is_half_done(
    embedded: SqliteDatabase,
) -> None:
    pages = await embedded.one("PRAGMA page_count")
    assert pages is not None
    await embedded.one(f"PRAGMA max_page_count = {pages['page_count']}")
    with pytest.raises(StoreUnavailableError, match="FULL"):
        async with embedded.transaction() as statements:
            for number in range(2000):
                await statements.change(FENCE, "t", hashlib.sha256(str(number).encode()).digest())
    assert not await embedded.rows("SELECT * FROM fence"), "reads go on, nothing is half done"
    await embedded.one("PRAGMA max_page_count = 1000000")
    await embedded.change(FENCE, "t", b"room again")
    assert await SqlFences(embedded).taken("t", b"room again")


async def test_a_rule_that_is_broken_is_no_outage(embedded: SqliteDatabase) -> None:
    await embedded.change(FENCE, "t", b"1")
    with pytest.raises(sqlite3.IntegrityError):
        await embedded.change(FENCE, "t", b"1")


# --- postgresql ----------------------------------------------------------------------------------


@pytest.fixture
def own_postgres(request: pytest.FixtureRequest) -> Iterator[PrivatePostgres]:
    server = PrivatePostgres(*getattr(request, "param", ()))
    server.start()
    yield server
    server.remove()


async def backend(database: Database) -> Any:
    row = await database.one("SELECT pg_backend_pid() AS pid")
    assert row is not None
    return row["pid"]


async def open_postgres(url: str) -> PostgresDatabase:
    """The database, as soon as a server that was just started answers."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await PostgresDatabase.connect(url)
            except StoreUnavailableError:
                await asyncio.sleep(0.05)


async def test_a_caller_that_fails_costs_no_connection(empty_postgres: str) -> None:
    database = await PostgresDatabase.connect(empty_postgres)
    before = await backend(database)
    for _ in range(3):
        with pytest.raises(LookupError):
            async with database.transaction():
                raise LookupError
    with pytest.raises(asyncpg.DivisionByZeroError):
        await database.one("SELECT 1 / 0 AS x")
    assert await backend(database) == before
    await database.close()


async def test_a_caller_that_fails_with_a_timeout_of_its_own_is_no_outage(
    empty_postgres: str,
) -> None:
    database = await PostgresDatabase.connect(empty_postgres)
    with pytest.raises(TimeoutError):
        async with database.transaction():
            raise TimeoutError
    await database.close()


async def test_a_closed_database_begins_nothing_new(empty_postgres: str) -> None:
    database = await PostgresDatabase.connect(empty_postgres)
    running = asyncio.create_task(database.one("SELECT pg_sleep(0.3), 1 AS up"))
    await asyncio.sleep(0.1)
    await database.close()
    row = await running
    assert row is not None
    with pytest.raises(StoreUnavailableError):
        await database.one("SELECT 1 AS up")
    other = await PostgresDatabase.connect(empty_postgres)
    left = await other.one(
        "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()"
    )
    assert left is not None
    assert left["n"] == 1, "what was in use is closed, not kept"
    await other.close()


async def test_a_database_or_a_schema_that_is_missing_is_told_as_an_outage(
    empty_postgres: str,
) -> None:
    with pytest.raises(StoreUnavailableError, match="InvalidCatalogName"):
        await PostgresDatabase.connect(empty_postgres + "-not")
    database = await PostgresDatabase.connect(empty_postgres)
    with pytest.raises(StoreUnavailableError, match="UndefinedTable"):
        await database.one("SELECT 1 AS x FROM fence")
    await database.close()


async def test_a_statement_that_takes_too_long_is_an_outage_and_not_half_done(
    empty_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty_postgres)
    monkeypatch.setattr("idp.store.postgres.STATEMENT_SECONDS", 0.3)
    database = await PostgresDatabase.connect(empty_postgres)
    with pytest.raises(StoreUnavailableError):
        async with database.transaction() as statements:
            await statements.change(FENCE, "t", b"1")
            await statements.one("SELECT pg_sleep(20)")
    assert not await SqlFences(database).taken("t", b"1")
    await database.close()


async def test_a_node_frozen_inside_a_transaction_holds_its_locks_for_a_short_time_only(
    empty_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "idp.store.postgres._SESSION", {"idle_in_transaction_session_timeout": "200"}
    )
    migrate(empty_postgres)
    frozen, other = [await PostgresDatabase.connect(empty_postgres) for _ in range(2)]
    with pytest.raises(StoreUnavailableError):
        async with frozen.transaction() as statements:
            await statements.change(FENCE, "t", b"1")
            assert await SqlFences(other).once("t", b"1", 1), "the lock was let go"
            await statements.one("SELECT 1 AS up")
    await frozen.close()
    await other.close()


@pytest.mark.parametrize("own_postgres", [("max_connections=4",)], indirect=True)
async def test_too_many_connections_are_an_outage_and_the_rest_work(
    own_postgres: PrivatePostgres,
) -> None:
    database = await open_postgres(own_postgres.url)
    asked = [database.one("SELECT pg_sleep(0.2), 1 AS up") for _ in range(CONNECTIONS)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert 0 < len(refused) < CONNECTIONS
    assert all(isinstance(answer, StoreUnavailableError) for answer in refused)
    assert await database.one("SELECT 1 AS up") is not None
    await database.close()


@pytest.mark.parametrize("how", ["crash", "restart", "backend killed"])
async def test_a_server_that_goes_in_the_middle_of_writes_tears_none_of_them(
    own_postgres: PrivatePostgres, how: str
) -> None:
    """X08: what was acknowledged is there, what was not is whole or absent, the node recovers."""
    await (await open_postgres(own_postgres.url)).close()
    migrate(own_postgres.url)
    database = await open_postgres(own_postgres.url)
    acknowledged: list[bytes] = []
    odd: list[BaseException] = []
    stop = asyncio.Event()

    async def write() -> None:
        while not stop.is_set():
            digest = secrets.token_bytes(16)
            try:
                async with database.transaction() as statements:
                    await statements.change(FENCE, "a", digest)
                    await statements.change(FENCE, "b", digest)
                acknowledged.append(digest)
            except StoreUnavailableError:
                await asyncio.sleep(0.02)
            except BaseException as fault:
                odd.append(fault)
                raise

    writers = [asyncio.create_task(write()) for _ in range(12)]
    await asyncio.sleep(0.3)
    before = len(acknowledged)
    assert before
    if how == "backend killed":
        os.kill(await backend(database), signal.SIGKILL)
    else:
        kind = signal.SIGQUIT if how == "crash" else signal.SIGINT
        await asyncio.to_thread(own_postgres.stop, kind)
        await asyncio.to_thread(own_postgres.start)
    async with asyncio.timeout(30):
        while len(acknowledged) < before + 200:
            await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(*writers)
    assert odd == []
    rows = await database.rows("SELECT kind, digest FROM fence")
    stored = {kind: {row["digest"] for row in rows if row["kind"] == kind} for kind in "ab"}
    assert stored["a"] == stored["b"], "none is half done"
    assert set(acknowledged) <= stored["a"], "every acknowledged write is there"
    await database.close()


async def test_ten_thousand_cancelled_statements_cross_no_answer(database: Database) -> None:
    """X07."""
    crossed: list[int] = []

    async def ask(number: int) -> None:
        try:
            row = await database.one("SELECT CAST($1 AS BIGINT) AS n", number)
        except StoreUnavailableError:
            return
        if row is None or row["n"] != number:
            crossed.append(number)

    for wave in range(10):
        storm = [asyncio.create_task(ask(wave * 1000 + n)) for n in range(1000)]
        for number, task in enumerate(storm):
            if number % 8:
                await asyncio.sleep(0)
                task.cancel()
        await asyncio.gather(*storm, return_exceptions=True)
    assert crossed == []
    await asyncio.gather(*(ask(n) for n in range(100)))
    assert crossed == []

"""SQLite: the reads of one turn of the event loop share a state, and no write hides in it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from idp.store.sqlite import SqliteDatabase

COUNT = "SELECT count(*) AS n FROM word"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "words.sqlite")
    await database.change("CREATE TABLE word (text TEXT NOT NULL PRIMARY KEY)")
    yield database
    await database.close()


@pytest.fixture
def another_process(tmp_path: Path, database: SqliteDatabase) -> sqlite3.Connection:
    return sqlite3.connect(tmp_path / "words.sqlite", isolation_level=None, timeout=0.1)


async def read(database: SqliteDatabase) -> int:
    row = await database.one(COUNT)
    assert row is not None
    return int(str(row["n"]))


async def test_what_another_process_commits_is_read_in_the_next_turn(
    database: SqliteDatabase, another_process: sqlite3.Connection
) -> None:
    assert await read(database) == 0
    another_process.execute("INSERT INTO word VALUES ('lúa')")
    await asyncio.sleep(0)
    assert await read(database) == 1


async def test_reading_holds_nobody_up_after_its_turn(
    database: SqliteDatabase, another_process: sqlite3.Connection
) -> None:
    await read(database)
    await asyncio.sleep(0)
    busy, _, _ = another_process.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert busy == 0


async def test_a_write_after_a_read_is_committed_when_it_is_acknowledged(
    database: SqliteDatabase, another_process: sqlite3.Connection
) -> None:
    await read(database)
    await database.change("INSERT INTO word VALUES ('lúa')")
    assert another_process.execute(COUNT).fetchone() == (1,)


async def test_so_is_one_that_waited_while_a_read_slipped_in(
    database: SqliteDatabase, another_process: sqlite3.Connection
) -> None:
    begun = asyncio.Event()

    async def first() -> None:
        async with database.transaction() as statements:
            begun.set()
            await asyncio.sleep(0.01)
            await statements.change("INSERT INTO word VALUES ('ngô')")
        await read(database)

    async def second() -> tuple[int]:
        await begun.wait()
        await database.change("INSERT INTO word VALUES ('lúa')")
        found: tuple[int] = another_process.execute(COUNT).fetchone()
        return found

    _, seen = await asyncio.gather(first(), second())
    assert seen == (2,)


async def test_a_read_sees_what_its_own_process_has_just_written(database: SqliteDatabase) -> None:
    await read(database)
    async with database.transaction() as statements:
        await statements.change("INSERT INTO word VALUES ('ngô')")
    assert await read(database) == 1


async def test_a_database_may_be_closed_in_the_turn_of_a_read(tmp_path: Path) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: complaints.append(fault))
    database = SqliteDatabase(tmp_path / "closed.sqlite")
    assert await database.one("SELECT 1 AS one") is not None
    await database.close()
    await asyncio.sleep(0)
    assert complaints == []


async def test_a_statement_that_fails_spoils_no_other_read(database: SqliteDatabase) -> None:
    await read(database)
    with pytest.raises(sqlite3.IntegrityError):
        await asyncio.gather(
            database.change("INSERT INTO word VALUES (NULL)"), read(database), read(database)
        )
    assert await read(database) == 0

"""SQLite in WAL mode, called directly in the event loop.

Why: a read costs 9 µs this way; a thread hop would cost ten times that. Writes wait for no disk
(`synchronous=NORMAL`): a killed process loses nothing, a power cut may lose the last moments.
"""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

from keys.sql import Row, Statements, StoreUnavailableError, Value

BUSY_SECONDS = 2.0
MAPPED = f"mmap_size={256 * 1024 * 1024}"
"""Pages are read from memory rather than by a system call each."""
_T = TypeVar("_T")


@lru_cache(maxsize=512)
def _numbered(sql: str) -> str:
    """`$1` is PostgreSQL's spelling of SQLite's `?1`."""
    return re.sub(r"\$(\d+)", r"?\1", sql)


class _Connection:
    """The verbs on one connection, without regard to who else uses it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def one(self, sql: str, *values: Value) -> Row | None:
        """See `Statements.one`."""
        row: Row | None = _guarded(lambda: self._run(sql, values).fetchone())
        return row

    async def rows(self, sql: str, *values: Value) -> Sequence[Row]:
        """See `Statements.rows`."""
        return _guarded(lambda: self._run(sql, values).fetchall())

    async def change(self, sql: str, *values: Value) -> int:
        """See `Statements.change`."""
        return _guarded(lambda: self._run(sql, values).rowcount)

    def _run(self, sql: str, values: tuple[Value, ...]) -> sqlite3.Cursor:
        return self._connection.execute(_numbered(sql), values)


class SqliteDatabase:
    """One file, one process (further processes may share it: writers wait for each other)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._connection = _guarded(
            lambda: sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        )
        path.chmod(0o600)
        self._connection.row_factory = sqlite3.Row  # a mapping by name, made in C
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", MAPPED):
            _guarded(partial(self._connection.execute, f"PRAGMA {pragma}"))
        self._verbs = _Connection(self._connection)
        self._lock = asyncio.Lock()

    async def one(self, sql: str, *values: Value) -> Row | None:
        """See `Statements.one`."""
        if self._lock.locked():
            async with self._lock:
                return await self._verbs.one(sql, *values)
        return await self._verbs.one(sql, *values)

    async def rows(self, sql: str, *values: Value) -> Sequence[Row]:
        """See `Statements.rows`."""
        async with self._lock:
            return await self._verbs.rows(sql, *values)

    async def change(self, sql: str, *values: Value) -> int:
        """See `Statements.change`."""
        if self._lock.locked():
            async with self._lock:
                return await self._verbs.change(sql, *values)
        return await self._verbs.change(sql, *values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Statements]:
        """See `Database.transaction`; takes the write lock at once."""
        async with self._lock:
            _guarded(lambda: self._connection.execute("BEGIN IMMEDIATE"))
            try:
                yield self._verbs
                _guarded(lambda: self._connection.execute("COMMIT"))
            finally:
                # A full disk has ended the transaction already: its reason must not be hidden.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    async def close(self) -> None:
        """See `Database.close`."""
        self._connection.close()


def _guarded(run: Callable[[], _T]) -> _T:
    try:
        return run()
    except sqlite3.DatabaseError as error:
        # A damaged file is a plain `DatabaseError`; broken rules and our own mistakes are others.
        if type(error) not in (sqlite3.OperationalError, sqlite3.DatabaseError):
            raise
        name = getattr(error, "sqlite_errorname", "no database")
        raise StoreUnavailableError(f"sqlite: {name}") from error

"""SQLite in WAL mode, called directly in the event loop.

Why: a read costs 9 µs this way; a thread hop would cost ten times that. Writes wait for no disk
(`synchronous=NORMAL`): a killed process loses nothing, a power cut may lose the last moments.
"""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path

from keys.sql import Row, Statements, StoreUnavailableError, Value

BUSY_SECONDS = 2.0
MAPPED = f"mmap_size={256 * 1024 * 1024}"
"""Pages are read from memory rather than by a system call each."""
CHECKPOINT = "wal_autocheckpoint=4000"
"""Pages (16 MB) in the log before they move into the file: a page changed often moves once."""


@lru_cache(maxsize=512)
def _numbered(sql: str) -> str:
    """`$1` is PostgreSQL's spelling of SQLite's `?1`."""
    return re.sub(r"\$(\d+)", r"?\1", sql)


class _Connection:
    """The verbs on one connection, without regard to who else uses it.

    Raises: StoreUnavailableError.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def one(self, sql: str, *values: Value) -> Row | None:
        """See `Statements.one`."""
        found = self.all(sql, values)
        return found[0] if found else None

    async def rows(self, sql: str, *values: Value) -> Sequence[Row]:
        """See `Statements.rows`."""
        return self.all(sql, values)

    async def change(self, sql: str, *values: Value) -> int:
        """See `Statements.change`."""
        return self.changed(sql, values)

    def all(self, sql: str, values: Sequence[Value]) -> list[Row]:
        """Every row."""
        try:
            return self._connection.execute(_numbered(sql), values).fetchall()
        except sqlite3.DatabaseError as error:
            _tell_outage(error)
            raise

    def changed(self, sql: str, values: Sequence[Value]) -> int:
        """How many rows the statement changed."""
        try:
            return self._connection.execute(_numbered(sql), values).rowcount
        except sqlite3.DatabaseError as error:
            _tell_outage(error)
            raise

    def roll_back(self) -> None:
        """End the transaction; a full disk has ended it already, and its reason must be told."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def end_reading(self) -> None:
        """End a transaction that has only read, unless a fault has ended it already."""
        if self._connection.in_transaction:
            self.all("COMMIT", ())


def _tell_outage(error: sqlite3.DatabaseError) -> None:
    """Other errors are broken rules of the schema, or our own mistakes.

    Raises: StoreUnavailableError for a damaged file (a plain `DatabaseError`), a full disk or a
    busy one (an `OperationalError`).
    """
    if type(error) in (sqlite3.OperationalError, sqlite3.DatabaseError):
        name = getattr(error, "sqlite_errorname", "no database")
        raise StoreUnavailableError(f"sqlite: {name}") from error


_Write = tuple[str, tuple[Value, ...], "asyncio.Future[int]"]


class SqliteDatabase:
    """One file, one process (further processes may share it: writers wait for each other).

    Single writes that arrive in the same turn of the event loop commit together: under load the
    log is written once for all of them, and each is still answered only after its commit.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        except sqlite3.DatabaseError as error:
            _tell_outage(error)
            raise
        path.chmod(0o600)
        self._connection.row_factory = sqlite3.Row  # a mapping by name, made in C
        self._verbs = _Connection(self._connection)
        for pragma in (
            "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", MAPPED, CHECKPOINT,
        ):  # fmt: skip
            self._verbs.all(f"PRAGMA {pragma}", ())
        self._lock = asyncio.Lock()
        self._waiting: list[_Write] = []
        self._reading = False

    async def one(self, sql: str, *values: Value) -> Row | None:
        """See `Statements.one`."""
        found = await self.rows(sql, *values)
        return found[0] if found else None

    async def rows(self, sql: str, *values: Value) -> Sequence[Row]:
        """See `Statements.rows`."""
        if self._lock.locked():  # a transaction is open: its rows are nobody else's yet
            async with self._lock:
                return self._verbs.all(sql, values)
        self._read_together()
        return self._verbs.all(sql, values)

    def _read_together(self) -> None:
        """The reads of one turn see one state: to take and give back SQLite's lock for each of
        them costs half as much as reading.
        """
        if not self._reading:
            self._reading = True
            self._verbs.all("BEGIN", ())
            asyncio.get_running_loop().call_soon(self._end_reading)

    def _end_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._verbs.end_reading()

    async def change(self, sql: str, *values: Value) -> int:
        """See `Statements.change`."""
        if self._lock.locked():
            async with self._lock:
                self._end_reading()  # a read may have slipped in while the lock changed hands
                return self._verbs.changed(sql, values)
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._commit_together)
        outcome: asyncio.Future[int] = loop.create_future()
        self._waiting.append((sql, values, outcome))
        return await outcome

    def _commit_together(self) -> None:
        """Run what waits in one transaction, and tell each how it went."""
        if self._lock.locked():  # it will be called again when the transaction has ended
            return
        self._end_reading()
        waiting, self._waiting = self._waiting, []
        wanted = [write for write in waiting if not write[2].cancelled()]
        try:
            if len(wanted) > 1:
                self._verbs.changed("BEGIN IMMEDIATE", ())
            counts = [self._verbs.changed(sql, values) for sql, values, _ in wanted]
            if len(wanted) > 1:
                self._verbs.changed("COMMIT", ())
        except StoreUnavailableError as away:
            self._verbs.roll_back()
            for _, _, outcome in wanted:
                outcome.set_exception(away)
        except sqlite3.Error:
            self._verbs.roll_back()
            self._run_apart(wanted)
        else:
            for (_, _, outcome), count in zip(wanted, counts, strict=True):
                outcome.set_result(count)

    def _run_apart(self, writes: list[_Write]) -> None:
        """One of them breaks a rule of the schema: each alone, so that only that one fails."""
        for sql, values, outcome in writes:
            try:
                outcome.set_result(self._verbs.changed(sql, values))
            except (sqlite3.Error, StoreUnavailableError) as fault:
                outcome.set_exception(fault)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Statements]:
        """See `Database.transaction`; takes the write lock at once."""
        try:
            async with self._lock:
                try:
                    self._end_reading()
                    self._verbs.changed("BEGIN IMMEDIATE", ())
                    yield self._verbs
                    self._verbs.changed("COMMIT", ())
                except BaseException:
                    self._verbs.roll_back()
                    raise
        finally:
            if self._waiting:
                self._commit_together()

    async def close(self) -> None:
        """See `Database.close`."""
        self._end_reading()
        self._connection.close()

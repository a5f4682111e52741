"""PostgreSQL through asyncpg: prepared statements on connections that are held, not reset.

Why: the pool's usual RESET after each use costs more than the statement itself. Our statements
set nothing on a session, so there is nothing to reset; a connection whose request was cancelled,
or of which we cannot tell in what state it is, is thrown away, so that no answer can ever reach
another request.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg
from asyncpg import Connection as _Raw

from keys.sql import Row, Statements, StoreUnavailableError, Value

CONNECTIONS = 8
CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 5.0
WAIT_SECONDS = 5.0
IDLE_IN_TRANSACTION_SECONDS = 10.0
CLOSE_SECONDS = 2.0
_T = TypeVar("_T")

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.QueryCanceledError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
)
_SESSION = {
    "application_name": "lienthong",
    # A node that was frozen inside a transaction must not hold its locks against the others.
    "idle_in_transaction_session_timeout": str(int(IDLE_IN_TRANSACTION_SECONDS * 1000)),
}


class _Verbs:
    def __init__(self, connection: _Raw) -> None:
        self._connection = connection

    async def one(self, sql: str, *values: Value) -> Row | None:
        """See `Statements.one`."""
        row: Row | None = await _answered(self._connection.fetchrow(sql, *values))
        return row

    async def rows(self, sql: str, *values: Value) -> Sequence[Row]:
        """See `Statements.rows`."""
        rows: Sequence[Row] = await _answered(self._connection.fetch(sql, *values))
        return rows

    async def change(self, sql: str, *values: Value) -> int:
        """See `Statements.change`."""
        status: str = await _answered(self._connection.execute(sql, *values))
        return int(status.rpartition(" ")[2])


async def _answered(work: Awaitable[_T]) -> _T:
    """What the server answers; an outage is told as one, whatever asyncpg calls it."""
    try:
        return await work
    except _AWAY as error:
        raise StoreUnavailableError(f"postgres: {type(error).__name__}") from error


class PostgresDatabase:
    """A few held connections, handed out one statement or one transaction at a time."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._idle: list[_Raw] = []
        self._places = asyncio.Semaphore(CONNECTIONS)
        self._closed = False

    @classmethod
    async def connect(cls, dsn: str) -> "PostgresDatabase":
        """A database that has answered once.

        Raises: StoreUnavailableError.
        """
        database = cls(dsn)
        await database.one("SELECT 1 AS up")
        return database

    async def one(self, sql: str, *values: Value) -> Row | None:
        """See `Statements.one`."""
        return await self._with(lambda verbs: verbs.one(sql, *values))

    async def rows(self, sql: str, *values: Value) -> Sequence[Row]:
        """See `Statements.rows`."""
        return await self._with(lambda verbs: verbs.rows(sql, *values))

    async def change(self, sql: str, *values: Value) -> int:
        """See `Statements.change`."""
        return await self._with(lambda verbs: verbs.change(sql, *values))

    async def _with(self, run: Callable[[_Verbs], Awaitable[_T]]) -> _T:
        async with self._held() as connection:
            return await run(_Verbs(connection))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Statements]:
        """See `Database.transaction`."""
        async with self._held() as connection:
            transaction = connection.transaction()
            await _answered(transaction.start())
            try:
                yield _Verbs(connection)
            except StoreUnavailableError:
                raise  # the connection is thrown away, and so the server rolls back
            except Exception:
                await _answered(transaction.rollback())
                raise
            await _answered(transaction.commit())

    @asynccontextmanager
    async def _held(self) -> AsyncIterator[_Raw]:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise StoreUnavailableError("postgres: no free connection") from None
        connection: _Raw | None = None
        try:
            connection = self._take_idle() or await self._open()
            yield connection
            self._give_back(connection)
        except StoreUnavailableError:
            self._throw_away(connection)
            raise
        except Exception:  # the caller's own failure, or a rule that a statement broke
            self._give_back(connection)
            raise
        except BaseException:  # cancelled in the middle: an answer may still be on its way
            self._throw_away(connection)
            raise
        finally:
            self._places.release()

    def _take_idle(self) -> _Raw | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    def _give_back(self, connection: _Raw | None) -> None:
        clean = connection and not connection.is_closed() and not connection.is_in_transaction()
        if connection is not None and clean and not self._closed:
            self._idle.append(connection)
        else:
            self._throw_away(connection)

    def _throw_away(self, connection: _Raw | None) -> None:
        if connection is not None:
            connection.terminate()

    async def _open(self) -> _Raw:
        if self._closed:
            raise StoreUnavailableError("postgres: closed")
        try:
            return await asyncpg.connect(
                self._dsn,
                timeout=CONNECT_SECONDS,
                command_timeout=STATEMENT_SECONDS,
                server_settings=_SESSION,
            )
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StoreUnavailableError(f"postgres: {type(error).__name__}") from error

    async def close(self) -> None:
        """See `Database.close`; what is in use ends with its statement, and nothing new begins."""
        self._closed = True
        while self._idle:
            connection = self._idle.pop()
            try:
                await connection.close(timeout=CLOSE_SECONDS)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.terminate()

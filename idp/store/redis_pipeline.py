"""One multiplexed connection to Redis: commands are written as they come, answers match in order.

Why: a round trip costs 5 µs of CPU this way, and over 100 µs through a client library; every
sign-in makes one. What is not hot goes through redis-py.
"""

import asyncio
from collections import deque
from typing import cast
from urllib.parse import unquote, urlsplit

import hiredis

from idp.trust import trusting
from keys.sql import StoreUnavailableError

ANSWER_SECONDS = 2.0
CONNECT_SECONDS = 2.0
RETRY_SECONDS = 0.2
_WRONG_SERVER = ("READONLY", "LOADING", "MASTERDOWN", "NOAUTH")
Reply = bytes | int | None | list[object]
Word = str | int | float | bytes | memoryview


class _Wire(asyncio.Protocol):
    """Bytes in and out of one connection. A waiter that went away still consumes its answer."""

    def __init__(self) -> None:
        self.waiters: deque[asyncio.Future[Reply]] = deque()
        self.transport: asyncio.Transport | None = None
        self._reader = hiredis.Reader()
        self._out: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # No isinstance: the transports of uvloop only behave like asyncio's.
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not False:
                waiter = self.waiters.popleft()
                if waiter.done():
                    continue
                if isinstance(reply, hiredis.ReplyError):
                    waiter.set_exception(StoreUnavailableError("redis refused a command"))
                    self._leave_if_demoted(reply)
                else:
                    waiter.set_result(reply)
        except (hiredis.ProtocolError, IndexError):
            if self.transport is not None:
                self.transport.abort()

    def _leave_if_demoted(self, reply: hiredis.ReplyError) -> None:
        """A server that became a replica answers for ever, and takes no write: look for another."""
        if str(reply).startswith(_WRONG_SERVER) and self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.transport = None
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_exception(StoreUnavailableError("redis went away"))
                _ = waiter.exception()

    def write(self, command: bytes) -> asyncio.Future[Reply]:
        """Queue a command; all commands of one turn of the loop leave in one write.

        Raises: StoreUnavailableError where the connection is gone already.
        """
        if self.transport is None:
            raise StoreUnavailableError("redis went away")
        loop = asyncio.get_running_loop()
        if not self._out:
            loop.call_soon(self._flush)
        self._out.append(command)
        waiter: asyncio.Future[Reply] = loop.create_future()
        self.waiters.append(waiter)
        return waiter

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self.transport is not None:
            self.transport.write(b"".join(out))


class RedisPipeline:
    """Runs commands over one shared connection; reconnects after a loss."""

    def __init__(self, url: str, ca_file: str | None = None) -> None:
        parts = urlsplit(url)
        self._unix = parts.path if parts.scheme == "unix" else None
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 6379
        self._tls = trusting(ca_file) if parts.scheme == "rediss" else None
        self._greetings: list[tuple[Word, ...]] = []
        if parts.password:
            user = (unquote(parts.username),) if parts.username else ()
            self._greetings.append(("AUTH", *user, unquote(parts.password)))
        database = parts.path.strip("/") if self._unix is None else ""
        if database:
            self._greetings.append(("SELECT", database))
        self._wire: _Wire | None = None
        self._lock = asyncio.Lock()
        self._retry_at = 0.0
        self._closed = False

    async def run(self, *words: Word) -> Reply:
        """One command and its answer.

        Raises: StoreUnavailableError; whether a write happened is then unknown.
        """
        wire = self._wire
        if wire is None or wire.transport is None:
            wire = await self._connected()
        waiter = wire.write(_pack(words))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await waiter
        except TimeoutError:
            if wire.transport is not None:
                wire.transport.abort()
            raise StoreUnavailableError("redis did not answer in time") from None

    async def _connected(self) -> _Wire:
        async with self._lock:
            wire = self._wire
            if wire is not None and wire.transport is not None:
                return wire
            loop = asyncio.get_running_loop()
            if self._closed or loop.time() < self._retry_at:
                raise StoreUnavailableError("redis is away")
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    self._wire = await self._greeted(_Wire())
            except (OSError, TimeoutError, StoreUnavailableError) as error:
                self._retry_at = loop.time() + RETRY_SECONDS
                raise StoreUnavailableError("redis cannot be reached") from error
            return self._wire

    async def _greeted(self, wire: _Wire) -> _Wire:
        """The wire, connected and let in; whatever goes wrong, no connection is left behind."""
        loop = asyncio.get_running_loop()
        try:
            if self._unix is not None:
                await loop.create_unix_connection(lambda: wire, self._unix)
            else:
                await loop.create_connection(lambda: wire, self._host, self._port, ssl=self._tls)
            for greeting in self._greetings:
                await wire.write(_pack(greeting))
        except BaseException:
            if wire.transport is not None:
                wire.transport.abort()
            raise
        return wire

    async def close(self) -> None:
        """Close the connection; no other is opened."""
        self._closed = True
        if self._wire is not None and self._wire.transport is not None:
            self._wire.transport.close()


def _pack(words: tuple[Word, ...]) -> bytes:
    packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]  # the stub allows one word
    return packed

"""The sockets of the LDAP front: TLS, deadlines, and how many connections there may be."""

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connectors.errors import LdapRefused
from connectors.ldap.frames import FrameReader
from connectors.ldap.reading import read
from connectors.ldap.results import ResultCode
from connectors.ldap.writing import write
from idp.authn.throttle import group
from idp.errors import Overloaded
from idp.ldap import bounds
from idp.ldap.conversation import Conversation, Front, Reply, disconnection
from keys.sql import StoreUnavailableError

logger = logging.getLogger("lienthong.ldap")
_READ = 16 * 1024


class Listener:
    """Takes connections while there is room, and gives each a conversation of its own."""

    def __init__(self, front: Front, context: ssl.SSLContext | None) -> None:
        self._front = front
        self._context = context
        self._open: set[asyncio.Task[None]] = set()
        self._by_address: Counter[str] = Counter()

    @asynccontextmanager
    async def listening(self, listen: str, *, tls: bool) -> AsyncIterator[None]:
        """Connections are taken at this host and port; all of them end with the block."""
        host, _, port = listen.rpartition(":")
        server = await asyncio.start_server(
            self._connected,
            host.strip("[]"),
            int(port),
            ssl=self._context if tls else None,
            ssl_handshake_timeout=bounds.HANDSHAKE_SECONDS if tls else None,
        )
        try:
            yield
        finally:
            server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection from its beginning to its end; no fault of it reaches another one."""
        address = str((writer.get_extra_info("peername") or ("",))[0])
        place = group(address)
        if (
            len(self._open) >= bounds.MAX_CONNECTIONS
            or self._by_address[place] >= bounds.MAX_PER_ADDRESS
        ):
            writer.transport.abort()
            return
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
        self._by_address[place] += 1
        try:
            secure = writer.get_extra_info("sslcontext") is not None
            conversation = Conversation(self._front, address, secure=secure)
            await _Connection(conversation, reader, writer, self._context).talk()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # gone, silent, or no TLS: nobody is there to be told
        except Exception as fault:
            logger.warning("an LDAP connection was given up (%s)", type(fault).__name__)
        finally:
            self._by_address[place] -= 1
            if not self._by_address[place]:
                del self._by_address[place]
            if task is not None:
                self._open.discard(task)
            writer.transport.abort() if writer.is_closing() else writer.close()


class _Connection:
    """One socket: bytes to messages, replies to bytes."""

    def __init__(
        self,
        conversation: Conversation,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: ssl.SSLContext | None,
    ) -> None:
        self._conversation = conversation
        self._reader = reader
        self._writer = writer
        self._context = context
        self._frames = FrameReader(bounds.MAX_MESSAGE)
        self._since = asyncio.get_running_loop().time()

    async def talk(self) -> None:
        """Until one side ends it."""
        while received := await self._received():
            try:
                frames = self._frames.feed(received)
            except LdapRefused:
                await self._send(disconnection(ResultCode.PROTOCOL_ERROR))
                return
            for at, frame in enumerate(frames):
                reply = await self._answered(frame)
                await self._send(reply)
                if reply.ends:
                    return
                if reply.starts_tls:
                    if at + 1 < len(frames) or self._frames.waiting:
                        return  # what was said in the clear would be taken for said under TLS
                    await self._start_tls()

    async def _received(self) -> bytes:
        """The next bytes; a stranger, and whoever began a message, has no time to lose."""
        loop = asyncio.get_running_loop()
        if self._conversation.proved_once and not self._frames.waiting:
            self._since = loop.time()
        quiet = self._conversation.proved_once and not self._frames.waiting
        seconds = bounds.IDLE_SECONDS if quiet else bounds.STRANGER_SECONDS
        async with asyncio.timeout_at(self._since + seconds):
            return await self._reader.read(_READ)

    async def _answered(self, frame: bytes) -> Reply:
        try:
            return await self._conversation.answer(read(frame))
        except LdapRefused:
            return disconnection(ResultCode.PROTOCOL_ERROR)
        except (StoreUnavailableError, Overloaded):
            return disconnection(ResultCode.UNAVAILABLE)

    async def _send(self, reply: Reply) -> None:
        for message in reply.messages:
            self._writer.write(write(message))
        async with asyncio.timeout(bounds.WRITE_SECONDS):
            await self._writer.drain()

    async def _start_tls(self) -> None:
        if self._context is None:
            return
        await self._writer.start_tls(self._context, ssl_handshake_timeout=bounds.HANDSHAKE_SECONDS)
        self._conversation.secure = True

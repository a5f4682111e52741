"""Where every word to a directory leaves the house: by the rules of every registered address, under TLS.

Guarantee: nothing but a request for StartTLS is ever sent in the clear, and nothing that came in the
clear is read after it. The certificate is checked for the name in the table.
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import httpx

from connectors.errors import LdapRefused, LdapSilent
from connectors.ldap.dialogue import Dialogue
from connectors.ldap.frames import FrameReader
from connectors.ldap.messages import Message, UnbindRequest
from connectors.ldap.writing import write
from connectors.sources.ldap.directory import Place
from idp.egress.ranges import Number
from idp.egress.rules import Address, EgressRules, Refused, number_of
from idp.egress.transport import MAX_NUMBERS, Resolve
from idp.trust import trusting

logger = logging.getLogger("lienthong.egress")
MAX_ANSWER = 256 * 1024
MAX_WAITING = 100
CONNECT_SECONDS = 3.0


class _Line(asyncio.Protocol):
    """The frames of one connection, as they come; more than are asked for end it."""

    def __init__(self) -> None:
        self._frames = FrameReader(MAX_ANSWER)
        self._arrived: deque[bytes] = deque()
        self._fault: LdapRefused | LdapSilent | None = None
        self._news = asyncio.Event()
        self.transport: asyncio.Transport | None = None

    def data_received(self, data: bytes) -> None:
        try:
            self._arrived.extend(self._frames.feed(data))
        except LdapRefused as fault:
            self._ended(fault)
        if len(self._arrived) > MAX_WAITING:
            self._ended(LdapRefused("more answers than were asked for"))
        self._news.set()

    def connection_lost(self, _: Exception | None) -> None:
        self._ended(LdapSilent("the connection ended"))

    def _ended(self, fault: LdapRefused | LdapSilent) -> None:
        self._fault = self._fault or fault
        self._news.set()
        if self.transport is not None:
            self.transport.abort()

    def nothing_more(self) -> None:
        """Nothing came that was not read.

        Raises: LdapRefused, LdapSilent.
        """
        if self._fault is not None:
            raise self._fault
        if self._arrived or self._frames.waiting:
            raise LdapRefused("something came in the clear after StartTLS")

    def send(self, frame: bytes) -> None:
        """See `Stream.send`."""
        if self.transport is None or self._fault is not None:
            raise self._fault or LdapSilent("no connection")
        self.transport.write(frame)

    async def receive(self) -> bytes:
        """See `Stream.receive`."""
        while not self._arrived:
            if self._fault is not None:
                raise self._fault
            self._news.clear()
            await self._news.wait()
        return self._arrived.popleft()


class LdapEgress:
    """Opens lines to directories that the rules allow."""

    def __init__(self, rules: EgressRules, resolve: Resolve, ca_file: str | None) -> None:
        self._rules = rules
        self._resolve = resolve
        self._ca_file = ca_file
        self._contexts: dict[str | None, ssl.SSLContext] = {}

    @asynccontextmanager
    async def connect(self, place: Place) -> AsyncIterator[_Line]:
        """A line under TLS; it ends with an unbind.

        Raises: LdapSilent where nobody answers or the rules forbid it, LdapRefused where whoever
        answers is not whom the certificate must name, or takes no TLS.
        """
        line = await self._open(place)
        try:
            yield line
        finally:
            with suppress(LdapRefused, LdapSilent):
                line.send(write(Message(number=2**31 - 1, operation=UnbindRequest())))
            if line.transport is not None:
                line.transport.close()

    async def _open(self, place: Place) -> _Line:
        context = self._context(place.ca_file)
        numbers = await self._checked(place)
        for number in numbers:
            try:
                async with asyncio.timeout(CONNECT_SECONDS / len(numbers)):
                    return await _secured(place, number, context)
            except ssl.SSLCertVerificationError:
                raise LdapRefused("certificate") from None
            except ssl.SSLError:
                raise LdapRefused("tls") from None
            except (OSError, TimeoutError):
                continue
        raise LdapSilent("nobody answers")

    def _context(self, ca_file: str | None) -> ssl.SSLContext:
        """Made once for each file: reading the system's CAs takes 20 ms.

        A directory with a CA of its own is believed under that CA alone.
        """
        if ca_file not in self._contexts:
            own = ssl.create_default_context(cafile=ca_file) if ca_file else None
            self._contexts[ca_file] = own or trusting(self._ca_file)
        return self._contexts[ca_file]

    async def _checked(self, place: Place) -> Sequence[Number]:
        """The numbers of the directory, every one of which may be called."""
        scheme = "ldap" if place.start_tls else "ldaps"
        refused = self._rules.refusal_of(Address(scheme=scheme, host=place.host, port=place.port))
        if refused is not None:
            raise _not_called(refused)
        literal = number_of(place.host)
        try:
            numbers = [literal] if literal is not None else await self._resolve(place.host)
        except httpx.ConnectError:
            raise LdapSilent("the name does not resolve") from None
        for number in numbers:
            refused = self._rules.refusal_of_number(place.host, number)
            if refused is not None:
                raise _not_called(refused)
        return numbers[:MAX_NUMBERS]


async def _secured(place: Place, number: Number, context: ssl.SSLContext) -> _Line:
    """A line to this number that is under TLS."""
    loop = asyncio.get_running_loop()
    if not place.start_tls:
        transport, line = await loop.create_connection(
            _Line, str(number), place.port, ssl=context, server_hostname=place.host
        )
        line.transport = transport
        return line
    transport, clear = await loop.create_connection(_Line, str(number), place.port)
    clear.transport = transport
    try:
        await Dialogue(clear).start_tls()
        clear.nothing_more()
        # A line of its own: what came in the clear meanwhile can never be read as if under TLS.
        line = _Line()
        line.transport = await loop.start_tls(transport, line, context, server_hostname=place.host)
        clear.nothing_more()
    except BaseException:
        transport.abort()
        raise
    return line


def _not_called(refused: Refused) -> LdapSilent:
    logger.warning("a directory is not called: the rules want %s", refused.value)
    return LdapSilent("not called")

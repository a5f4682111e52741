"""One conversation with a directory: a request at a time, and only answers to that request."""

from typing import Protocol

from connectors.errors import LdapRefused, LdapSilent
from connectors.ldap.messages import (
    START_TLS,
    BindRequest,
    BindResponse,
    ExtendedRequest,
    ExtendedResponse,
    Message,
    Operation,
    SearchDone,
    SearchEntry,
    SearchReference,
    SearchRequest,
)
from connectors.ldap.reading import read
from connectors.ldap.results import Result, ResultCode
from connectors.ldap.writing import write

MAX_ENTRIES = 10
MAX_REFERENCES = 50


class Stream(Protocol):
    """Frames to and from a directory."""

    def send(self, frame: bytes) -> None:
        """Send one message."""
        ...

    async def receive(self) -> bytes:
        """The next message.

        Raises: LdapSilent where none will come, LdapRefused where what comes is none.
        """
        ...


class Dialogue:
    """Asks, and believes only what answers.

    Why: an answer under another number, of another kind, or one too many means that the two sides
    disagree about what was asked; there is no way on from there.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._number = 0

    async def bind(self, request: BindRequest) -> Result:
        """What became of a bind.

        Raises: LdapRefused, LdapSilent.
        """
        answer = await self._asked(request)
        if not isinstance(answer, BindResponse):
            raise LdapRefused("an answer of another kind")
        return answer.result

    async def search(self, request: SearchRequest) -> tuple[tuple[SearchEntry, ...], Result]:
        """The entries that were found, and how it ended. References are passed over, never followed.

        Raises: LdapRefused, LdapSilent.
        """
        entries: list[SearchEntry] = []
        answer, references = await self._asked(request), 0
        while not isinstance(answer, SearchDone):
            match answer:
                case SearchEntry() if len(entries) < MAX_ENTRIES:
                    entries.append(answer)
                case SearchReference() if references < MAX_REFERENCES:
                    references += 1
                case SearchEntry() | SearchReference():
                    raise LdapRefused("more answers than were asked for")
                case _:
                    raise LdapRefused("an answer of another kind")
            answer = await self._next()
        return tuple(entries), answer.result

    async def start_tls(self) -> None:
        """The directory is ready for TLS, and for nothing else.

        Spec: RFC 4511 §4.14
        Raises: LdapRefused where it is not, LdapSilent.
        """
        answer = await self._asked(ExtendedRequest(name=START_TLS))
        if not isinstance(answer, ExtendedResponse):
            raise LdapRefused("an answer of another kind")
        if answer.result.code is not ResultCode.SUCCESS:
            raise LdapRefused("no StartTLS")

    async def _asked(self, request: BindRequest | SearchRequest | ExtendedRequest) -> Operation:
        self._number += 1
        self._stream.send(write(Message(number=self._number, operation=request)))
        return await self._next()

    async def _next(self) -> Operation:
        message = read(await self._stream.receive())
        if message.number == 0:
            raise LdapSilent("the directory ends the connection")
        if message.number != self._number:
            raise LdapRefused("an answer to another request")
        return message.operation

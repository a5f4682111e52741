"""A directory that says what a test wants: Active Directory's answers by default, on our own wire."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from connectors.ldap.filters import Matches
from connectors.ldap.frames import FrameReader
from connectors.ldap.messages import (
    Attribute,
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
from connectors.ldap.results import SUCCESS, Result, ResultCode
from connectors.ldap.writing import write
from tests.ldap.directories import PASSWORD, SERVICE

NAME = "CN=Hoa,OU=Staff,DC=tinh,DC=vn"
GUID = UUID("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")
ENTRY = SearchEntry(
    name=NAME,
    attributes=(
        Attribute(name="sAMAccountName", values=(b"hoa.lt",)),
        Attribute(name="objectGUID", values=(GUID.bytes_le,)),
        Attribute(name="displayName", values=("Lê Thị Hoa".encode(),)),
        Attribute(name="mail", values=(b"hoa.lt@tinh.vn",)),
        Attribute(name="userAccountControl", values=(b"512",)),
    ),
)
Answered = Sequence[Operation | Message | bytes]
Script = Callable[[Message], Answered | None]


def refused(sub_code: str) -> BindResponse:
    text = f"80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {sub_code}, v4563"
    return BindResponse(result=Result(code=ResultCode.INVALID_CREDENTIALS, text=text))


def done(code: ResultCode = ResultCode.SUCCESS) -> SearchDone:
    return SearchDone(result=Result(code=code))


def changed(name: str, value: bytes) -> SearchEntry:
    """The entry with another value of one attribute."""
    kept = [attribute for attribute in ENTRY.attributes if attribute.name != name]
    return replace(ENTRY, attributes=(*kept, Attribute(name=name, values=(value,))))


class Scripted:
    """Answers as Active Directory does where the script of a test says nothing."""

    def __init__(self, folder: Path, *, tls: bool) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
        self.tls = tls
        self.port = 0
        self.entry = ENTRY
        self.in_group = True
        self.seen: list[Message] = []
        self.connections = 0
        self.script: Script = lambda _: None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        frames = FrameReader()
        try:
            while received := await reader.read(65536):
                for frame in frames.feed(received):
                    await self._answer(read(frame), writer)
        except OSError:
            pass
        finally:
            writer.close()

    async def _answer(self, message: Message, writer: asyncio.StreamWriter) -> None:
        self.seen.append(message)
        scripted = self.script(message)
        for one in self._usual(message.operation) if scripted is None else scripted:
            if isinstance(one, bytes):
                writer.write(one)
            else:
                sent = (
                    one
                    if isinstance(one, Message)
                    else Message(number=message.number, operation=one)
                )
                writer.write(write(sent))
        await writer.drain()
        if scripted is None and isinstance(message.operation, ExtendedRequest):
            await writer.start_tls(self.context)

    def _usual(self, operation: Operation) -> Answered:
        match operation:
            case BindRequest(name=name, password=password):
                right = name == SERVICE or (
                    name == self.entry.name and password == PASSWORD.encode()
                )
                return [BindResponse(result=SUCCESS) if right else refused("52e")]
            case SearchRequest(filter=Matches()):
                return (
                    [SearchEntry(name="CN=G", attributes=()), done()] if self.in_group else [done()]
                )
            case SearchRequest():
                found = b"hoa.lt" in repr(operation.filter.terms[1].value).encode()
                elsewhere = SearchReference(addresses=("ldap://forest.tinh.vn/DC=tinh",))
                return [self.entry, elsewhere, done()] if found else [elsewhere, done()]
            case ExtendedRequest():
                return [ExtendedResponse(result=SUCCESS)]
            case _:
                return []


@asynccontextmanager
async def scripted_directory(folder: Path, *, tls: bool = True) -> AsyncIterator[Scripted]:
    made = Scripted(folder, tls=tls)
    running = await asyncio.start_server(
        made.serve, "127.0.0.1", 0, ssl=made.context if tls else None
    )
    made.port = running.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        running.close()

"""A document comes whole, within its time and size, or not at all."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import httpx
import pytest

from idp.egress.client import client_over
from idp.egress.documents import Documents, Fetched
from idp.egress.rules import EVERYTHING_HERE
from idp.egress.transport import EgressTransport, Limits, SystemResolver

HEAD = b"HTTP/1.1 200 OK\r\nconnection: close\r\n"
SHORT = Limits(seconds=0.3, answer_bytes=2000)
Write = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def fetched(write: Write, etag: str | None = None) -> Fetched | None:
    """What is read of a server that answers so, within short limits."""

    answering: list[asyncio.Task[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                await write(writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering.append(asyncio.create_task(answer(reader, writer)))

    inner = httpx.AsyncHTTPTransport()
    transport = EgressTransport(inner, EVERYTHING_HERE, SystemResolver(), SHORT)
    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, client_over(transport) as client:
        found = await Documents(client).get(f"http://127.0.0.1:{port}/", etag, None)
    for task in answering:
        task.cancel()
    await asyncio.gather(*answering, return_exceptions=True)
    return found


def at_once(octets: bytes) -> Write:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(octets)
        await writer.drain()

    return write


async def drips(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"content-length: 1000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def never_ends(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"\r\n")
    while not writer.is_closing():
        writer.write(b"x" * 500)
        await writer.drain()
        await asyncio.sleep(0)


CUT = at_once(HEAD + b"content-length: 1000\r\n\r\n<x/>")
LARGE = at_once(HEAD + b"content-length: 3000\r\n\r\n" + b"x" * 3000)
MOVED = at_once(b"HTTP/1.1 302 Found\r\nlocation: /\r\nconnection: close\r\n\r\n")
SAME = at_once(b"HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n")
NONSENSE = at_once(b"nonsense\r\n\r\n")


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(drips, id="slow"),
        pytest.param(never_ends, id="endless"),
        pytest.param(CUT, id="cut"),
        pytest.param(LARGE, id="huge"),
        pytest.param(MOVED, id="redirect"),
        pytest.param(SAME, id="304-though-nothing-is-kept"),
        pytest.param(NONSENSE, id="nonsense"),
    ],
)
async def test_what_is_no_whole_document_is_none(write: Write) -> None:
    assert await fetched(write) is None


async def test_a_document_comes_with_the_marks_of_its_version() -> None:
    marks = b'etag: "7"\r\nlast-modified: Thu, 26 Nov 2026 00:00:00 GMT\r\n'
    found = await fetched(at_once(HEAD + marks + b"content-length: 4\r\n\r\n<x/>"))
    assert found == Fetched(
        content=b"<x/>", etag='"7"', last_modified="Thu, 26 Nov 2026 00:00:00 GMT"
    )
    long = b'etag: "' + b"7" * 600 + b'"\r\n'
    found = await fetched(at_once(HEAD + long + b"content-length: 4\r\n\r\n<x/>"))
    assert found == Fetched(content=b"<x/>"), "a mark of any length is not kept"


async def test_nothing_new_is_said_without_a_document() -> None:
    assert await fetched(SAME, etag='"7"') == Fetched(content=None)

"""HTTP/1.1 on a real connection: the endpoints' own way in, and uvicorn's for everything else."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import uvicorn

from idp.web.edge import Edge
from idp.web.http import MAX_BODY, Answer, HttpRequest, Receive, Scope, Send
from idp.web.http1 import SplitHeader, head_of, http1_for
from idp.web.refusals import Refusals
from keys.blind import BlindIndex


async def echo(request: HttpRequest) -> Answer:
    size = "too large" if request.content is None else str(len(request.content))
    text = f"{request.method} {request.path} {request.query.decode()} {request.address} {size}"
    return Answer(body=text.encode())


class Slow:
    """An endpoint that waits until it is let go."""

    def __init__(self) -> None:
        self.entered, self.let_go, self.left = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.inside = 0

    async def __call__(self, request: HttpRequest) -> Answer:
        self.inside += 1
        self.entered.set()
        await self.let_go.wait()
        self.left.set()
        return Answer(body=b"slow" + request.query)


async def broken(request: HttpRequest) -> Answer:
    raise RuntimeError("Nguyễn Thị Lan")


async def splitting(request: HttpRequest) -> Answer:
    return Answer(body=b"never", headers=((b"location", b"/\r\nset-cookie: a=b"),))


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    body = scope["path"].encode() + b" by the application"
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


def fault_page(request: HttpRequest, correlation: str) -> Answer:
    return Answer(status=500, body=b"fault " + correlation.encode())


class Kept:
    """Port `Audit`."""

    def record(self, event: str, fields: Mapping[str, str | int]) -> None:
        """Nothing here refuses."""


class Peer:
    """A client that writes bytes and reads answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, raw: str) -> None:
        self.writer.write(raw.replace("\n", "\r\n").encode())

    async def answer(self, *, head_only: bool = False) -> tuple[int, dict[str, str], str]:
        async with asyncio.timeout(10):
            raw = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = raw.decode().strip().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines)
            size = 0 if head_only else int(headers["content-length"])
            return int(first.split()[1]), headers, (await self.reader.readexactly(size)).decode()

    async def at_end(self) -> bool:
        async with asyncio.timeout(10):
            return await self.reader.read() == b""


class Place:
    """A running server."""

    def __init__(self, port: int, slow: Slow, server: uvicorn.Server) -> None:
        self.port, self.slow, self.server = port, slow, server

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[Peer]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Peer(reader, writer)
        finally:
            writer.close()


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    slow = Slow()
    edge = Edge(
        application,
        endpoints={"/echo": echo, "/slow": slow, "/broken": broken, "/splitting": splitting},
        trusted_proxies=(),
        fault_page=fault_page,
        refusals=Refusals(Kept(), frozenset(), BlindIndex(bytes(32)), lambda size: bytes(size)),
        entropy=lambda size: b"\x07" * size,
        clock=lambda: 1_800_000_000.0,
    )
    config = uvicorn.Config(
        edge, port=0, http=http1_for(edge), lifespan="off", log_config=None, access_log=False,
        server_header=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield Place(server.servers[0].sockets[0].getsockname()[1], slow, server)
    slow.let_go.set()
    server.should_exit = True
    await running


async def test_a_request_for_an_endpoint_reaches_it_whole(place: Place) -> None:
    async with place.peer() as peer:
        peer.send("POST /echo?a=1&b=%20 HTTP/1.1\nHost: h\nContent-Length: 5\n\n12345")
        status, headers, body = await peer.answer()
    assert (status, body) == (200, "POST /echo a=1&b=%20 127.0.0.1 5")
    assert "date" in headers
    assert "connection" not in headers


async def test_a_connection_serves_many_requests_by_both_ways(place: Place) -> None:
    async with place.peer() as peer:
        for path, body in (
            ("/echo", "GET /echo  127.0.0.1 0"),
            ("/x", "/x by the application"),
        ) * 3:
            peer.send(f"GET {path} HTTP/1.1\nHost: h\n\n")
            assert (await peer.answer())[2] == body


async def test_a_body_in_chunks_is_put_together(place: Place) -> None:
    async with place.peer() as peer:
        peer.send(
            "POST /echo HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3\nabc\n2\nde\n0\n\n"
        )
        assert (await peer.answer())[2].endswith(" 5")


async def test_a_body_at_the_bound_is_kept(place: Place) -> None:
    async with place.peer() as peer:
        peer.send(f"POST /echo HTTP/1.1\nHost: h\nContent-Length: {MAX_BODY}\n\n{'x' * MAX_BODY}")
        assert (await peer.answer())[2].endswith(f" {MAX_BODY}")


@pytest.mark.parametrize("framing", ["Content-Length: 100000000", "Transfer-Encoding: chunked"])
async def test_an_endless_body_is_answered_at_the_bound_and_the_connection_ends(
    place: Place, framing: str
) -> None:
    async with place.peer() as peer:
        start = "100000\n" if "chunked" in framing else ""
        peer.send(f"POST /echo HTTP/1.1\nHost: h\n{framing}\n\n{start}{'x' * (MAX_BODY + 1)}")
        status, headers, body = await peer.answer()
        assert (status, headers["connection"]) == (200, "close")
        assert body.endswith("too large")


async def test_pipelined_requests_are_answered_in_their_order(place: Place) -> None:
    async with place.peer() as peer:
        peer.send("GET /slow HTTP/1.1\nHost: h\n\nGET /echo?2 HTTP/1.1\nHost: h\n\n")
        peer.send("GET /third HTTP/1.1\nHost: h\n\n")
        await place.slow.entered.wait()
        place.slow.let_go.set()
        bodies = [(await peer.answer())[2] for _ in range(3)]
    assert bodies == ["slow", "GET /echo 2 127.0.0.1 0", "/third by the application"]


async def test_a_head_request_gets_no_body(place: Place) -> None:
    async with place.peer() as peer:
        peer.send("HEAD /echo HTTP/1.1\nHost: h\n\nGET /echo HTTP/1.1\nHost: h\n\n")
        assert (await peer.answer(head_only=True))[1]["content-length"] == "23"
        assert (await peer.answer())[2].startswith("GET /echo")


@pytest.mark.parametrize(
    "request_line",
    ["GET /echo HTTP/1.0\nHost: h", "GET /echo HTTP/1.1\nConnection: close\nHost: h"],
)
async def test_a_connection_that_shall_end_ends(place: Place, request_line: str) -> None:
    async with place.peer() as peer:
        peer.send(f"{request_line}\n\n")
        assert (await peer.answer())[1]["connection"] == "close"
        assert await peer.at_end()


async def test_a_fault_is_a_page_without_detail(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    async with place.peer() as peer:
        peer.send("GET /broken HTTP/1.1\nHost: h\n\n")
        status, _, body = await peer.answer()
    assert (status, body) == (500, "fault " + "07" * 8)
    assert "RuntimeError" in caplog.text
    assert "Lan" not in caplog.text


async def test_a_header_that_would_split_the_answer_is_never_sent(place: Place) -> None:
    async with place.peer() as peer:
        peer.send("GET /splitting HTTP/1.1\nHost: h\n\n")
        status, headers, body = await peer.answer()
        assert (status, body) == (500, "")
        assert "set-cookie" not in headers
        assert await peer.at_end()


@pytest.mark.parametrize("value", [b"a\r\nb", b"a\nb", b"a\rb"])
def test_no_line_break_passes_into_a_head(value: bytes) -> None:
    with pytest.raises(SplitHeader):
        head_of(Answer(headers=((b"x", value),)), (), keep_alive=True)


@pytest.mark.parametrize(
    "garbage",
    [
        "nonsense\n\n",
        "GET /echo HTTP/9.9\n\n",
        "GET /echo HTTP/1.1\nHost : h\n\n",
        "POST /echo HTTP/1.1\nHost: h\nContent-Length: 1\nContent-Length: 2\n\nx",
        "POST /echo HTTP/1.1\nHost: h\nContent-Length: 1\nTransfer-Encoding: chunked\n\n0\n\n",
    ],
)
async def test_what_is_not_http_is_refused_and_the_connection_ends(
    place: Place, garbage: str
) -> None:
    async with place.peer() as peer:
        peer.send(garbage)
        status, headers, _ = await peer.answer()
        assert (status, headers["connection"]) == (400, "close")
        assert await peer.at_end()


async def test_a_caller_who_asks_first_is_told_to_go_on(place: Place) -> None:
    async with place.peer() as peer:
        peer.send("POST /echo HTTP/1.1\nHost: h\nExpect: 100-continue\nContent-Length: 2\n\n")
        async with asyncio.timeout(10):
            assert b"100 Continue" in await peer.reader.readuntil(b"\r\n\r\n")
        peer.send("ok")
        assert (await peer.answer())[2].endswith(" 2")


async def test_the_absolute_form_of_an_address_reaches_the_same_endpoint(place: Place) -> None:
    async with place.peer() as peer:
        peer.send("GET http://h/echo?q HTTP/1.1\nHost: h\n\n")
        assert (await peer.answer())[2] == "GET /echo q 127.0.0.1 0"


async def test_a_caller_who_hangs_up_disturbs_nobody(place: Place) -> None:
    async with place.peer() as gone:
        gone.send("GET /slow HTTP/1.1\nHost: h\n\n")
        await place.slow.entered.wait()
    place.slow.let_go.set()
    await place.slow.left.wait()
    async with place.peer() as peer:
        peer.send("GET /echo HTTP/1.1\nHost: h\n\n")
        assert (await peer.answer())[0] == 200


async def test_answers_of_one_turn_reach_each_its_own_caller(place: Place) -> None:
    async with AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(place.peer()) for _ in range(12)]
        for number, peer in enumerate(peers):
            peer.send(f"GET /slow?{number} HTTP/1.1\nHost: h\n\nGET /echo HTTP/1.1\nHost: h\n\n")
        async with asyncio.timeout(10):
            while place.slow.inside < len(peers):
                await asyncio.sleep(0.01)
        gone, reset, *here = peers
        gone.writer.close()
        reset.writer.transport.abort()
        place.slow.let_go.set()
        for number, peer in enumerate(here, start=2):
            assert (await peer.answer())[2] == f"slow{number}"
            assert (await peer.answer())[2] == "GET /echo  127.0.0.1 0"


async def test_a_connection_lives_while_it_is_used_and_ends_when_it_is_idle(place: Place) -> None:
    place.server.config.timeout_keep_alive = 1
    async with place.peer() as used, place.peer() as idle:
        for peer in (idle, used):
            peer.send("GET /echo HTTP/1.1\nHost: h\n\n")
            await peer.answer()
        for _ in range(8):
            await asyncio.sleep(0.2)
            used.send("GET /echo HTTP/1.1\nHost: h\n\n")
            assert (await used.answer())[0] == 200
        assert await idle.at_end()
        assert await used.at_end()


async def test_a_body_that_was_cut_off_is_never_taken_for_a_whole_one() -> None:
    """By the way of an ASGI server, which tells of the end as of a message without a body."""
    seen: list[bytes | None] = []

    async def endpoint(request: HttpRequest) -> Answer:
        seen.append(request.content)
        return Answer()

    edge = Edge(
        application,
        endpoints={"/echo": endpoint},
        trusted_proxies=(),
        fault_page=fault_page,
        refusals=Refusals(Kept(), frozenset(), BlindIndex(bytes(32)), lambda size: bytes(size)),
        entropy=lambda size: bytes(size),
    )
    messages = [
        {"type": "http.request", "body": b"token=abc", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, object]:
        return messages.pop(0)

    async def send(message: object) -> None:
        del message

    scope = {"type": "http", "method": "POST", "path": "/echo", "query_string": b"", "headers": []}
    await edge(scope, receive, send)
    assert seen == [None]


async def test_a_server_that_stops_answers_what_it_has_begun(place: Place) -> None:
    async with place.peer() as peer:
        peer.send("GET /slow HTTP/1.1\nHost: h\n\n")
        await place.slow.entered.wait()
        place.server.should_exit = True
        await asyncio.sleep(0.3)
        place.slow.let_go.set()
        assert (await peer.answer())[2] == "slow"
        assert await peer.at_end()

"""HTTP/1.1 for the protocol's endpoints, without ASGI in between.

uvicorn keeps the connections, their limits and their end, and its protocol parses (httptools).
Requests for an endpoint of the edge are read whole here, answered, and written at once; every
other request takes uvicorn's own way to the same edge as an ASGI application.

Why: messages, events and a second write for each answer cost more than the parsing itself;
without them the three requests of a sign-on spend half of the server's own CPU.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from idp.web.edge import Edge
from idp.web.http import MAX_BODY, Answer, Endpoint, Header, HttpRequest

_STATUS_LINE = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


class SplitHeader(ValueError):
    """A header of an answer holds a line break; nothing was sent."""


def head_of(answer: Answer, default_headers: Sequence[Header], *, keep_alive: bool) -> bytes:
    """The bytes up to the body.

    Spec: RFC 9112 §4, §5, §9.6
    Raises: SplitHeader.
    """
    lines = [
        name + b": " + value
        for name, value in (
            *default_headers,
            *answer.headers,
            (b"content-length", b"%d" % len(answer.body)),
        )
    ]
    if not keep_alive:
        lines.append(b"connection: close")
    head = b"\r\n".join(lines)
    if head.count(b"\r") != len(lines) - 1 or head.count(b"\n") != len(lines) - 1:
        raise SplitHeader
    return _STATUS_LINE[answer.status] + head + b"\r\n\r\n"


class Exchange:
    """One request that is read and answered here; uvicorn looks at it as at one of its own."""

    __slots__ = (
        "body",
        "disconnected",
        "endpoint",
        "keep_alive",
        "message_event",
        "more_body",
        "path",
        "query",
        "response_complete",
    )  # fmt: skip

    def __init__(self, endpoint: Endpoint, path: bytes, query: bytes, *, keep_alive: bool) -> None:
        self.endpoint = endpoint
        self.path = path
        self.query = query
        self.keep_alive = keep_alive
        self.body = bytearray()
        self.more_body = True
        self.response_complete = False
        self.disconnected = False
        self.message_event = _NOBODY_WAITS


class _Unheard:
    """uvicorn wakes whoever reads a body in parts; here nobody does."""

    def set(self) -> None:
        """Nothing to wake."""


_NOBODY_WAITS = _Unheard()


class Http1(HttpToolsProtocol):
    """One connection. Made for one edge by `http1_for`."""

    edge: ClassVar[Edge]
    endpoints: ClassVar[Mapping[bytes, Endpoint]]
    answers_of_turn: ClassVar[list[tuple["Http1", Exchange, bytes]]]
    """What the exchanges of this turn of the event loop have answered, on every connection."""
    _reading: Exchange | None = None
    """The exchange whose request is still being read."""
    _idle_since: float | None = None

    def on_message_begin(self) -> None:
        """A request line begins; what ASGI wants of it is made only if it goes there."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._reading = None

    def on_headers_complete(self) -> None:
        """Choose the way: an endpoint of ours, or the application."""
        path, _, query = self.url.partition(b"?")
        endpoint = self.endpoints.get(path)
        busy = self.cycle is not None and not self.cycle.response_complete
        if (
            endpoint is None
            or busy  # a pipelined request waits its turn in uvicorn's queue
            or self.expect_100_continue
            or b"#" in query
            or self.parser.should_upgrade()
        ):
            self._to_application()
            return
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        self._reading = Exchange(endpoint, path, query, keep_alive=keep_alive)
        self.cycle = self._reading  # type: ignore[assignment]  # all of it that uvicorn looks at

    def _to_application(self) -> None:
        url, headers = self.url, self.headers
        expects = self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    def _is_ours(self) -> bool:
        """Whether what still comes belongs to a request that was answered early."""
        cycle: object = self.cycle
        return isinstance(cycle, Exchange)

    def on_body(self, body: bytes) -> None:
        """A part of the body; past the bound the request is answered without it."""
        exchange = self._reading
        if exchange is None:
            if not self._is_ours():
                super().on_body(body)
            return
        exchange.body += body
        if len(exchange.body) > MAX_BODY:
            exchange.keep_alive = False
            self.flow.pause_reading()
            self._begin(exchange, None)

    def on_message_complete(self) -> None:
        """The whole request is here."""
        if self._reading is not None:
            self._begin(self._reading, bytes(self._reading.body))
        elif not self._is_ours():
            super().on_message_complete()

    def _begin(self, exchange: Exchange, content: bytes | None) -> None:
        self._reading = None
        request = self.edge.request(
            self.parser.get_method().decode("ascii"),
            exchange.path.decode("ascii"),
            exchange.query,
            self.headers,
            content,
            self.client[0] if self.client else "",
        )
        task = self.loop.create_task(self._exchange(exchange, request))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _exchange(self, exchange: Exchange, request: HttpRequest) -> None:
        answer = await self.edge.answer(exchange.endpoint, request)
        if self.flow.write_paused:
            await self.flow.drain()
        data = self._bytes_of(answer, exchange, head_only=request.method == "HEAD")
        if not self.answers_of_turn:
            self.loop.call_soon(self._send_answers_of_turn)
        self.answers_of_turn.append((self, exchange, data))

    def _bytes_of(self, answer: Answer, exchange: Exchange, *, head_only: bool) -> bytes:
        headers = self.server_state.default_headers
        try:
            head = head_of(answer, headers, keep_alive=exchange.keep_alive)
        except SplitHeader:
            exchange.keep_alive = False
            return head_of(Answer(status=500), headers, keep_alive=False)
        return head if head_only else head + answer.body

    @classmethod
    def _send_answers_of_turn(cls) -> None:
        """Why together: each write alone wakes the caller's process, which costs more than the
        write; after the first of many it is awake.
        """
        answers = cls.answers_of_turn.copy()
        cls.answers_of_turn.clear()
        for connection, exchange, data in answers:
            connection._send(exchange, data)  # noqa: SLF001 - one of our own

    def _send(self, exchange: Exchange, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)
        exchange.response_complete = True
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()

    # --- idle connections: one timer for each, moved on when it fires, not at every answer -------

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def on_response_complete(self) -> None:
        """The next pipelined request, or a connection that is idle from now on."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._watch(self.timeout_keep_alive)

    def _watch(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self._end_if_idle)

    def _end_if_idle(self) -> None:
        self.timeout_keep_alive_task = None
        if self._idle_since is None:  # a request is running; its end starts the next watch
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            self.transport.close()
        else:
            self._watch(left)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing of this connection is left behind."""
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()


def http1_for(edge: Edge) -> type[Http1]:
    """The protocol class for uvicorn's option `http`, bound to this edge."""
    endpoints = {path.encode("ascii"): endpoint for path, endpoint in edge.endpoints.items()}
    own: dict[str, object] = {"edge": edge, "endpoints": endpoints, "answers_of_turn": []}
    return type("Http1OfEdge", (Http1,), own)

"""The outermost wall: who is calling, which endpoint answers, and what a fault looks like."""

import logging
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from idp.ports import Clock, Entropy
from idp.web.http import (
    MAX_BODY,
    Answer,
    App,
    Endpoint,
    Header,
    HttpRequest,
    Receive,
    Scope,
    Send,
)
from idp.web.refusals import Refusals

logger = logging.getLogger("lienthong.faults")
Network = IPv4Network | IPv6Network
FaultPage = Callable[[HttpRequest, str], Answer]


def trusted_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """The peers whose forwarding headers are believed."""
    return tuple(ip_network(text) for text in texts)


def caller_address(peer: str, fields: Sequence[Header], trusted: tuple[Network, ...]) -> str:
    """The address of who is calling: the peer, or what a trusted peer says of it.

    The list is read from the right; the first address that is not itself trusted counts.

    Spec: RFC 7239 §8.1 (what an unlisted peer says is ignored)
    """
    address = peer
    if not trusted or not _is_trusted(address, trusted):
        return address
    forwarded = b",".join(value for name, value in fields if name == b"x-forwarded-for")
    for hop in reversed(forwarded.split(b",")):
        text = hop.strip().decode("latin-1")
        try:
            address = ip_address(text).compressed
        except ValueError:
            return address
        if not _is_trusted(address, trusted):
            return address
    return address


def _is_trusted(address: str, trusted: tuple[Network, ...]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in trusted)


class Edge:
    """The protocol's endpoints by exact path, rooms by the path they begin with, everything else
    to the application.

    Requests come in through `http1.py`, which knows this class, or from any ASGI server.

    Why: a dictionary look-up in front of the framework keeps the hot endpoints at a third of the
    CPU that routed ones cost; there is still exactly one way in for each path.
    """

    def __init__(
        self,
        app: App,
        *,
        endpoints: Mapping[str, Endpoint],
        rooms: Mapping[str, Endpoint] | None = None,
        trusted_proxies: tuple[Network, ...],
        fault_page: FaultPage,
        refusals: Refusals,
        entropy: Entropy,
        clock: Clock = time.time,
    ) -> None:
        self._app = app
        self.endpoints = endpoints
        self._rooms = tuple((rooms or {}).items())
        self._trusted = trusted_proxies
        self._fault_page = fault_page
        self._refusals = refusals
        self._entropy = entropy
        self._clock = clock

    def request(
        self,
        method: str,
        path: str,
        query: bytes,
        fields: Sequence[Header],
        content: bytes | None,
        peer: str,
    ) -> HttpRequest:
        """A request as the endpoints see it: with the caller's address, and the moment it came."""
        return HttpRequest(
            method=method,
            path=path,
            query=query,
            fields=fields,
            content=content,
            address=caller_address(peer, fields, self._trusted),
            received_at=self._clock(),
        )

    async def answer(self, endpoint: Endpoint, request: HttpRequest) -> Answer:
        """The endpoint's answer; a fault becomes a page without detail. Never raises."""
        try:
            answer = await endpoint(request)
            return answer if answer.refusal is None else self._refusals.record(request, answer)
        except Exception as fault:  # noqa: BLE001 - the last wall: any fault is a 500 without detail
            return self._told(request, fault)

    def _told(self, request: HttpRequest, fault: Exception) -> Answer:
        correlation = self._entropy(8).hex()
        # The type and the place, never the text: an exception text could hold personal data.
        logger.error("fault %s: %s at %s", correlation, type(fault).__name__, _place(fault))
        return self._fault_page(request, correlation)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection event of an ASGI server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        endpoint = self.endpoints.get(scope["path"]) or self._room(scope["path"])
        if endpoint is not None:
            request = self._of_scope(scope, await _read(receive))
            await send_answer(await self.answer(endpoint, request), send)
            return
        outgoing = _Outgoing(send)
        try:
            await self._app(scope, receive, outgoing)
        except Exception as fault:  # noqa: BLE001 - the same wall, in front of the application
            page = self._told(self._of_scope(scope, b""), fault)
            if not outgoing.started:
                await send_answer(page, send)

    def _room(self, path: str) -> Endpoint | None:
        """The endpoint that answers for every path below its own."""
        for root, endpoint in self._rooms:
            if path == root or path.startswith(root + "/"):
                return endpoint
        return None

    def _of_scope(self, scope: Scope, content: bytes | None) -> HttpRequest:
        client = scope.get("client")
        return self.request(
            str(scope["method"]),
            str(scope["path"]),
            bytes(scope["query_string"]),
            scope["headers"],
            content,
            client[0] if client else "",
        )


async def _read(receive: Receive) -> bytes | None:
    """The body; None as soon as it is too large to be kept, or where the caller hung up in it."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY or message["type"] == "http.disconnect":
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def send_answer(answer: Answer, send: Send) -> None:
    """An answer as the two messages of ASGI."""
    length: Header = (b"content-length", str(len(answer.body)).encode())
    start = {
        "type": "http.response.start",
        "status": answer.status,
        "headers": [*answer.headers, length],
    }
    await send(start)
    await send({"type": "http.response.body", "body": answer.body})


class _Outgoing:
    """Remembers whether an answer has begun: a second one must not follow it."""

    __slots__ = ("_send", "started")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        self.started = True
        await self._send(message)


def _place(fault: BaseException) -> str:
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "unknown"
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"

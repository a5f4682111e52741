"""The outermost wall: who is calling, which endpoint answers, and what a fault looks like."""

import logging
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from idp.ports import Clock, Entropy
from idp.web.http import Answer, App, Endpoint, HttpRequest, Receive, Scope, Send
from idp.web.refusals import Refusals

logger = logging.getLogger("lienthong.faults")
Network = IPv4Network | IPv6Network
FaultPage = Callable[[HttpRequest, str], Answer]


def trusted_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """The peers whose forwarding headers are believed."""
    return tuple(ip_network(text) for text in texts)


def caller_address(scope: Scope, trusted: tuple[Network, ...]) -> str:
    """The address of who is calling: the peer, or what a trusted peer says of it.

    The list is read from the right; the first address that is not itself trusted counts.

    Spec: RFC 7239 §8.1 (what an unlisted peer says is ignored)
    """
    client = scope.get("client")
    address = client[0] if client else ""
    if not trusted or not _is_trusted(address, trusted):
        return address
    forwarded = b",".join(v for k, v in scope["headers"] if k == b"x-forwarded-for")
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
    """Pure ASGI: the protocol's endpoints by exact path, everything else to the application.

    Why: a dictionary look-up in front of the framework keeps the hot endpoints at a third of the
    CPU that routed ones cost; there is still exactly one way in for each path.
    """

    def __init__(
        self,
        app: App,
        *,
        endpoints: Mapping[str, Endpoint],
        trusted_proxies: tuple[Network, ...],
        fault_page: FaultPage,
        refusals: Refusals,
        entropy: Entropy,
        clock: Clock = time.time,
    ) -> None:
        self._app = app
        self._endpoints = endpoints
        self._trusted = trusted_proxies
        self._fault_page = fault_page
        self._refusals = refusals
        self._entropy = entropy
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection event."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        endpoint = self._endpoints.get(scope["path"])
        request = HttpRequest(
            scope=scope,
            receive=receive,
            address=caller_address(scope, self._trusted),
            received_at=self._clock(),
        )
        outgoing = _Outgoing(send)
        try:
            if endpoint is not None:
                answer = await endpoint(request)
                if answer.refusal is not None:
                    answer = self._refusals.record(request, answer)
                await answer.send(outgoing)
            else:
                await self._app(scope, receive, outgoing)
        except Exception as fault:  # noqa: BLE001 - the last wall: any fault is a 500 without detail
            correlation = self._entropy(8).hex()
            # The type and the place, never the text: an exception text could hold personal data.
            logger.error(  # noqa: TRY400 - a trace could hold personal data
                "fault %s: %s at %s", correlation, type(fault).__name__, _place(fault)
            )
            if not outgoing.started:
                await self._fault_page(request, correlation).send(send)


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

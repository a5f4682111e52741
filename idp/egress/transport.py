"""Where every request to a registered address leaves the house: an httpx transport.

Guarantee: whatever client stands above, a request reaches only an address that the rules allow, at
the very number that was checked; no redirect can be followed; an answer ends after a time and a
size, and is never unpacked.

    httpx.ConnectError
    └── AddressRefused      the rules forbid the address; nothing was sent
    httpx.ReadError
    └── AnswerTooLarge      more came than is read
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from typing import cast

import httpx

from idp.egress.ranges import Number
from idp.egress.rules import Address, EgressRules, Refused, number_of

RESOLVER_THREADS = 4
MAX_NUMBERS = 4
"""How many numbers of one name are tried: those after a dead one still have their time."""
Resolve = Callable[[str], Awaitable[Sequence[Number]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a whole exchange may take, and how much of an answer is read."""

    seconds: float = 3.0
    answer_bytes: int = 256 * 1024


class AddressRefused(httpx.ConnectError):
    """The rules forbid this address. The text is ours and repeats nothing of it."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(f"not called: the rules want {refused.value}")
        self.refused = refused


class AnswerTooLarge(httpx.ReadError):
    """More came than is read."""


class EgressTransport(httpx.AsyncBaseTransport):
    """Checks, resolves once, connects to what was checked. `inner` must keep no connection alive:
    two names at one number would share it, and its certificate was checked for one of them.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        rules: EgressRules,
        resolve: Resolve,
        limits: Limits | None = None,
    ) -> None:
        self._inner = inner
        self._rules = rules
        self._resolve = resolve
        self._limits = limits or Limits()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body bounded in size and in time.

        Raises: AddressRefused; httpx.ConnectTimeout, httpx.ConnectError and others of httpx.
        """
        ends_at = asyncio.get_running_loop().time() + self._limits.seconds
        try:
            async with asyncio.timeout_at(ends_at):
                numbers = await self._checked(request.url)
                response = await self._answer(request, numbers)
        except TimeoutError:
            raise httpx.ReadTimeout("the time for the whole exchange is over") from None
        return httpx.Response(
            response.status_code,
            headers=_without_ways_on(response),
            stream=_Bounded(
                cast("httpx.AsyncByteStream", response.stream), ends_at, self._limits.answer_bytes
            ),
            extensions=response.extensions,
        )

    async def _checked(self, url: httpx.URL) -> list[Number]:
        """The numbers of the address, every one of which may be called."""
        host = url.raw_host.decode("ascii")
        refused = self._rules.refusal_of(
            Address(scheme=url.scheme, host=host, port=url.port, has_user=bool(url.userinfo))
        )
        if refused is not None:
            raise AddressRefused(refused)
        literal = number_of(host)
        numbers = [literal] if literal is not None else list(await self._resolve(host))
        for number in numbers:
            refused = self._rules.refusal_of_number(host, number)
            if refused is not None:
                raise AddressRefused(refused)
        return numbers[:MAX_NUMBERS]

    async def _answer(self, request: httpx.Request, numbers: list[Number]) -> httpx.Response:
        """From the first number that takes the connection; each has its share of the time."""
        connect_seconds = self._limits.seconds / max(len(numbers), 1)
        fault: httpx.TransportError = httpx.ConnectError("the name has no number")
        for number in numbers:
            try:
                return await self._inner.handle_async_request(
                    _led_to(number, request, connect_seconds)
                )
            except (httpx.ConnectError, httpx.ConnectTimeout) as refused:
                fault = refused
        raise fault

    async def aclose(self) -> None:
        """Close the transport below."""
        await self._inner.aclose()


def _led_to(number: Number, request: httpx.Request, connect_seconds: float) -> httpx.Request:
    """The request with the number in its address; `Host` and the name for TLS stay the host's."""
    headers = request.headers.copy()
    headers["accept-encoding"] = "identity"
    timeout = request.extensions.get("timeout", {}) | {"connect": connect_seconds}
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(number)),
        headers=headers,
        stream=request.stream,
        extensions=request.extensions
        | {"sni_hostname": request.url.raw_host.decode("ascii"), "timeout": timeout},
    )


def _without_ways_on(response: httpx.Response) -> list[tuple[bytes, bytes]]:
    """The header fields, without those that would have a client unpack or follow something."""
    left_out = {b"content-encoding"}
    if 300 <= response.status_code < 400:
        left_out.add(b"location")
    return [(name, value) for name, value in response.headers.raw if name.lower() not in left_out]


class _Bounded(httpx.AsyncByteStream):
    """A body that ends, with an error where it would not by itself."""

    def __init__(self, body: httpx.AsyncByteStream, ends_at: float, answer_bytes: int) -> None:
        self._body = body
        self._ends_at = ends_at
        self._left = answer_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = aiter(self._body)
        while (part := await self._next(parts)) is not None:
            self._left -= len(part)
            if self._left < 0:
                raise AnswerTooLarge("more came than is read")
            yield part

    async def _next(self, parts: AsyncIterator[bytes]) -> bytes | None:
        try:
            async with asyncio.timeout_at(self._ends_at):
                return await anext(parts, None)
        except TimeoutError:
            raise httpx.ReadTimeout("the time for the whole exchange is over") from None

    async def aclose(self) -> None:
        """Close the body below."""
        await self._body.aclose()


class SystemResolver:
    """Asks the machine's resolver, on threads of its own: dead DNS holds up nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, "egress-resolver")

    async def __call__(self, host: str) -> list[Number]:
        """The numbers of a name, in the order in which the system would try them.

        Raises: httpx.ConnectError.
        """
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            )
            return [ip_address(str(place[0]).partition("%")[0]) for *_, place in found]
        except (OSError, UnicodeError, ValueError):
            raise httpx.ConnectError("the name does not resolve") from None

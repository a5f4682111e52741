"""A reverse proxy as small as it can be: it asks /forward-auth before it lets a request through."""

from urllib.parse import urlsplit

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OWN_PLACE = b"/.lienthong/"
TOLD_TO_THE_BROWSER = frozenset(
    {b"location", b"set-cookie", b"cache-control", b"content-type", b"referrer-policy"}
)
NEVER_ANSWERED = 502


class AskingProxy:
    """In front of one application, in its own process: nobody reaches it past the proxy."""

    def __init__(
        self,
        application: ASGIApp,
        *,
        issuer: str,
        address: str,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._application = application
        self._issuer = issuer
        self._host = urlsplit(address).netloc
        # No client, but its transport: a client would keep the cookies of one browser for another.
        self._transport = transport or httpx.AsyncHTTPTransport()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection event of an ASGI server."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        target = path + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        own = path.startswith(OWN_PLACE)
        answer = await self._ask(scope, target, target if own else b"/forward-auth/browser")
        if own or answer.status_code != 200:
            await _hand_on(answer, send)
            return
        told = [
            (name.lower(), value)
            for name, value in answer.headers.raw
            if name.lower().startswith((b"x-", b"remote-"))
        ]
        names = {name for name, _ in told}
        kept = [field for field in scope["headers"] if field[0].lower() not in names]
        filled = [field for field in told if field[1]]
        await self._application({**scope, "headers": kept + filled}, receive, send)

    async def _ask(self, scope: Scope, target: bytes, place: bytes) -> httpx.Response:
        wanted = (b"cookie", b"accept-language")
        headers = [(name, value) for name, value in scope["headers"] if name in wanted]
        headers += [
            (b"host", urlsplit(self._issuer).netloc.encode()),
            (b"x-forwarded-host", self._host.encode()),
            (b"x-forwarded-uri", target),
            (b"x-forwarded-method", scope["method"].encode()),
        ]
        url = self._issuer + place.decode("latin-1")
        try:
            answer = await self._transport.handle_async_request(
                httpx.Request("GET", url, headers=headers)
            )
            await answer.aread()
        except httpx.HTTPError:
            return httpx.Response(NEVER_ANSWERED)  # closed, where nobody can be asked
        return answer


async def _hand_on(answer: httpx.Response, send: Send) -> None:
    headers = [
        (name.lower(), value)
        for name, value in answer.headers.raw
        if name.lower() in TOLD_TO_THE_BROWSER
    ]
    start: Message = {
        "type": "http.response.start",
        "status": answer.status_code,
        "headers": [*headers, (b"content-length", str(len(answer.content)).encode())],
    }
    await send(start)
    await send({"type": "http.response.body", "body": answer.content})

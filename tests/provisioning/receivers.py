"""Systems on loopback that are told things: a recording one, and a real SCIM server."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from scim2_models import ScimProvider
from scim2_server.applications.wsgi import WSGIApplication
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)


async def until(true: Callable[[], Any]) -> Any:
    """Wait for it, a while."""
    async with asyncio.timeout(15):
        while not (found := true()):
            await asyncio.sleep(0.02)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Receiver:
    """Writes down every call, and answers as it is told to; while `hangs`, it does not answer."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    """What is answered first; after that 204."""
    hangs: bool = False
    hanging: int = 0
    """How many calls have been left without an answer."""
    freed: threading.Event = field(default_factory=threading.Event)


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(length)
            call = Call(method=self.command, path=self.path, headers=headers, body=body)
            receiver.calls.append(call)
            if receiver.hangs:
                receiver.hanging += 1
                receiver.freed.wait(30)
                return
            status, text = receiver.answers.pop(0) if receiver.answers else (204, b"")
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *arguments: object) -> None:
            pass

    Handler.do_PUT = Handler.do_POST  # type: ignore[attr-defined]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.freed.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def scim_server() -> Iterator[tuple[str, list[str]]]:
    """Its address, and the paths that were asked for, queries and all."""
    provider = ScimProvider.from_discovery(
        load_default_schemas().values(),
        load_default_resource_types().values(),
        config=load_default_service_provider_config(),
    )
    service = ScimService(provider, secret="s" * 32)
    application = WSGIApplication(InMemoryStorage(), provider, service)
    asked: list[str] = []

    def noting(environ: dict[str, Any], start_response: Any) -> Any:
        asked.append(f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}")
        return application(environ, start_response)

    class Quiet(WSGIRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    wsgi = make_server("127.0.0.1", 0, noting, handler_class=Quiet)
    thread = threading.Thread(target=wsgi.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{wsgi.server_port}", asked
    finally:
        wsgi.shutdown()
        thread.join()
        wsgi.server_close()

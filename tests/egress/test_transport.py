"""Rule 7 at the wire: real servers on loopback, and what reached them."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client

from idp.egress.client import HttpEgress, client_over, outgoing_client
from idp.egress.ranges import Number
from idp.egress.rules import EVERYTHING_HERE, AllowedHost, EgressRules, Refused
from idp.egress.transport import (
    AddressRefused,
    AnswerTooLarge,
    EgressTransport,
    Limits,
    SystemResolver,
)
from tests.certificates import certificate

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A server on loopback; `seen` are the heads of the requests that reached it."""

    def __init__(self, answer: Answer) -> None:
        self.port = 0
        self.seen: list[bytes] = []
        self.connections = 0
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.seen.append(await reader.readuntil(b"\r\n\r\n"))
                if isinstance(self._answer, bytes):
                    writer.write(self._answer)
                else:
                    await self._answer(writer)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def url(self, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/x"

    def rules(self, host: str, *, plain_http: bool = True) -> EgressRules:
        """The host is named, with the port of this server."""
        allowed = AllowedHost(ports=(self.port,), plain_http=plain_http)
        return EgressRules(allowed_hosts={host: allowed})


@asynccontextmanager
async def server(answer: Answer = OK, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    made = Server(answer)
    running = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    made.port = running.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        running.close()


class Names:
    """A resolver whose answers a test decides, one after the other."""

    def __init__(self, *answers: list[str]) -> None:
        self.asked: list[str] = []
        self._answers = list(answers)

    async def __call__(self, host: str) -> list[Number]:
        self.asked.append(host)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [ip_address(number) for number in answer]


@asynccontextmanager
async def client(
    rules: EgressRules = EVERYTHING_HERE,
    names: Names | None = None,
    limits: Limits | None = None,
    inner: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[httpx.AsyncClient]:
    transport = EgressTransport(
        inner or httpx.AsyncHTTPTransport(trust_env=False), rules, names or SystemResolver(), limits
    )
    async with client_over(transport) as made:
        yield made


async def status(url: str, **settings: object) -> int | None:
    async with client(**settings) as made:  # type: ignore[arg-type]
        return await HttpEgress(made).post_form(url, {"logout_token": "x"})


# --- where a request may go -------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "a.localhost", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0",  # noqa: S104
        "2130706433", "017700000001", "0x7f000001", "0x7f.1", "127.1", "0", "0177.0.0.1", "１２７.0.0.1",
        "rp.test@127.0.0.1", "rp.test%40127.0.0.1", "127.0.0.1%2f", "[::1%25lo]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_this_machine_is_not_called_however_it_is_spelled(host: str, scheme: str) -> None:
    async with server() as here:
        assert await status(here.url(host, scheme), rules=EgressRules()) is None
        assert here.connections == 0


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("http://rp.test/", Refused.SCHEME),
        ("ftp://rp.test/", Refused.SCHEME),
        ("https://rp.test:22/", Refused.PORT),
        ("https://rp.test:6379/", Refused.PORT),
        ("https://someone@rp.test/", Refused.USER),
        ("https://10.0.0.1/", Refused.PRIVATE),
        ("https://[::ffff:10.0.0.1]/", Refused.PRIVATE),
        ("https://[64:ff9b::a00:1]/", Refused.PRIVATE),
        ("https://169.254.169.254/latest/meta-data", Refused.CLOSED),
        ("https://2130706433/", Refused.SPELLING),
    ],
)
async def test_a_refused_address_is_neither_resolved_nor_called(url: str, refused: Refused) -> None:
    names = Names(["1.1.1.1"])
    async with client(EgressRules(), names, inner=_unreachable()) as made:
        for method in ("GET", "POST"):
            with pytest.raises(AddressRefused) as told:
                await made.request(method, url)
            assert told.value.refused is refused
            assert "rp.test" not in str(told.value), "the text repeats nothing of the address"
    assert names.asked == []


@pytest.mark.parametrize(
    ("numbers", "refused"),
    [
        (["10.0.0.1"], Refused.PRIVATE),
        (["127.0.0.1"], Refused.PRIVATE),
        (["::ffff:192.168.0.1"], Refused.PRIVATE),
        (["1.1.1.1", "10.0.0.1"], Refused.PRIVATE),
        (["1.1.1.1", "1.0.0.1", "9.9.9.9", "8.8.8.8", "fd00::1"], Refused.PRIVATE),
        (["169.254.169.254"], Refused.CLOSED),
        (["2002:a00:1::"], Refused.CLOSED),
    ],
)
async def test_a_name_with_one_forbidden_number_is_not_called(
    numbers: list[str], refused: Refused
) -> None:
    async with client(EgressRules(), Names(numbers), inner=_unreachable()) as made:
        with pytest.raises(AddressRefused) as told:
            await made.post("https://rp.test/")
    assert told.value.refused is refused


async def test_a_name_is_resolved_once_and_called_at_the_number_that_was_checked() -> None:
    """Rebinding: the second answer would be a private number; nobody asks for it."""
    names, asked = Names(["1.1.1.1"], ["10.0.0.1"]), []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.host, request.headers["host"], request.extensions))
        return httpx.Response(200)

    async with client(EgressRules(), names, inner=httpx.MockTransport(answer)) as made:
        assert (await made.get("https://rp.test/jwks")).status_code == 200
        ((host, field, extensions),) = asked
        assert (host, field, extensions["sni_hostname"]) == ("1.1.1.1", "rp.test", "rp.test")
        with pytest.raises(AddressRefused):
            await made.get("https://rp.test/jwks")
    assert names.asked == ["rp.test", "rp.test"]
    assert len(asked) == 1


async def test_the_socket_goes_to_the_checked_number_whatever_the_name_means_elsewhere() -> None:
    """`one.invalid` means nothing to the system's resolver: only the checked number leads on."""
    async with server() as here:
        rules, names = here.rules("one.invalid"), Names(["127.0.0.1"])
        assert await status(here.url("one.invalid"), rules=rules, names=names) == 200
        assert f"host: one.invalid:{here.port}".encode() in here.seen[0].lower()
        other = here.url("two.invalid")
        assert await status(other, rules=rules, names=names) is None, "it is not named"
        assert here.connections == 1


async def test_a_named_host_that_leads_to_the_metadata_of_a_cloud_is_refused() -> None:
    rules = EgressRules(allowed_hosts={"one.test": AllowedHost()})
    async with client(rules, Names(["169.254.169.254"]), inner=_unreachable()) as made:
        with pytest.raises(AddressRefused):
            await made.get("https://one.test/")


async def test_the_next_number_is_tried_where_one_does_not_answer() -> None:
    async with server() as here:
        names = Names(["::1", "127.0.0.2", "127.0.0.1"])
        rules = here.rules("one.invalid")
        assert await status(here.url("one.invalid"), rules=rules, names=names) == 200


@pytest.mark.parametrize("host", ["no-such-name.invalid", "a" * 64 + ".test"])
async def test_a_name_that_does_not_resolve_is_an_error_like_any_other(host: str) -> None:
    async with client(EgressRules()) as made:
        with pytest.raises(httpx.ConnectError):
            await made.get(f"https://{host}/")
    assert await status(f"https://{host}/", rules=EgressRules()) is None


async def test_the_log_names_the_rule_and_nothing_of_the_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("WARNING", "lienthong.egress")
    names = Names(["10.9.8.7"])
    url = "https://one.invalid/nguyen-van-a?phone=0901"
    assert await status(url, rules=EgressRules(), names=names) is None
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("a registered address is not called: the rules want an address of")
    assert not [part for part in ("one.invalid", "10.9", "nguyen", "0901") if part in line]


async def test_the_resolver_of_the_system_knows_this_machine() -> None:
    assert ip_address("127.0.0.1") in await SystemResolver()("localhost")


# --- certificates -----------------------------------------------------------------------------


async def test_a_certificate_is_that_of_the_name_and_of_a_known_ca(tmp_path: Path) -> None:
    certificate(tmp_path)
    ca = str(tmp_path / "ca.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "ca.pem", tmp_path / "key.pem")
    async with server(OK, tls) as here:

        async def call(url: str, ca_file: str | None, rules: EgressRules) -> int | None:
            async with outgoing_client(ca_file, rules) as made:
                return await HttpEgress(made).post_form(url, {})

        named, number = here.rules("localhost"), here.rules("127.0.0.1")
        assert await call(here.url("localhost", "https"), ca, named) == 200
        assert await call(here.url("LocalHost", "https"), ca, named) == 200
        assert len(here.seen) == 2
        assert await call(here.url("localhost", "https"), None, named) is None, "unknown CA"
        assert await call(here.url("127.0.0.1", "https"), ca, number) is None, "another name"
        assert await call(here.url("localhost", "https"), ca, EgressRules()) is None, "not named"
        assert len(here.seen) == 2, "no request was sent over any of those"


# --- what comes back --------------------------------------------------------------------------


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_no_redirect_can_be_followed_not_even_by_a_client_that_would(code: int) -> None:
    async with server() as inner:
        head = f"HTTP/1.1 {code} X\r\nlocation: {inner.url()}\r\ncontent-length: 0\r\n\r\n"
        async with server(head.encode()) as outer, client() as made:
            response = await made.get(outer.url(), follow_redirects=True)
            assert response.status_code == code
            assert "location" not in response.headers
        assert inner.connections == 0


async def test_the_address_of_something_created_is_handed_up() -> None:
    head = b"HTTP/1.1 201 Created\r\nlocation: /Users/1\r\ncontent-length: 0\r\n\r\n"
    async with server(head) as here, client() as made:
        assert (await made.post(here.url())).headers["location"] == "/Users/1"


async def test_an_answer_is_cut_off_at_the_cap() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
            await writer.drain()

    async with server(endless) as here, client() as made:
        with pytest.raises(AnswerTooLarge):
            await made.get(here.url())
        assert await HttpEgress(made).post_form(here.url(), {}) is None


@pytest.mark.parametrize(("size", "whole"), [(4096, True), (4097, False)])
async def test_the_cap_is_exact(size: int, *, whole: bool) -> None:
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n".encode()
    async with server(head + b"x" * size) as here:
        async with client(limits=Limits(answer_bytes=4096)) as made:
            if whole:
                assert len((await made.get(here.url())).content) == size
            else:
                with pytest.raises(AnswerTooLarge):
                    await made.get(here.url())


async def test_nothing_is_unpacked() -> None:
    """A few kilobytes would unpack to many megabytes: they stay the bytes that came."""
    packed = gzip.compress(b"\0" * 10_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\ncontent-length: {len(packed)}\r\n\r\n"
    async with server(head.encode() + packed) as here, client() as made:
        assert (await made.get(here.url())).content == packed
        assert b"accept-encoding: identity\r\n" in here.seen[0].lower()


@pytest.mark.parametrize(
    "drops",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n"],
    ids=["nothing", "half a head", "half a body"],
)
async def test_an_exchange_ends_after_its_time_however_the_answer_drips(drops: bytes) -> None:
    async def dripping(writer: asyncio.StreamWriter) -> None:
        writer.write(drops)
        while True:
            writer.write(b"x" if drops else b"")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with server(dripping) as here, client(limits=Limits(seconds=0.2)) as made:
        async with asyncio.timeout(20):
            with pytest.raises(httpx.ReadTimeout):
                await made.get(here.url())
            assert await HttpEgress(made).post_form(here.url(), {}) is None


async def test_a_resolver_that_hangs_costs_no_more_than_the_time() -> None:
    class Hanging(Names):
        async def __call__(self, host: str) -> list[Number]:
            await asyncio.Event().wait()
            return []

    async with client(EgressRules(), Hanging([]), Limits(seconds=0.05)) as made:
        async with asyncio.timeout(20):
            with pytest.raises(httpx.TimeoutException):
                await made.get("https://rp.test/")


async def test_no_connection_is_kept_for_another_name_at_the_same_number() -> None:
    async with server() as here:
        rules = EgressRules(
            allowed_hosts=dict.fromkeys(
                ("one.invalid", "two.invalid"), AllowedHost(ports=(here.port,), plain_http=True)
            )
        )
        async with outgoing_client(None, rules) as made:
            made._transport._resolve = Names(["127.0.0.1"])  # type: ignore[attr-defined]
            for host in ("one.invalid", "two.invalid", "one.invalid"):
                assert (await made.get(here.url(host))).text == "ok"
        assert here.connections == 3


async def test_environment_proxies_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server() as proxy, server() as here:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with outgoing_client(None, EVERYTHING_HERE) as made:
            assert (await made.get(here.url())).text == "ok"
        assert proxy.connections == 0


async def test_a_client_library_over_the_transport_obeys_the_same_rules() -> None:
    """Upstream sources use Authlib's client: what it asks for passes the same wall."""
    body = b'{"access_token":"t","token_type":"Bearer"}'
    head = (
        f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    async with server(head.encode() + body) as here:
        transport = EgressTransport(
            httpx.AsyncHTTPTransport(trust_env=False),
            here.rules("one.invalid"),
            Names(["127.0.0.1"]),
        )
        async with AsyncOAuth2Client("id", "secret", transport=transport) as made:
            token = await made.fetch_token(here.url("one.invalid"), grant_type="client_credentials")
            assert token["access_token"] == "t"
            assert (await made.get(here.url("one.invalid"))).status_code == 200
            for url in (here.url("127.0.0.1"), here.url("two.invalid"), "https://[::1]/"):
                with pytest.raises(AddressRefused):
                    await made.get(url)
        assert len(here.seen) == 2


def _unreachable() -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        raise AssertionError("a request left the house")

    return httpx.MockTransport(answer)

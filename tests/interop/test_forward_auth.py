"""Reverse proxies that we did not write, with the examples that we ship, protect a system."""

import json
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from connectors.systems.forward_auth.headers import COMMON_HEADERS, IDENTITY_HEADERS
from idp.demo.browser import Browser
from idp.demo.processes import free_port
from tests.certificates import certificate
from tests.interop.conftest import PROXIES, Provider, wait_for

EXAMPLES = Path(__file__).parents[2] / "deploy" / "forward-auth"
DEBIAN = {"nginx": "nginx-light", "haproxy": "haproxy", "caddy": "caddy"}


def needs(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed (Debian: {DEBIAN[program]})")


def example(name: str, *changes: tuple[str, str]) -> str:
    """An example that we ship, with its addresses and paths changed, and nothing else."""
    text = (EXAMPLES / name).read_text("utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx(folder: Path, address: str, gate: str, system: str) -> list[str]:
    text = example(
        "nginx.conf",
        ("server 127.0.0.1:8080;", f"server {gate};"),
        ("proxy_pass http://127.0.0.1:9000;", f"proxy_pass http://{system};"),
        ("X-Forwarded-Host intranet.example;", f"X-Forwarded-Host {address};"),
        ("server_name intranet.example;", "server_name _;"),
        ("listen 443 ssl;", f"listen {address};"),
        ("/etc/lienthong/tls/fullchain.pem", f"{folder}/ca.pem"),
        ("/etc/lienthong/tls/privkey.pem", f"{folder}/key.pem"),
    )
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{paths}\n{text}\n}}\n",
        "utf-8",
    )
    return ["nginx", "-c", str(config), "-p", str(folder)]


def haproxy(folder: Path, address: str, gate: str, system: str) -> list[str]:
    text = example(
        "haproxy.cfg",
        ("/etc/haproxy/lienthong.lua", str(EXAMPLES / "lienthong.lua")),
        ("127.0.0.1:8080", gate),
        ("127.0.0.1:9000", system),
        ("intranet.example", address),
        ("bind :443 ssl crt /etc/lienthong/tls/intranet.pem", f"bind {address}"),
    )
    config = folder / "haproxy.cfg"
    config.write_text(text, "utf-8")
    return ["haproxy", "-db", "-f", str(config)]


def caddy(folder: Path, address: str, gate: str, system: str) -> list[str]:
    text = example(
        "Caddyfile",
        ("127.0.0.1:8080", gate),
        ("127.0.0.1:9000", system),
        ("intranet.example {", f"http://{address} {{"),
        ("X-Forwarded-Host intranet.example", f"X-Forwarded-Host {address}"),
    )
    config = folder / "Caddyfile"
    config.write_text(
        f"{{\nadmin off\nauto_https off\nstorage file_system {folder}\n}}\n{text}", "utf-8"
    )
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)]


COMMANDS = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy}
VALIDATORS = {"nginx": ["-t"], "haproxy": ["-c"]}


@contextmanager
def child(command: list[str], log: Path) -> Iterator[None]:
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def address(request: pytest.FixtureRequest, provider: Provider, tmp_path: Path) -> Iterator[str]:
    """The intranet behind the proxy that the test names."""
    with behind(request.getfixturevalue("proxy"), provider, tmp_path) as address:
        yield address


@contextmanager
def behind(name: str, provider: Provider, tmp_path: Path) -> Iterator[str]:
    """The address of the intranet behind this proxy."""
    needs(name)
    address, port = provider.protected[name], free_port()
    settings = {
        "name_vi": "Mạng nội bộ", "name_en": "Intranet", "issuer": provider.issuer,
        "address": address, "database": str(tmp_path / "intranet.sqlite"),
        "identity_secret": provider.identity_secret, "client_id": "behind-proxies",
    }  # fmt: skip
    (tmp_path / "intranet.json").write_text(json.dumps(settings), "utf-8")
    application = [
        sys.executable, "-c",
        "import sys, uvicorn; from connectors.simulators.intranet import *\n"
        "app = Intranet(read_settings()).application\n"
        "@app.get('/public/headers')\n"
        "async def headers(request: Request): return request.headers.items()\n"
        f"uvicorn.run(app, port={port}, log_level='warning')",
        "--config", str(tmp_path / "intranet.json"),
    ]  # fmt: skip
    certificate(tmp_path)
    gate = urlsplit(provider.issuer).netloc
    command = COMMANDS[name](tmp_path, urlsplit(address).netloc, gate, f"127.0.0.1:{port}")
    with ExitStack() as stack:
        stack.enter_context(child(application, tmp_path / "intranet.log"))
        stack.enter_context(child(command, tmp_path / "proxy.log"))
        wait_for(f"http://127.0.0.1:{port}/healthz")
        wait_for(address)
        yield address


@pytest.mark.parametrize("proxy", PROXIES)
async def test_a_person_signs_in_at_a_protected_system_and_out_again(
    provider: Provider, proxy: str, address: str
) -> None:
    person = provider.newcomer()
    browser = await provider.sign_in(f"{address}/notices/7?a=b", person)
    assert browser.url == f"{address}/notices/7?a=b", browser.url
    who = await browser.json(f"{address}/whoami")
    assert who["greeting"] == f"Xin chào {person.attributes.full_name}"
    await browser.open(f"{address}/logout")
    assert browser.url == f"{provider.issuer}/logout"
    await browser.submit({})
    await browser.open(f"{address}/whoami")
    assert browser.form is not None
    assert "password" in browser.form.names
    await browser.close()


@pytest.mark.parametrize("proxy", PROXIES)
async def test_a_session_that_ended_elsewhere_ends_at_a_protected_system(
    provider: Provider, proxy: str, address: str
) -> None:
    browser = await provider.sign_in(address, provider.newcomer())
    assert (await browser.json(f"{address}/whoami"))["signed_in"] is True
    await browser.open(f"{provider.issuer}/logout")
    await browser.submit({})
    other = Browser()
    other._client.cookies.update(browser._client.cookies)
    for each in (browser, other):
        assert (await each._client.get(f"{address}/whoami")).status_code in (302, 303)
        await each.close()


@pytest.mark.parametrize("proxy", PROXIES)
async def test_what_a_browser_claims_to_be_does_not_reach_the_system(
    provider: Provider, proxy: str, address: str
) -> None:
    lies = dict.fromkeys((*IDENTITY_HEADERS, *COMMON_HEADERS), "root") | {
        "x-forwarded-uri": "/public", "x-forwarded-host": "evil.test", "x-original-uri": "/public",
        "X_Auth_User": "root", "Remote_User": "root",
    }  # fmt: skip
    async with httpx.AsyncClient(base_url=address, trust_env=False, headers=lies) as stranger:
        page = await stranger.get("/notices/7")
        assert page.status_code in (302, 303)
        assert page.headers["location"].startswith(f"{address}/.lienthong/start?rd=")
        assert (await stranger.post("/notices/7")).status_code == 401
        arrived = await stranger.get("/public/headers")
        assert arrived.status_code == 200
        # Those by which the proxy itself tells of the request are no identity.
        root = [name for name, value in arrived.json() if value == "root"]
        assert root == []


@pytest.mark.parametrize("proxy", PROXIES)
async def test_a_path_that_reads_in_two_ways_does_not_reach_the_system(
    provider: Provider, proxy: str, address: str
) -> None:
    """W05 over a raw connection: nothing on the way makes the path plain before it is asked about."""
    for target in ("/public/../whoami", "/public%2f..%2fwhoami", "/public/%2e%2e/whoami", "//whoami",
                   "/public;/../whoami", "/PUBLIC/opening-hours", "/.lienthong/../whoami",
                   "/.lienthong/%2e%2e/whoami"):  # fmt: skip
        status = raw_status(address, target)
        ours = {404} if target.startswith("/.lienthong/") else set()  # 404: of the provider
        assert status in {301, 302, 303, 308, 400, 401, 403} | ours, (target, status)


def raw_status(address: str, target: str) -> int:
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), timeout=10) as connection:
        connection.sendall(
            f"GET {target} HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n\r\n".encode()
        )
        return int(connection.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("proxy", PROXIES)
def test_each_example_passes_its_own_validator(proxy: str, tmp_path: Path) -> None:
    needs(proxy)
    certificate(tmp_path)
    place, system = f"127.0.0.1:{free_port()}", "127.0.0.1:9"
    command = COMMANDS[proxy](tmp_path, place, "127.0.0.1:8", system)
    if proxy == "caddy":
        command[1] = "validate"
    checked = subprocess.run(
        [*command, *VALIDATORS.get(proxy, [])], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_each_example_replaces_every_identity_header() -> None:
    everything = {*IDENTITY_HEADERS, *COMMON_HEADERS}
    traefik = tomllib.loads(example("traefik.toml"))
    forward = traefik["http"]["middlewares"]["lienthong"]["forwardAuth"]
    assert {name.lower() for name in forward["authResponseHeaders"]} == everything
    assert forward["trustForwardHeader"] is False
    for name, line in (
        ("nginx.conf", r"proxy_set_header (\S+) (?:\"\"|\$lt_\w+);"),
        ("haproxy.cfg", r"del-header (\S+)"),
        ("Caddyfile", r"request_header -(\S+)"),
    ):
        assert everything <= {found.lower() for found in re.findall(line, example(name))}, name

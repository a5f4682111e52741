"""Simulated sources in the test's own process, and a person's way through them."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from connectors.simulators.upstream_people import Citizen
from connectors.simulators.upstream_source import Granted, UpstreamSettings, UpstreamSource
from connectors.simulators.vnconnect import VnConnect
from connectors.simulators.vneid import VnEid
from idp.egress.rules import EgressRules
from keys.pem import new_rsa_pem
from tests.fixtures_world import ISSUER, SECRET_1, Browser

PRIVATE_PEM, PUBLIC_PEM = new_rsa_pem()
SOURCES = """
[sources.vnconnect]
preset = "vnconnect"
name = {{ vi = "VNConnect", en = "VNConnect" }}
issuer = "https://vnconnect.test"
client_id = "province"
secret = {{ env = "SECRET_1" }}

[sources.vneid]
preset = "vneid"
name = {{ vi = "VNeID", en = "VNeID" }}
issuer = "https://vneid.test"
client_id = "province"
secret = {{ env = "SECRET_1" }}
endpoints = {{ authorization = "https://vneid.test/authorize", token = "https://vneid.test/token", userinfo = "https://vneid.test/userinfo" }}
envelope = {{ key_file = "{key_file}", key_wrap = "RSA-OAEP-256", cipher = "A256GCM" }}
{more_vneid}

[sources.u1]
preset = "oidc"
name = {{ vi = "Nguồn một", en = "Source one" }}
issuer = "https://u1.test"
client_id = "province"
auth = "client_secret_post"
secret = {{ env = "SECRET_1" }}
endpoints = {{ authorization = "https://u1.test/oauth2/authorize", token = "https://u1.test/oauth2/token", userinfo = "https://u1.test/oauth2/userinfo", jwks = "https://u1.test/oauth2/jwks" }}
assurance = {{ LoA1 = 1, LoA2 = 2 }}

[sources.u2]
preset = "oidc"
name = {{ vi = "Nguồn hai", en = "Source two" }}
issuer = "https://u2.test"
client_id = "province"
auth = "client_secret_post"
secret = {{ env = "SECRET_1" }}
endpoints = {{ authorization = "https://u2.test/oauth2/authorize", token = "https://u2.test/oauth2/token", userinfo = "https://u2.test/oauth2/userinfo", jwks = "https://u2.test/oauth2/jwks" }}
assurance = {{ LoA1 = 1 }}
allowed_systems = ["portal"]
"""


def sources_toml(folder: Path, more_vneid: str = "") -> str:
    """The four sources; the key that opens VNeID's envelopes is written beside the file."""
    (folder / "vneid.pem").write_bytes(PRIVATE_PEM)
    return SOURCES.format(key_file="vneid.pem", more_vneid=more_vneid)


def signed_toml(folder: Path, *, pushed: bool) -> str:
    """The four sources, where u1 is asked by signed requests, pushed or through the browser."""
    (folder / "u1.pem").write_bytes(PRIVATE_PEM)
    more = 'request_object = true\nsigning_key_file = "u1.pem"'
    text = sources_toml(folder)
    if pushed:
        more += "\npar = true"
        jwks = 'jwks = "https://u1.test/oauth2/jwks"'
        par = 'pushed_authorization_request = "https://u1.test/oauth2/par"'
        text = text.replace(jwks, f"{jwks}, {par}")
    return text.replace("[sources.u1]", f"[sources.u1]\n{more}")


class PlainOidc(VnConnect):
    """A generic OpenID Connect source that names itself in its answer; a test may bend its word."""

    def __init__(self, settings: UpstreamSettings) -> None:
        super().__init__(settings)
        self.application.get("/oauth2/userinfo")(self.userinfo)
        self.bend_id_token: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.bend_userinfo: dict[str, object] = {}
        self.typ = "JWT"

    def claims(self, person: Citizen) -> dict[str, object]:
        told: dict[str, object] = {
            "sub": person.subject,
            "name": person.full_name(self.faults),
            "birthdate": person.birthdate,
            "given_name": person.family_name,  # as it was seen: the two change places
            "family_name": person.given_name,
        }
        return told | self.bend_userinfo

    def id_token(self, granted: Granted, access_token: str) -> dict[str, str]:
        self.sessions[granted.sid] = granted.person.subject
        claims = self.bend_id_token(self.id_claims(granted, access_token))
        return {"id_token": self.signer.sign(self.typ, json.dumps(claims).encode())}


class Upstreams:
    """The sources by host; what we ask them is recorded."""

    def __init__(self, folder: Path, **of_u1: Any) -> None:
        (folder / "recipient.pem").write_bytes(PUBLIC_PEM)
        self.urls: list[str] = []
        self.vnconnect = VnConnect(self._settings("vnconnect", folder))
        self.vneid = VnEid(self._settings("vneid", folder))
        self.u1 = PlainOidc(replace(self._settings("u1", folder), **of_u1))
        self.u2 = PlainOidc(self._settings("u2", folder))
        self.cut_off: set[str] = set()

    def _settings(self, name: str, folder: Path) -> UpstreamSettings:
        return UpstreamSettings(
            name_vi=name,
            name_en=name,
            address=f"https://{name}.test",
            client_id="province",
            client_secret=SECRET_1,
            redirect_uris=(f"{ISSUER}/upstream/{name}/callback",),
            recipient_key_file=str(folder / "recipient.pem"),
        )

    def source(self, name: str) -> UpstreamSource:
        found = getattr(self, name)
        assert isinstance(found, UpstreamSource)
        return found

    async def handle(self, request: httpx.Request) -> httpx.Response:
        """Leads to the source with this host; other registered hosts take everything."""
        self.urls.append(str(request.url))
        name = request.url.host.removesuffix(".test")
        if name in self.cut_off:
            raise httpx.ReadTimeout("nobody answers", request=request)
        if not hasattr(self, name):
            return httpx.Response(204)
        return await httpx.ASGITransport(self.source(name).application).handle_async_request(
            request
        )

    def client(self, _ca_file: str | None, _rules: EgressRules) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=_Led(self))

    async def choose(self, address: str, person: str) -> str:
        """What the source answers a person's browser with: our callback's address."""
        parts = urlsplit(address)
        name = (parts.hostname or "").removesuffix(".test")
        path = parts.path.replace("/authorize", f"/choose/{person}")
        async with httpx.AsyncClient(transport=_Led(self)) as browser:
            page = await browser.get(address)
            kept = re.search(rf'href="{re.escape(path)}\?([^"]*)"', page.text)
            assert kept, page.text
            response = await browser.get(f"https://{parts.hostname}{path}?{unescape(kept[1])}")
        assert response.status_code == 303, response.text
        back = str(response.headers["location"])
        if name not in ("u1", "u2"):
            return back
        return back.replace("+", "%2B") + f"&iss=https%3A%2F%2F{name}.test"


class _Led(httpx.AsyncBaseTransport):
    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._upstreams.handle(request)


def links(page: httpx.Response) -> list[str]:
    """The sources that a page offers."""
    return re.findall(r'href="/upstream/([a-z0-9-]+)/start', page.text)


async def leave(browser: Browser, source: str, **changes: str | None) -> str:
    """From the application to the door of the source: its authorization address."""
    page = await browser.follow(await browser.authorize(**changes))
    return await leave_from(browser, page, source)


async def leave_from(browser: Browser, page: httpx.Response, source: str) -> str:
    found = re.search(rf'href="(/upstream/{source}/start[^"]+)"', page.text)
    assert found, (source, links(page))
    response = await browser.http.get(found[1].replace("&amp;", "&"))
    assert response.status_code == 303, response.text
    return str(response.headers["location"])


async def come_back(browser: Browser, address: str) -> httpx.Response:
    """The browser follows the source's redirect to us, and then ours."""
    return await browser.follow(await browser.http.get(address.removeprefix(ISSUER)))


async def by_source(
    browser: Browser, upstreams: Upstreams, source: str, person: str, **changes: str | None
) -> httpx.Response:
    """A whole sign-in by a source; what comes of it."""
    address = await leave(browser, source, **changes)
    return await come_back(browser, await upstreams.choose(address, person))


def parameter(address: str, name: str) -> str:
    return parse_qs(urlsplit(address).query)[name][0]

"""A portal that was written for VNConnect moves to us by changing a host name."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.interop.arriving import arriving
from tests.interop.conftest import Provider
from tests.interop.opencps_client import Portal, ProofAsked

CALLBACK = "http://127.0.0.1:8400/vnconnect"
TOLD = {
    "sub": "a", "TechID": "t-1", "LoaiTaiKhoan": "1", "HoVaTen": "Nguyễn Thị Lan",
    "SoDinhDanh": "074185000001", "NgayThangNamSinh": "19850314",
}  # fmt: skip


class _Portals(BaseHTTPRequestHandler):
    """The National Portal's sign-on, as far as its clients see it."""

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        assert urlsplit(self.path).path == "/oauth2/authorize"
        self.send_response(302)
        self.send_header("location", f"{asked['redirect_uri'][0]}?code=c-1")
        self.end_headers()

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        if self.path == "/oauth2/token":
            assert "client_secret=s" in sent
            self._json({"access_token": "x", "id_token": "i", "token_type": "Bearer"})
        else:
            assert self.headers["authorization"] == "Bearer x"
            self._json(TOLD)

    def _json(self, body: dict[str, str]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


@pytest.fixture
def national_portal() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Portals)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


CONTENT_TYPES = (None, "application/x-www-form-urlencoded", "application/json")


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_the_portal_signs_in_at_the_national_portal(
    national_portal: str, content_type: str | None
) -> None:
    portal = Portal(national_portal, "old", "s", CALLBACK, content_type=content_type)
    came = httpx.get(portal.login_address(), trust_env=False).headers["location"]
    account, told, _ = portal.arrived(came)
    assert (account, told) == ("dvc1", TOLD)
    assert portal.arrived(came)[0] == "dvc1"


def test_there_an_old_account_is_proven_once(national_portal: str) -> None:
    old = {TOLD["SoDinhDanh"]: ("lan85", "mat-khau-cu")}
    portal = Portal(national_portal, "old", "s", CALLBACK, by_number=old)
    came = httpx.get(portal.login_address(), trust_env=False).headers["location"]
    with pytest.raises(ProofAsked):
        portal.arrived(came)
    assert portal.arrived(came, "mat-khau-cu")[0] == "lan85"
    assert portal.arrived(came)[0] == "lan85", "and now by TechID"


async def test_the_same_portal_signs_in_with_us(provider: Provider) -> None:
    person = provider.newcomer()
    number = person.attributes.personal_number or ""
    born = person.attributes.birthdate.value.replace("-", "") if person.attributes.birthdate else ""
    portal = Portal(
        provider.issuer,
        "opencps",
        provider.opencps_secret,
        CALLBACK,
        by_number={number: ("minh88", "mat-khau-cu")},
    )
    async with arriving(person) as browser:
        first = await browser.arrives_at(portal.login_address(), CALLBACK)
        with pytest.raises(ProofAsked):
            portal.arrived(first)
        came = await browser.arrives_at(portal.login_address(), CALLBACK)
        account, told, id_token = portal.arrived(came, "mat-khau-cu")
        assert account == "minh88", "found by the number, and proven"
        assert told == {
            "sub": told["sub"], "TechID": person.attributes.tech_id, "LoaiTaiKhoan": "1",
            "HoVaTen": person.attributes.full_name, "SoDinhDanh": number,
            "NgayThangNamSinh": born, "SoDienThoai": person.attributes.phone,
        }  # fmt: skip
        for portal.content_type in CONTENT_TYPES:
            again = await browser.arrives_at(portal.login_address(), CALLBACK)
            assert portal.arrived(again)[0] == "minh88", "and now by TechID"
        left = await browser.arrives_at(portal.logout_address(id_token), f"{CALLBACK}/bye")
        assert left == f"{CALLBACK}/bye"


async def test_a_code_of_the_facade_works_once(provider: Provider) -> None:
    portal = Portal(provider.issuer, "opencps", provider.opencps_secret, CALLBACK)
    async with arriving(provider.newcomer()) as browser:
        came = await browser.arrives_at(portal.login_address(), CALLBACK)
    portal.arrived(came)
    with pytest.raises(KeyError, match="access_token"):
        portal.arrived(came)


@pytest.mark.parametrize("path", ["/authorize", "/oauth2/authorize"])
def test_each_client_has_its_own_door(provider: Provider, path: str) -> None:
    """A client of one shape does not exist for the other."""
    other = "sandbox" if path.startswith("/oauth2") else "opencps"
    query = {"client_id": other, "response_type": "code", "redirect_uri": CALLBACK}
    refused = httpx.get(f"{provider.issuer}{path}", params=query, trust_env=False)
    assert refused.status_code == 400
    assert "location" not in refused.headers

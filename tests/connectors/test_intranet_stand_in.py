"""The stand-in of a staff intranet: it believes a signed header, and comes with a proxy that asks."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from hmac import digest
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.simulators.asking_proxy import AskingProxy
from connectors.simulators.intranet import Intranet
from connectors.simulators.stand_in import StandInSettings
from tests.fixtures_world import ISSUER, SECRET_1, World
from tests.people import ALICE_NAME

ADDRESS = "https://intranet.test"


def settings(folder: Path, secret: str = SECRET_1) -> StandInSettings:
    return StandInSettings(
        name_vi="Mạng nội bộ", name_en="Intranet", address=ADDRESS, issuer=ISSUER,
        database=str(folder / "intranet.sqlite"), identity_secret=secret,
        old_accounts=({"account": "cb-017", "name": "Lê Văn Tám"},),
    )  # fmt: skip


@pytest.fixture
async def past_the_proxy(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Intranet(settings(tmp_path)).application)
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as client:
        yield client


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(secret: str = SECRET_1, header: dict[str, Any] | None = None, **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER, "aud": "intranet", "sub": "s-1", "sid": "x", "host": "intranet.test",
        "iat": now, "exp": now + 60, "local_account": "cb-017",
    } | changes  # fmt: skip
    head = header or {"alg": "HS256", "typ": "forward-auth+jwt"}
    signed = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{signed}.{b64(digest(secret.encode(), signed.encode(), 'sha256'))}"


@pytest.mark.parametrize("header", ["x-lienthong-identity", "x-lienthong-identity-2"])
async def test_a_signed_identity_is_recognised_by_its_own_account(
    past_the_proxy: httpx.AsyncClient, header: str
) -> None:
    who = (await past_the_proxy.get("/whoami", headers={header: token()})).json()
    assert (who["local_account"], who["greeting"]) == ("cb-017", "Xin chào Lê Văn Tám")
    assert (await past_the_proxy.get("/", headers={header: token()})).status_code == 200


@pytest.mark.parametrize(
    "forged",
    [
        "", "a.b", "a.b.c", token("another-secret-another-secret-another"), token(aud="onestop"),
        token(iss="https://evil.test"), token(host="wiki.test"), token(exp=1), token(iat=9e12),
        token(header={"alg": "none", "typ": "forward-auth+jwt"}), token(sub=None, host=None),
        token(header={"alg": "HS256", "typ": "ticket+jwt"}), token()[:-2],
    ],
)  # fmt: skip
async def test_anything_else_is_nobody(past_the_proxy: httpx.AsyncClient, forged: str) -> None:
    plain = {"x-auth-user": "root", "remote-user": "root", "x-lienthong-identity": forged}
    assert (await past_the_proxy.get("/whoami", headers=plain)).json()["signed_in"] is False
    assert (await past_the_proxy.get("/", headers=plain)).status_code == 403


async def test_through_its_proxy_a_person_signs_in_and_out(world: World, tmp_path: Path) -> None:
    clock_of_the_provider = time.time()
    world.clock.now = clock_of_the_provider
    proxy = AskingProxy(
        Intranet(settings(tmp_path)).application, issuer=ISSUER, address=ADDRESS,
        transport=httpx.ASGITransport(world.app),
    )  # fmt: skip
    mine, browser = httpx.ASGITransport(proxy), world.browser()
    async with httpx.AsyncClient(transport=mine, base_url=ADDRESS) as staff:
        lying = {"x-auth-user": "root", "x-lienthong-identity": token()}
        started = await staff.get("/notices/7?a=b", headers=lying)
        assert started.headers["location"] == f"{ADDRESS}/.lienthong/start?rd=/notices/7%3Fa%3Db"
        assert (await staff.get("/public/opening-hours", headers=lying)).status_code == 200
        begun = await staff.get(started.headers["location"])
        entry = await browser.http.get(begun.headers["location"])
        world.clock.now -= 30  # a code of this moment: the stand-in has no clock but the real one
        page = await browser.sign_in(world.alice, entry)
        entered = await staff.get(page.headers["location"])
        assert entered.headers["location"] == f"{ADDRESS}/notices/7?a=b"
        shown = await staff.get(entered.headers["location"], headers=lying)
        assert ALICE_NAME in shown.text
        left = await staff.get((await staff.get("/logout")).headers["location"])
        assert left.headers["location"] == f"{ISSUER}/logout"
        assert (await staff.get("/whoami")).status_code == 303
        assert (await staff.post("/whoami")).status_code == 401


async def test_where_the_provider_is_away_nobody_comes_in(tmp_path: Path) -> None:
    def away(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away")

    proxy = AskingProxy(
        Intranet(settings(tmp_path)).application, issuer=ISSUER, address=ADDRESS,
        transport=httpx.MockTransport(away),
    )  # fmt: skip
    async with httpx.AsyncClient(transport=httpx.ASGITransport(proxy), base_url=ADDRESS) as staff:
        answered = await staff.get("/whoami", headers={"x-lienthong-identity": token()})
        assert answered.status_code == 502

"""The whole provider tells real systems what has changed, each at its own pace."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.contract import SystemId
from connectors.links.model import Evidence, LinkState, Transition
from connectors.links.sql import SqlLinks
from connectors.provisioning.messages import Kind
from connectors.provisioning.outbox import Outbox
from connectors.provisioning.webhook import proven
from idp.adapters import open_stores
from idp.app import open_service
from idp.config import Settings, load_settings
from idp.flows import provisioning
from idp.flows.provisioning import LEASE_SECONDS
from tests.fixtures_world import (
    ENVIRONMENT,
    SECRET_1,
    Clock,
    RunningClock,
    World,
    answer,
    settle,
    write_config,
)
from tests.provisioning.receivers import Call, Receiver, receiving, scim_server, until

PORTAL = {"client_id": "portal", "redirect_uri": "https://portal.test/cb"}
TOLD = """
[systems.portal.provisioning]
mode = "just-in-time"
deliver = "scim"
url = "{scim}"
token = {{ env = "SECRET_2" }}

[systems.land.provisioning]
mode = "notify"
deliver = "webhook"
url = "{hook}/events"
secrets = [{{ env = "SECRET_1" }}]
"""
REPLACED = 'claims = [{ claim = "name", source = "full_name" }]'


@pytest.fixture
def scim() -> Iterator[str]:
    with scim_server() as (url, _):
        yield url


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def told_settings(tmp_path: Path, scim: str, hook: Receiver) -> Settings:
    """The portal has a SCIM server, the land registry a web-hook; both on loopback."""
    path = write_config(
        tmp_path,
        f"sqlite:///{tmp_path / 'world.sqlite'}",
        more=TOLD.format(scim=scim, hook=hook.url),
    )
    ports = ", ".join(url.rsplit(":", 1)[1] for url in (scim, hook.url))
    allowed = f'allowed_hosts = [{{ host = "127.0.0.1", ports = [{ports}], plain_http = true }}]'
    text = path.read_text("utf-8").replace("[network]", f"[network]\n{allowed}")
    text = text.replace("[systems.portal]\n", f"[systems.portal]\n{REPLACED}\n")
    path.write_text(text, "utf-8")
    return load_settings(path, ENVIRONMENT)


@pytest.fixture
async def told_world(
    told_settings: Settings, hashes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setattr(provisioning, "IDLE_SECONDS", 0.05)
    clock = Clock()
    people = await settle(told_settings, clock, hashes)
    async with open_service(told_settings, clock) as app:
        made = World(app, clock, told_settings, *people)
        yield made
        await made.close()


async def user_at(scim: str, *, active: bool) -> dict[str, Any]:
    """The one user of the SCIM server, once it stands like this."""
    async with httpx.AsyncClient() as client, asyncio.timeout(15):
        while True:
            listed = (await client.get(f"{scim}/Users")).json().get("Resources", [])
            if listed and listed[0]["active"] is active:
                (user,) = listed
                return dict(user)
            await asyncio.sleep(0.05)


async def end_link(world: World, system: str) -> None:
    """As an administrator does it."""
    async with open_stores(world.settings, world.clock) as stores:
        links = SqlLinks(stores.database, outbox=stores.outbox)
        (link,) = await links.of_subject(world.alice.account.subject, SystemId(system))
        transition = Transition(
            actor="admin:an", reason="not the same person", at=int(world.clock.now),
            evidence=Evidence(rule="A.ended", rule_version=1),
        )  # fmt: skip
        assert await links.move(link, LinkState.ENDED, transition)


async def set_enabled(world: World, *, enabled: bool) -> None:
    """As `lienthong accounts` does it, beside the running provider."""
    async with open_stores(world.settings, world.clock) as stores:
        subject = world.alice.account.subject
        assert await stores.accounts.set_enabled(subject, enabled=enabled)


async def enter_land(world: World, browser: Any) -> None:
    """The land registry gets an account for Alice."""
    start = await browser.http.get("/cas/login?service=https://land.test/enter")
    response = await browser.follow(start)
    query = {"service": "https://land.test/enter", "ticket": answer(response)["ticket"]}
    redeemed = await world.http.get("/cas/p3/serviceValidate", params=query)
    assert "authenticationSuccess" in redeemed.text


async def test_a_first_sign_in_makes_the_account_and_what_changes_later_reaches_it(
    told_world: World, scim: str
) -> None:
    browser = told_world.browser()
    response = await browser.sign_in(told_world.alice, await browser.authorize(**PORTAL))
    assert "code" in answer(response)
    user = await user_at(scim, active=True)
    assert user["userName"].startswith("p-")
    assert user["displayName"] == told_world.alice.account.attributes.full_name
    await set_enabled(told_world, enabled=False)
    await user_at(scim, active=False)
    await set_enabled(told_world, enabled=True)
    await user_at(scim, active=True)
    await end_link(told_world, "portal")
    await user_at(scim, active=False)


async def test_a_signed_web_hook_tells_of_a_session_and_of_a_disabled_account(
    told_world: World, hook: Receiver
) -> None:
    browser = told_world.browser()
    await browser.sign_in(told_world.alice, await browser.authorize(**PORTAL))
    await enter_land(told_world, browser)
    left = await browser.http.get("/logout")
    await browser.submit(left)
    await set_enabled(told_world, enabled=False)
    await until(lambda: len(hook.calls) == 2)
    heard = [_proven(call, int(told_world.clock.now)) for call in hook.calls]
    assert [one["event"] for one in heard] == ["session_revoked", "account_disabled"]
    assert [one["id"] for one in heard] == ["land:1", "land:2"]
    assert heard[1]["account"].startswith("dd-")
    assert heard[1]["active"] is False
    assert heard[0]["sid"]
    assert heard[0]["sub"] == heard[1]["sub"]


def _proven(call: Call, now: int) -> dict[str, Any]:
    assert proven(
        SECRET_1,
        message_id=call.headers["lienthong-message"],
        timestamp=call.headers["lienthong-timestamp"],
        signature=call.headers["lienthong-signature"],
        body=call.body,
        now=now,
    )
    return dict(json.loads(call.body))


async def test_a_system_that_hangs_delays_only_its_own_lane(
    told_world: World, scim: str, hook: Receiver
) -> None:
    browser = told_world.browser()
    await browser.sign_in(told_world.alice, await browser.authorize(**PORTAL))
    await enter_land(told_world, browser)
    await user_at(scim, active=True)
    hook.hangs = True
    await set_enabled(told_world, enabled=False)
    await until(lambda: hook.calls)
    await set_enabled(told_world, enabled=True)
    await set_enabled(told_world, enabled=False)
    await user_at(scim, active=False)
    assert len(hook.calls) == 1, "the first message is still on its way"


async def test_a_system_that_fails_is_told_later_in_order_with_the_same_id(
    told_world: World, hook: Receiver
) -> None:
    browser = told_world.browser()
    await browser.sign_in(told_world.alice, await browser.authorize(**PORTAL))
    await enter_land(told_world, browser)
    hook.answers = [(503, b"")]
    await set_enabled(told_world, enabled=False)
    await set_enabled(told_world, enabled=True)
    await until(lambda: hook.calls)
    async with open_stores(told_world.settings, told_world.clock) as stores:
        sql = "SELECT due_at FROM outbox_lane WHERE due_at > 0"
        async with asyncio.timeout(10):
            while await stores.database.one(sql) is None:
                await asyncio.sleep(0.02)
    assert len(hook.calls) == 1
    told_world.clock.now += provisioning.RETRY_SECONDS[0]
    await until(lambda: len(hook.calls) == 3)
    ids = [call.headers["lienthong-message"] for call in hook.calls]
    assert ids == ["land:1", "land:1", "land:2"]


_NODE = """
import asyncio, os, sys
from pathlib import Path
from idp.app import open_service
from idp.config import load_settings

async def main():
    async with open_service(load_settings(Path(sys.argv[1]), os.environ)):
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_node_that_is_killed_loses_nothing(
    told_settings: Settings,
    tmp_path: Path,
    hook: Receiver,
    hashes: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(provisioning, "IDLE_SECONDS", 0.05)
    alice = (await settle(told_settings, Clock(), hashes))[0].account.subject
    async with open_stores(told_settings) as stores, stores.database.transaction() as statements:
        for kind in (Kind.LINK_ENDED, Kind.ACCOUNT_DISABLED):
            await stores.outbox.write(statements, SystemId("land"), kind, alice, 1)
    hook.hangs = True
    node = subprocess.Popen(
        [sys.executable, "-c", _NODE, str(tmp_path / "lienthong.toml")],
        cwd=Path(__file__).parents[2], env=os.environ | ENVIRONMENT,
    )  # fmt: skip
    await until(lambda: hook.calls)
    node.send_signal(signal.SIGKILL)
    assert await asyncio.to_thread(node.wait, 10) == -signal.SIGKILL
    hook.hangs = False
    async with open_service(told_settings, RunningClock(skew_seconds=LEASE_SECONDS + 1)):
        await until(lambda: len(hook.calls) == 3)
        ids = [call.headers["lienthong-message"] for call in hook.calls]
        assert ids == ["land:1", "land:1", "land:2"]
        async with open_stores(told_settings) as stores, asyncio.timeout(10):
            while await Outbox(stores.database).waiting(SystemId("land"), 1):
                await asyncio.sleep(0.02)

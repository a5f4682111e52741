"""An operator opens the accounts of declared kinds of people before they come."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from connectors.contract import AccountKind, SystemId
from connectors.links.account_opening import AccountOpening
from connectors.links.model import Evidence, LinkState, Transition
from connectors.links.sql import SqlLinks
from idp.adapters import open_stores
from idp.app import open_service
from idp.cli.main import lienthong
from idp.config import load_settings
from idp.flows import provisioning
from idp.flows.pre_provision import PreProvisioning
from idp.store.eligible import SqlEligible
from tests.fixtures_world import ENVIRONMENT, Clock, World, answer, settle, write_config
from tests.provisioning.receivers import scim_server
from tests.provisioning.test_end_to_end import PORTAL, REPLACED

PORTAL_ID = SystemId("portal")
TOLD = """
[systems.portal.provisioning]
mode = "pre-provision"
eligible = ["{kind}"]
deliver = "scim"
url = "{scim}"
token = {{ env = "SECRET_2" }}
"""


@pytest.fixture
def scim() -> Iterator[str]:
    with scim_server() as (url, _):
        yield url


def configured(folder: Path, scim: str, kind: AccountKind) -> Path:
    path = write_config(
        folder, f"sqlite:///{folder / 'world.sqlite'}", more=TOLD.format(scim=scim, kind=kind.value)
    )
    port = scim.rsplit(":", 1)[1]
    allowed = f'allowed_hosts = [{{ host = "127.0.0.1", ports = [{port}], plain_http = true }}]'
    text = path.read_text("utf-8").replace("[network]", f"[network]\n{allowed}")
    path.write_text(text.replace("[systems.portal]\n", f"[systems.portal]\n{REPLACED}\n"), "utf-8")
    return path


async def provision(path: Path, *more: str, system: str = "portal") -> Result:
    arguments = ["accounts", "provision", "-c", str(path), system, *more]
    return await asyncio.to_thread(CliRunner().invoke, lienthong, arguments, env=ENVIRONMENT)


@pytest.fixture
async def world(
    tmp_path: Path, scim: str, hashes: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> World:
    """Alice, Bob and Pat may get an account; Dora is disabled. Nothing runs yet."""
    monkeypatch.setattr(provisioning, "IDLE_SECONDS", 0.05)
    clock = Clock()
    first = load_settings(configured(tmp_path, scim, AccountKind.STAFF), ENVIRONMENT)
    people = await settle(first, clock, hashes)
    path = configured(tmp_path, scim, people[0].account.kind)
    return World(None, clock, load_settings(path, ENVIRONMENT), *people)  # type: ignore[arg-type]


async def users(scim: str, count: int) -> set[str]:
    """The names of the users at the server, once it has so many."""
    async with httpx.AsyncClient() as client, asyncio.timeout(15):
        while True:
            listed = (await client.get(f"{scim}/Users")).json().get("Resources", [])
            if len(listed) >= count:
                return {user["userName"] for user in listed}
            await asyncio.sleep(0.05)


async def test_accounts_stand_ready_and_a_first_visit_finds_its_own(
    world: World, tmp_path: Path, scim: str
) -> None:
    path = tmp_path / "lienthong.toml"
    dry = await provision(path, "--dry-run")
    assert "3 account(s) would be opened" in dry.output
    done = await provision(path)
    assert (done.exit_code, "3 account(s) opened." in done.output) == (0, True), done.output
    assert "0 account(s) opened." in (await provision(path)).output
    async with open_service(world.settings, world.clock) as app:
        ready = World(
            app, world.clock, world.settings, world.alice, world.bob, world.dora, world.pat
        )
        names = await users(scim, 3)
        browser = ready.browser()
        response = await browser.sign_in(ready.alice, await browser.authorize(**PORTAL))
        assert "code" in answer(response)
        await ready.close()
    async with open_stores(world.settings) as stores:
        (link,) = await SqlLinks(stores.database).of_subject(world.alice.account.subject, PORTAL_ID)
    assert link.account in names, "the visit opened no second account"


async def test_a_run_that_was_stopped_goes_on_and_an_ended_link_stays_ended(
    world: World,
) -> None:
    async with open_stores(world.settings) as stores:
        links = SqlLinks(stores.database, outbox=stores.outbox)
        opening = AccountOpening(
            links=links, systems=world.settings.systems, verifiers={}, entropy=os.urandom
        )
        journey = PreProvisioning(SqlEligible(stores.database), opening, world.clock)
        system = world.settings.systems[PORTAL_ID]

        def stop(_: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await journey.run(system, stop)
        assert await journey.count(system) == 2
        assert await journey.run(system, lambda _: None) == 2
        (link,) = await links.of_subject(world.alice.account.subject, PORTAL_ID)
        ended = Transition(
            actor="admin:an", reason="left", at=1, evidence=Evidence(rule="A.ended", rule_version=1)
        )
        assert await links.move(link, LinkState.ENDED, ended)
        assert await journey.run(system, lambda _: None) == 0


@pytest.mark.parametrize("system", ["land", "nobody"])
async def test_only_a_system_that_declared_it_is_filled(
    world: World, tmp_path: Path, system: str
) -> None:
    refused = await provision(tmp_path / "lienthong.toml", system=system)
    assert refused.exit_code == 1
    assert "pre-provision" in refused.output

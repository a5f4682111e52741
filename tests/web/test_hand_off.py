"""Deep links of the National Portal: signed in at the end, and nowhere but where was registered."""

import asyncio
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from idp.adapters import open_stores
from idp.audit.reading import fields_of
from idp.cli.main import lienthong
from idp.store.sql_migrate import migrate
from tests.fixtures_world import ENVIRONMENT, World, write_config

LINK = {"MaTTHCDP": "1.012345", "MaCoQuanThucHien": "H55.242", "vnconnect": "1", "MaDVC": "7-a"}
START = "https://onestop.test/nop-ho-so?MaTTHCDP=1.012345&MaCoQuanThucHien=H55.242"


async def test_with_a_session_the_service_opens_without_a_prompt(world: World) -> None:
    browser = world.browser()
    await browser.tokens(world.alice)
    went = await browser.http.get("/nop-ho-so", params=LINK)
    assert went.status_code == 303
    assert went.headers["location"] == f"{START}&MaDVC=7-a"


async def test_without_one_the_citizen_signs_in_once_and_goes_on(world: World) -> None:
    browser = world.browser()
    start = await browser.http.get("/nop-ho-so", params=LINK | {"MaDVC": ""})
    went = await browser.sign_in(world.alice, start)
    assert went.headers["location"] == START


async def test_whoever_cancels_goes_on_without_a_session(world: World) -> None:
    browser = world.browser()
    page = await browser.follow(await browser.http.get("/nop-ho-so", params=LINK))
    went = await browser.submit(page, decision="cancel")
    assert went.headers["location"] == f"{START}&MaDVC=7-a"
    assert not [name for name in browser.http.cookies if name.endswith("session")]


@pytest.mark.parametrize(
    "query",
    [
        "MaTTHCDP=1&MaCoQuanThucHien=H55.999",
        "MaTTHCDP=1&MaCoQuanThucHien=H55.242&MaCoQuanThucHien=H55.242",
        "MaTTHCDP=1&MaTTHCDP=2&MaCoQuanThucHien=H55.242",
        "MaCoQuanThucHien=H55.242",
        "MaTTHCDP=1",
        "MaTTHCDP=1&MaCoQuanThucHien=https://evil.test",
        "MaTTHCDP=https://evil.test&MaCoQuanThucHien=H55.242",
        "MaTTHCDP=1%0d%0aLocation:x&MaCoQuanThucHien=H55.242",
        "MaTTHCDP=1&MaCoQuanThucHien=h55.242",
        "MaTTHCDP=1&MaCoQuanThucHien=%EF%BC%A855.242",
        "MaTTHCDP=" + "1" * 10_000 + "&MaCoQuanThucHien=H55.242",
        "MaTTHCDP=1&MaCoQuanThucHien=H55.242&vnconnect=2",
        "MaTTHCDP=1&MaCoQuanThucHien=H55.242&vnconnect=1&vneid=1",
        "MaTTHCDP=1&MaCoQuanThucHien=H55.242&MaDVC=../x",
    ],
)
async def test_a_link_that_no_portal_makes_leads_nowhere(world: World, query: str) -> None:
    browser = world.browser()
    await browser.tokens(world.alice)
    refused = await browser.http.get(f"/nop-ho-so?{query}")
    assert refused.status_code == 400
    assert "location" not in refused.headers
    assert "evil" not in refused.text


async def test_other_parameters_do_not_travel_on(world: World) -> None:
    browser = world.browser()
    await browser.tokens(world.alice)
    more = LINK | {"redirect_uri": "https://evil.test", "ten": "Nguyễn"}
    went = await browser.http.get("/nop-ho-so", params=more)
    assert went.headers["location"] == f"{START}&MaDVC=7-a"


async def test_the_re_prompt_rate_is_measured(world: World) -> None:
    browser = world.browser()
    await browser.sign_in(world.alice, await browser.http.get("/nop-ho-so", params=LINK))
    for _ in range(3):
        await browser.http.get("/nop-ho-so", params=LINK)
    found: list[Mapping[str, str | int]] = []
    async with open_stores(world.settings, world.clock) as stores, asyncio.timeout(10):
        while len(found) < 4:  # the audit writes behind the requests
            await asyncio.sleep(0.02)
            found = [fields async for fields in fields_of(stores.database, "handed_off")]
    assert [fields["prompted"] for fields in found] == [1, 0, 0, 0]
    assert {(fields["agency"], fields["system"]) for fields in found} == {("H55.242", "onestop")}


def test_the_report_counts_by_system(tmp_path: Path) -> None:
    """The command starts an event loop of its own, so this test is not asynchronous."""
    config = str(write_config(tmp_path, f"sqlite:///{tmp_path / 'x.sqlite'}"))
    migrate(f"sqlite:///{tmp_path / 'x.sqlite'}")

    def printed(*more: str) -> str:
        command = ["report", "hand-offs", "-c", config, *more]
        done = CliRunner().invoke(lienthong, command, env=ENVIRONMENT)
        assert done.exit_code == 0, done.output
        return done.output

    assert "No hand-off" in printed()
    connection = sqlite3.connect(tmp_path / "x.sqlite")
    with connection:
        for seq, prompted in enumerate((0, 1, 0, 0), start=1):
            fields = json.dumps({"system": "onestop", "prompted": prompted})
            connection.execute(
                "INSERT INTO audit_record VALUES ('c', ?, 1, 'handed_off', ?, '', '')",
                (seq, fields),
            )
    connection.close()
    counted = {"silent": 3, "prompted": 1, "re_prompt_rate": 0.25}
    assert json.loads(printed("--json")) == {"hand_offs": {"onestop": counted}}
    assert "25.0%" in printed()

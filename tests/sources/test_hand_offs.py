"""A hand-off that goes by a source: when it counts as prompted, and which sources may lead there."""

import asyncio
from pathlib import Path

import httpx
import pytest

from idp.adapters import open_stores
from idp.audit.reading import fields_of
from tests.fixtures_world import Browser, World
from tests.upstreams import Upstreams, come_back, links, sources_toml

LINK = "/nop-ho-so?MaTTHCDP=1.2&MaCoQuanThucHien=H55.242"
SERVICE = "https://onestop.test/nop-ho-so?"


async def prompts_recorded(world: World) -> list[str | int]:
    """The audit writes behind the requests."""
    found: list[str | int] = []
    async with open_stores(world.settings, world.clock) as stores, asyncio.timeout(10):
        while not found:
            await asyncio.sleep(0.02)
            found = [
                fields["prompted"] async for fields in fields_of(stores.database, "handed_off")
            ]
    return found


async def sent(browser: Browser, first: str) -> str:
    """The address at the source that a link of ours leads to."""
    return (await browser.http.get(first)).headers["location"]


async def begun(browser: Browser, more: str = "") -> httpx.Response:
    return await browser.http.get(LINK + more)


async def test_by_the_source_and_back_without_a_page_of_ours_is_not_prompted(
    world: World, upstreams: Upstreams
) -> None:
    browser = world.browser()
    first = (await begun(browser, "&vnconnect=1")).headers["location"]
    back = await upstreams.choose(await sent(browser, first), "an")
    end = await come_back(browser, back)
    assert end.headers["location"].startswith(SERVICE)
    assert await prompts_recorded(world) == [0]


async def test_who_chose_the_source_on_our_page_was_prompted(
    world: World, upstreams: Upstreams
) -> None:
    browser = world.browser()
    page = await browser.follow(await begun(browser))
    flow = page.url.params["flow"]
    there = await sent(browser, f"/upstream/vnconnect/start?flow={flow}")
    end = await come_back(browser, await upstreams.choose(there, "an"))
    assert end.headers["location"].startswith(SERVICE)
    assert await prompts_recorded(world) == [1]


async def test_who_was_told_of_an_outage_on_the_way_back_was_prompted(
    world: World, upstreams: Upstreams
) -> None:
    browser = world.browser()
    first = (await begun(browser, "&vnconnect=1")).headers["location"]
    back = await upstreams.choose(await sent(browser, first), "an")
    upstreams.cut_off.add("vnconnect")
    assert (await come_back(browser, back)).status_code == 503
    upstreams.cut_off.clear()
    end = await come_back(browser, await upstreams.choose(await sent(browser, first), "an"))
    assert end.headers["location"].startswith(SERVICE)
    assert await prompts_recorded(world) == [1]


class TestASourceForSomeSystems:
    """The system that owns the page decides which sources lead there."""

    @pytest.fixture(params=["onestop", "portal"])
    def allowed(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def more_config(self, tmp_path: Path, allowed: str) -> str:
        only = f'[sources.vnconnect]\nallowed_systems = ["{allowed}"]'
        return sources_toml(tmp_path).replace("[sources.vnconnect]", only)

    async def test_leads_to_its_own_and_to_no_other(
        self, world: World, upstreams: Upstreams, allowed: str
    ) -> None:
        browser = world.browser()
        first = (await begun(browser, "&vnconnect=1")).headers["location"]
        if allowed == "portal":
            page = await browser.http.get(first)
            assert "vnconnect" not in links(page)
            flow = page.url.params["flow"]
            refused = await browser.http.get(f"/upstream/vnconnect/start?flow={flow}")
            assert refused.status_code == 400
            return
        assert first.startswith("/upstream/vnconnect/start")
        end = await come_back(browser, await upstreams.choose(await sent(browser, first), "an"))
        assert end.headers["location"].startswith(SERVICE)

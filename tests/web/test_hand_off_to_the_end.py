"""A hand-off from the National Portal ends signed in at the service, with no second prompt.

The whole way: the deep link, the service's own page, the sign-in that the service begins there.
"""

import asyncio

import httpx
import pytest

from idp.adapters import open_stores
from idp.audit.reading import fields_of
from tests import fixtures_world
from tests.fixtures_world import Browser, World, answer
from tests.moved_portal import MOVED, came_back

LINK = {"MaTTHCDP": "1.012345", "MaCoQuanThucHien": "H55.9"}
START = "https://moved.test/nop-ho-so?MaTTHCDP=1.012345&MaCoQuanThucHien=H55.9"


@pytest.fixture(autouse=True)
def _a_portal_that_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixtures_world, "CONFIG", fixtures_world.CONFIG + MOVED)


async def handed_off(browser: Browser, source: str) -> httpx.Response:
    return await browser.http.get("/nop-ho-so", params=LINK | {source: "1"})


async def prompts_recorded(world: World, wanted: int) -> list[str | int]:
    """The audit writes behind the requests."""
    found: list[str | int] = []
    async with open_stores(world.settings, world.clock) as stores, asyncio.timeout(10):
        while len(found) < wanted:
            await asyncio.sleep(0.02)
            found = [
                fields["prompted"] async for fields in fields_of(stores.database, "handed_off")
            ]
    return found


@pytest.mark.parametrize("source", ["vnconnect", "vneid"])
async def test_with_a_session_no_page_stands_between_the_link_and_the_service(
    world: World, source: str
) -> None:
    browser = world.browser()
    await browser.tokens(world.alice)
    assert (await handed_off(browser, source)).headers["location"] == START
    assert "code" in answer(await came_back(browser)), "the service was answered at once"
    assert await prompts_recorded(world, 1) == [0]


async def test_without_one_the_only_prompt_is_that_of_the_hand_off(world: World) -> None:
    browser = world.browser()
    went = await browser.sign_in(world.alice, await handed_off(browser, "vnconnect"))
    assert went.headers["location"] == START
    assert "code" in answer(await came_back(browser)), "nothing was asked a second time"
    assert (await handed_off(browser, "vnconnect")).headers["location"] == START
    assert await prompts_recorded(world, 2) == [1, 0]


async def test_a_session_that_ended_is_asked_again_and_counted_so(world: World) -> None:
    browser = world.browser()
    await browser.tokens(world.alice)
    world.clock.now += 13 * 3600
    start = await handed_off(browser, "vnconnect")
    assert start.headers["location"].startswith("/sign-in?")
    went = await browser.sign_in(world.alice, start)
    assert went.headers["location"] == START
    assert await prompts_recorded(world, 1) == [1]

"""A source that is down: a notice, what still works and at which level, and nobody let in at less."""

from pathlib import Path

import httpx
import pytest

from connectors.simulators.upstream_faults import Fault
from connectors.sources.breaker import FAILURES, OPEN_SECONDS, PROBE_SECONDS, Breaker, Health
from tests.fixtures_world import World, answer
from tests.upstreams import Upstreams, by_source, come_back, leave, links, signed_toml, sources_toml


async def break_vnconnect(world: World, upstreams: Upstreams) -> None:
    upstreams.vnconnect.faults.switch(Fault.DOWN, on=False)
    for _ in range(FAILURES):
        browser = world.browser()
        back = await upstreams.choose(await leave(browser, "vnconnect"), "an")
        upstreams.vnconnect.faults.switch(Fault.DOWN, on=True)
        page = await come_back(browser, back)
        upstreams.vnconnect.faults.switch(Fault.DOWN, on=False)
        assert page.status_code == 503
        assert page.headers["retry-after"] == "30"
        assert "đang gián đoạn" in page.text
    upstreams.vnconnect.faults.switch(Fault.DOWN, on=True)


async def test_a_source_that_is_down_is_named_on_the_login_page_with_what_still_works(
    world: World, upstreams: Upstreams
) -> None:
    await break_vnconnect(world, upstreams)
    browser = world.browser()
    page = await browser.follow(await browser.authorize())
    assert links(page) == ["vneid", "u1"]
    assert "<strong>VNConnect</strong> hiện đang gián đoạn" in page.text
    assert "VNeID: đến mức xác thực 2" in page.text
    assert answer(await by_source(world.browser(), upstreams, "vneid", "an"))["code"]
    assert answer(await browser.sign_in(world.alice, await browser.authorize()))["code"]


async def test_nobody_is_sent_to_a_source_that_is_down_by_an_old_link(
    world: World, upstreams: Upstreams
) -> None:
    browser = world.browser()
    page = await browser.follow(await browser.authorize())
    await break_vnconnect(world, upstreams)
    flow = page.url.params["flow"]
    refused = await browser.http.get(f"/upstream/vnconnect/start?flow={flow}")
    assert refused.status_code == 503
    assert "location" not in refused.headers


async def test_after_the_pause_one_person_tries_and_the_others_wait(
    world: World, upstreams: Upstreams
) -> None:
    await break_vnconnect(world, upstreams)
    upstreams.vnconnect.faults.switch(Fault.DOWN, on=False)
    world.clock.now += OPEN_SECONDS + 1
    probe = world.browser()
    address = await leave(probe, "vnconnect")
    waiting = world.browser()
    assert "vnconnect" not in links(await waiting.follow(await waiting.authorize()))
    assert answer(await come_back(probe, await upstreams.choose(address, "an")))["code"]
    assert "vnconnect" in links(await waiting.follow(await waiting.authorize()))


async def test_a_source_that_hangs_is_given_up_and_told(world: World, upstreams: Upstreams) -> None:
    browser = world.browser()
    back = await upstreams.choose(await leave(browser, "vneid"), "an")
    upstreams.cut_off.add("vneid")
    page = await come_back(browser, back)
    assert page.status_code == 503
    assert 'href="/sign-in?flow=' in page.text


class TestDeclared:
    """An outage that the administrator declares, where only that source may lead in."""

    @pytest.fixture
    def more_config(self, tmp_path: Path) -> str:
        text = sources_toml(tmp_path).replace("[sources.u1]", "[sources.u1]\ndeclared_down = true")
        return text.replace(
            "[sources.vnconnect]", '[sources.vnconnect]\nallowed_systems = ["portal"]'
        )

    async def test_a_declared_outage_is_shown_and_nothing_is_asked(
        self, world: World, upstreams: Upstreams
    ) -> None:
        browser = world.browser()
        page = await browser.follow(await browser.authorize())
        assert links(page) == ["vneid"]
        assert "<strong>Nguồn một</strong> hiện đang gián đoạn" in page.text
        assert not [url for url in upstreams.urls if "u1.test" in url]

    async def test_a_source_that_may_not_lead_there_is_no_way_by_its_address_either(
        self, world: World, upstreams: Upstreams
    ) -> None:
        browser = world.browser()
        page = await browser.follow(await browser.authorize())
        flow = page.url.params["flow"]
        refused = await browser.http.get(f"/upstream/u2/start?flow={flow}")
        assert refused.status_code == 400
        assert "location" not in refused.headers


class TestPushed:
    """A source that requests are pushed to (RFC 9126) is asked before anybody is sent there."""

    @pytest.fixture
    def more_config(self, tmp_path: Path) -> str:
        return signed_toml(tmp_path, pushed=True)

    @pytest.mark.parametrize("cut_off", [True, False], ids=["late", "status 503"])
    async def test_nobody_is_sent_where_a_push_gets_no_answer_and_then_nothing_is_asked(
        self, world: World, upstreams: Upstreams, *, cut_off: bool
    ) -> None:
        upstreams.u1.faults.switch(Fault.DOWN, on=True)
        upstreams.cut_off |= {"u1"} if cut_off else set()
        for _ in range(FAILURES):
            page = await self._start(world)
            assert page.status_code == 503
            assert page.headers["retry-after"] == "30"
            assert "location" not in page.headers
        asked = len(upstreams.urls)
        assert (await self._start(world)).status_code == 503
        assert len(upstreams.urls) == asked
        browser = world.browser()
        assert "u1" not in links(await browser.follow(await browser.authorize()))

    async def _start(self, world: World) -> httpx.Response:
        browser = world.browser()
        page = await browser.follow(await browser.authorize())
        return await browser.http.get(f"/upstream/u1/start?flow={page.url.params['flow']}")


def test_the_breaker_opens_after_failures_in_a_row_and_closes_at_an_answer() -> None:
    breaker = Breaker()
    for _ in range(FAILURES - 1):
        breaker = breaker.failed(100)
    assert breaker.health(100) is Health.WELL
    assert breaker.answered().failed(100).health(100) is Health.WELL
    breaker = breaker.failed(100)
    assert breaker.health(100 + OPEN_SECONDS - 1) is Health.DOWN
    assert breaker.health(100 + OPEN_SECONDS) is Health.WELL
    assert breaker.probing(200).health(200 + PROBE_SECONDS - 1) is Health.DOWN
    assert breaker.probing(200).answered().health(200) is Health.WELL

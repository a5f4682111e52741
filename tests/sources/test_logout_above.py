"""Signing out here, and at the source too: nobody leaves a session behind on a library's computer."""

import re
from html import unescape
from pathlib import Path
from unittest.mock import ANY
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from idp.egress.rules import EgressRules
from tests.fixtures_world import ISSUER, Browser, World
from tests.upstreams import Upstreams, by_source, sources_toml

END = "https://u1.test/oidc/logout"
BYE = "https://rp1.test/bye"

RULES = EgressRules()


def with_end(folder: Path, more: str = "") -> str:
    jwks = 'jwks = "https://u1.test/oauth2/jwks"'
    text = sources_toml(folder).replace(jwks, f'{jwks}, end_session = "{END}"')
    return text.replace("[sources.u1]", f"[sources.u1]\n{more}")


async def sign_out(browser: Browser, **asked: str) -> httpx.Response:
    page = await browser.http.get("/logout", params={"ui_locales": "vi"} | asked)
    found = re.search(r'name="confirmation" value="([^"]+)"', page.text)
    assert found, page.text
    origin = {"origin": ISSUER, "sec-fetch-site": "same-origin"}
    form = {"confirmation": unescape(found[1])}
    return await browser.http.post("/logout", data=form, headers=origin)


def way_out(page: httpx.Response) -> dict[str, list[str]] | None:
    found = re.search(rf'href="({END}[^"]*)"', page.text)
    return parse_qs(urlsplit(unescape(found[1])).query) if found else None


class TestOffered:
    """The default, where the source has an address for it."""

    @pytest.fixture
    def more_config(self, tmp_path: Path) -> str:
        return with_end(tmp_path)

    async def test_the_page_says_where_one_is_still_signed_in_and_leads_there_in_both_languages(
        self, world: World, upstreams: Upstreams
    ) -> None:
        browser = world.browser()
        await by_source(browser, upstreams, "u1", "an")
        page = await sign_out(browser)
        expected = {"client_id": ["province"], "post_logout_redirect_uri": [f"{ISSUER}/logout"]}
        assert way_out(page) == expected
        assert "vẫn đang đăng nhập tại <strong>Nguồn một</strong>" in page.text
        english = re.search(r'href="(/logout\?[^"]*lang=en)"', page.text)
        assert english
        other = await browser.http.get(unescape(english[1]))
        assert "still signed in at <strong>Source one</strong>" in other.text
        assert way_out(other) == expected

    async def test_who_came_by_another_way_is_offered_nothing(
        self, world: World, upstreams: Upstreams
    ) -> None:
        by_password, by_other = world.browser(), world.browser()
        await by_password.sign_in(world.alice, await by_password.authorize())
        await by_source(by_other, upstreams, "vneid", "an")
        for browser in (by_password, by_other):
            page = await sign_out(browser)
            assert page.status_code == 200
            assert way_out(page) is None

    async def test_a_forged_page_names_no_source(self, world: World) -> None:
        for told in ("u1", "to.u1", "x" * 300):
            page = await world.browser().http.get(f"/logout?told={told}&state={told}")
            assert page.status_code == 200
            assert way_out(page) is None
            assert told not in page.text


class TestAlways:
    """The browser is led on at once, and comes back to our page."""

    @pytest.fixture
    def more_config(self, tmp_path: Path) -> str:
        return with_end(tmp_path, 'upstream_logout = "always"')

    async def test_the_browser_is_led_on_and_comes_back_to_our_page(
        self, world: World, upstreams: Upstreams
    ) -> None:
        browser = world.browser()
        await by_source(browser, upstreams, "u1", "an")
        led = await sign_out(browser, client_id="c1", post_logout_redirect_uri=BYE)
        assert led.status_code == 200, (
            "a redirect after a form is stopped at the source's next host"
        )
        address = led.headers["refresh"].removeprefix("0; url=")
        assert address.startswith(f"{END}?client_id=province&post_logout_redirect_uri=")
        assert way_out(led) == parse_qs(urlsplit(address).query) | {"state": ANY}
        async with upstreams.client(None, RULES) as at_source:
            back = (await at_source.get(address)).headers["location"]
        page = await browser.http.get(back.removeprefix(ISSUER))
        assert page.status_code == 200
        assert "refresh" not in page.headers
        assert way_out(page) is None
        assert f'href="{BYE}"' in page.text, "the way on that the application asked for"
        assert "confirmation" not in page.text, "the session is over"


class TestNever:
    """The table says that the session there is none of ours."""

    @pytest.fixture
    def more_config(self, tmp_path: Path) -> str:
        return with_end(tmp_path, 'upstream_logout = "never"')

    async def test_nothing_is_offered(self, world: World, upstreams: Upstreams) -> None:
        browser = world.browser()
        await by_source(browser, upstreams, "u1", "an")
        assert way_out(await sign_out(browser)) is None

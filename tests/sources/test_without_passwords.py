"""A province in which people come by sources alone."""

from pathlib import Path

import pytest

from idp.config import ConfigurationRefused, load_settings
from tests.fixtures_world import ENVIRONMENT, World, answer, write_config
from tests.upstreams import Upstreams, by_source, sources_toml

OFF = "\npassword_sign_in = false\n"


@pytest.fixture
def more_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    from tests import fixtures_world

    changed = fixtures_world.CONFIG.replace("[provider]", f"[provider]{OFF}", 1)
    monkeypatch.setattr(fixtures_world, "CONFIG", changed)
    every = 'allowed_systems = ["portal"]\n'
    return (
        sources_toml(tmp_path, more_vneid=every)
        .replace("[sources.vnconnect]", f"[sources.vnconnect]\n{every}declared_down = true")
        .replace("[sources.u1]", "[sources.u1]\ndeclared_down = true")
    )


async def test_no_password_is_asked_for_and_none_is_taken(
    world: World, upstreams: Upstreams
) -> None:
    browser = world.browser()
    page = await browser.follow(await browser.authorize())
    assert 'name="password"' not in page.text
    after = await browser.submit(
        page, username=world.pat.account.username, password=world.pat.password
    )
    assert after.status_code == 200
    assert "lt-session" not in str(browser.http.cookies)


async def test_where_no_way_is_left_the_level_is_not_lowered_and_the_page_says_so(
    world: World, upstreams: Upstreams
) -> None:
    browser = world.browser()
    page = await browser.follow(await browser.authorize())
    assert "chúng tôi không hạ mức xác thực" in page.text
    portal = {"client_id": "portal", "redirect_uri": "https://portal.test/cb"}
    assert answer(await by_source(world.browser(), upstreams, "vneid", "an", **portal))["code"]


def test_a_province_without_passwords_and_sources_does_not_start(tmp_path: Path) -> None:
    path = write_config(tmp_path, f"sqlite:///{tmp_path / 'x.sqlite'}")
    path.write_text(path.read_text("utf-8").replace("[provider]", f"[provider]{OFF}", 1), "utf-8")
    with pytest.raises(ConfigurationRefused) as refused:
        load_settings(path, ENVIRONMENT)
    assert [p.key for p in refused.value.problems] == ["provider.password_sign_in"]

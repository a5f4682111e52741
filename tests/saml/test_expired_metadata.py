"""Metadata of one system that ran out turns that system away, and nobody else."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from connectors.systems.saml.metadata import read_sp_metadata
from idp.app import open_service
from idp.cli.main import lienthong
from idp.config import load_settings
from tests.fixtures_world import ENVIRONMENT, Clock, World, settle, write_config
from tests.saml.messages import (
    authn_request,
    instant,
    logout_request,
    saml_system,
    signed_query,
    sp_metadata,
)

OTHER = "https://other.test/metadata"
DAY = 86400


def configured(folder: Path, database_url: str, until: float) -> Path:
    """A school whose metadata runs out then, and another system whose does not."""
    config = write_config(folder, database_url)
    (folder / "school.xml").write_text(sp_metadata(root=f' validUntil="{instant(until)}"'))
    (folder / "other.xml").write_text(sp_metadata(entity_id=OTHER))
    text = config.read_text("utf-8") + saml_system(folder / "school.xml")
    config.write_text(text + saml_system(folder / "other.xml", "other"), "utf-8")
    return config


@pytest.fixture
async def province(
    tmp_path: Path, world_database_url: str, hashes: dict[str, str]
) -> AsyncIterator[World]:
    clock = Clock()
    config = configured(tmp_path, world_database_url, clock.now + DAY)
    settings = load_settings(config, ENVIRONMENT)
    people = await settle(settings, clock, hashes)
    async with open_service(settings, clock) as app:
        made = World(app, clock, settings, *people)
        yield made
        await made.close()


async def test_one_system_is_turned_away_with_a_page_s20_expired(province: World) -> None:
    browser = province.browser()
    await browser.code(province.alice)
    query = signed_query(authn_request(province.clock.now))
    assert (await browser.http.get(f"/saml/sso?{query}")).status_code == 200

    province.clock.now += DAY
    await browser.code(province.alice)
    now = province.clock.now
    refused = await browser.http.get(f"/saml/sso?{signed_query(authn_request(now))}")
    assert refused.status_code == 400
    assert "đã hết hạn" in refused.text
    assert "SAMLResponse" not in refused.text
    logout = signed_query(logout_request(now, "anybody", None))
    assert (await browser.http.get(f"/saml/slo?{logout}")).status_code == 400
    other = signed_query(authn_request(now, issuer=OTHER))
    assert (await browser.http.get(f"/saml/sso?{other}")).status_code == 200, "all others go on"


async def test_a_sign_in_that_began_before_does_not_end_after(province: World) -> None:
    province.clock.now += DAY - 60
    browser = province.browser()
    begun = await browser.http.get(f"/saml/sso?{signed_query(authn_request(province.clock.now))}")
    page = await browser.follow(begun)
    province.clock.now += 61
    alice = province.alice
    page = await browser.submit(page, username=alice.account.username, password=alice.password)
    assert page.status_code == 400
    assert "đã hết hạn" in page.text


@pytest.mark.parametrize(
    ("until", "told"),
    [
        pytest.param("2020-01-01T00:00:00Z", "ran out at 2020-01-01 00:00 UTC", id="S20-expired"),
        pytest.param("2999-01-01T00:00:00Z", "", id="valid"),
    ],
)
def test_check_tells_it_and_the_rest_starts(tmp_path: Path, until: str, told: str) -> None:
    config = configured(tmp_path, "sqlite:///x", 0)
    (tmp_path / "school.xml").write_text(sp_metadata(root=f' validUntil="{until}"'))
    result = CliRunner().invoke(lienthong, ["check", "-c", str(config)], env=ENVIRONMENT)
    assert result.exit_code == 0, result.output
    assert told in result.output
    assert ("all well" in result.output) == (not told)
    assert ("systems.school" in result.output) == bool(told)


def test_the_earlier_of_two_ends_counts() -> None:
    raw = sp_metadata(root=' validUntil="2030-01-01T00:00:00Z"').replace(
        "<md:SPSSODescriptor", '<md:SPSSODescriptor validUntil="2029-01-01T00:00:00Z"'
    )
    found = read_sp_metadata(raw.encode())
    assert found.valid_until is not None
    assert not found.is_valid(found.valid_until)
    assert instant(found.valid_until) == "2029-01-01T00:00:00Z"

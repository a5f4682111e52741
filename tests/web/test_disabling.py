"""`lienthong accounts disable`: everything that runs under the account ends, and is told."""

from connectors.contract import SubjectId
from idp.adapters import open_stores
from idp.cli.accounts import disable_account
from idp.store.session_ends import SqlSessionEnds
from tests.attacks.test_logout import signed_in
from tests.fixtures_world import SECRET_1, World, basic


async def test_a_disabled_account_loses_its_sessions_for_good_and_systems_are_told(
    world: World,
) -> None:
    subject = world.alice.account.subject
    browser, other = world.browser(), world.browser()
    tokens = await browser.tokens(world.alice)
    await other.tokens(world.bob)
    assert await disable_account(world.settings, subject) == 1
    async with open_stores(world.settings, world.clock) as stores:
        due = await SqlSessionEnds(stores.database).due(int(world.clock.now) + 5, 10, 30)
        assert {notice.participant for notice in due} == {"c1"}
        assert await stores.accounts.set_enabled(subject, enabled=True)
    assert (await world.userinfo(tokens["access_token"])).status_code == 401
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    refused = await world.http.post("/token", data=form, headers=basic("c1", SECRET_1))
    assert refused.json()["error"] == "invalid_grant"
    assert not await signed_in(world, browser)
    assert await signed_in(world, other), "nobody else is touched"
    assert (await browser.tokens(world.alice))["access_token"], "enabled, she signs in anew"


async def test_an_account_that_does_not_exist_is_not_disabled(world: World) -> None:
    assert await disable_account(world.settings, SubjectId("nobody")) is None

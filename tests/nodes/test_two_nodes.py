"""What one node did, the other one knows: sessions, single use, revocation, logout, keys."""

import asyncio
import time

import httpx
import pytest

from idp.adapters import key_store, open_stores, rotation_policy
from idp.store.redis_pipeline import RedisPipeline
from idp.store.session_ends import SqlSessionEnds
from keys.keyring import KeyRing
from keys.rotation import Rotated
from tests.fixtures_world import SECRET_1, SECRET_2, Browser, RunningClock, World, answer, basic
from tests.nodes.conftest import Nodes
from tests.protected import Proxied, belongs_to
from tests.tokens import header_of

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def refused(response: httpx.Response, status: int, code: str) -> bool:
    return (response.status_code, response.json()["error"]) == (status, code)


async def refresh(world: World, token: str) -> httpx.Response:
    return await world.token(grant_type="refresh_token", refresh_token=token)


async def revoke(world: World, token: str) -> None:
    told = await world.http.post("/revoke", data={"token": token}, headers=basic("c1", SECRET_1))
    assert told.status_code == 200


async def silent(browser: Browser, world: World) -> dict[str, str]:
    """What a node answers to prompt=none in this browser."""
    browser.world = world
    return answer(await browser.authorize(prompt="none"))


async def asserting(world: World, assertion: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }
    return await world.http.post("/token", data=form)


async def test_a_session_of_one_node_is_served_by_the_other(nodes: Nodes) -> None:
    browser = nodes.n1.browser()
    await browser.tokens(nodes.n1.alice)
    assert "code" in await silent(browser, nodes.n2)


async def test_every_stage_of_a_sign_in_may_meet_another_node(nodes: Nodes) -> None:
    browser = nodes.n1.browser()
    page = await browser.follow(await browser.authorize())
    browser.world = nodes.n2
    alice = nodes.n1.alice
    page = await browser.submit(page, username="anh.tuyet", password=alice.password)
    browser.world = nodes.n1
    code = answer(await browser.submit(page, otp=nodes.n1.otp(alice)))["code"]
    tokens = (await nodes.n2.redeem(code)).json()
    assert (await nodes.n1.userinfo(tokens["access_token"])).status_code == 200


async def test_a_code_taken_at_one_node_is_a_replay_at_the_other(nodes: Nodes) -> None:
    """B01 across nodes."""
    code = await nodes.n1.browser().code(nodes.n1.alice)
    first = (await nodes.n1.redeem(code)).json()
    assert refused(await nodes.n2.redeem(code), 400, "invalid_grant")
    for world in nodes.both:
        assert (await world.userinfo(first["access_token"])).status_code == 401
        assert refused(await refresh(world, first["refresh_token"]), 400, "invalid_grant")


async def test_of_parallel_redemptions_over_two_nodes_one_gives_tokens(nodes: Nodes) -> None:
    code = await nodes.n1.browser().code(nodes.n1.alice)
    told = await asyncio.gather(*(nodes.both[n % 2].redeem(code) for n in range(20)))
    assert sorted(answered.status_code for answered in told) == [200] + [400] * 19


async def test_a_cas_ticket_is_redeemed_once_by_all_nodes_together(nodes: Nodes) -> None:
    """K03 across nodes: issued by one, asked about at both, and after Redis has lost everything."""
    service = "https://app.test/land/"
    browser = nodes.n1.browser()
    start = await browser.http.get("/cas/login", params={"service": service})
    entered = await browser.sign_in(nodes.n1.alice, start)
    query = {"service": service, "ticket": answer(entered)["ticket"]}
    told = await asyncio.gather(
        *(nodes.both[n % 2].http.get("/cas/serviceValidate", params=query) for n in range(10))
    )
    assert sum("authenticationSuccess" in answered.text for answered in told) == 1
    nodes.lose_redis()
    for world in nodes.both:
        again = await world.http.get("/cas/serviceValidate", params=query)
        assert "INVALID_TICKET" in again.text


async def test_a_code_counts_once_even_when_redis_has_lost_everything(nodes: Nodes) -> None:
    code = await nodes.n1.browser().code(nodes.n1.alice)
    assert (await nodes.n1.redeem(code)).status_code == 200
    nodes.lose_redis()
    for world in nodes.both:
        assert refused(await world.redeem(code), 400, "invalid_grant")


@pytest.mark.parametrize("lost", [False, True], ids=["redis lives", "redis restarted empty"])
async def test_an_assertion_is_accepted_once_by_all_nodes_together(
    nodes: Nodes, *, lost: bool
) -> None:
    """B13: the same node, the other node, and after Redis has lost everything."""
    assertion = nodes.n1.assertion()
    assert (await asserting(nodes.n1, assertion)).status_code == 200
    if lost:
        nodes.lose_redis()
    for world in nodes.both:
        assert refused(await asserting(world, assertion), 401, "invalid_client")


async def test_of_parallel_uses_of_an_assertion_one_is_accepted(nodes: Nodes) -> None:
    assertion = nodes.n1.assertion()
    told = await asyncio.gather(*(asserting(nodes.both[n % 2], assertion) for n in range(8)))
    assert sorted(answered.status_code for answered in told) == [200] + [401] * 7


async def families(nodes: Nodes) -> list[tuple[bool, int]]:
    """Of every family: whether it was revoked, and its generation."""
    async with open_stores(nodes.settings, nodes.n1.clock) as stores:
        rows = await stores.database.rows("SELECT revoked_at, generation FROM family")
    return [(row["revoked_at"] is not None, int(row["generation"] or 0)) for row in rows]


async def test_fifty_parallel_refreshes_over_two_nodes_leave_one_living_token(
    nodes: Nodes,
) -> None:
    """B16: the client's own parallel use is no theft, though the clock runs on meanwhile."""
    first = await nodes.n1.browser().tokens(nodes.n1.alice)
    token = first["refresh_token"]
    told = await asyncio.gather(*(refresh(nodes.both[n % 2], token) for n in range(50)))
    assert sorted(answered.status_code for answered in told) == [200] + [400] * 49
    assert all(t.status_code == 200 or refused(t, 400, "invalid_grant") for t in told)
    assert await families(nodes) == [(False, 1)]
    winner = next(t.json() for t in told if t.status_code == 200)
    assert (await refresh(nodes.n2, winner["refresh_token"])).status_code == 200


async def test_a_reuse_at_a_node_whose_clock_is_ahead_ends_the_family_cleanly(
    nodes: Nodes,
) -> None:
    """ADR 0002: what came after the rotation is a replay, at whichever node it arrives."""
    first = await nodes.n1.browser().tokens(nodes.n1.alice)
    ahead = await nodes.another(RunningClock(skew_seconds=nodes.n1.clock.now - time.time() + 5))
    second = (await refresh(nodes.n1, first["refresh_token"])).json()
    assert refused(await refresh(ahead, first["refresh_token"]), 400, "invalid_grant")
    assert refused(await refresh(nodes.n2, second["refresh_token"]), 400, "invalid_grant")
    assert (await nodes.n2.userinfo(second["access_token"])).status_code == 401


async def test_a_revoked_refresh_token_ends_its_access_tokens_on_every_node(nodes: Nodes) -> None:
    """D06, D09."""
    tokens = await nodes.n1.browser().tokens(nodes.n1.alice)
    await revoke(nodes.n1, tokens["refresh_token"])
    for world in nodes.both:
        assert await world.introspect(tokens["access_token"]) == {"active": False}
        assert await world.introspect(tokens["refresh_token"]) == {"active": False}
        assert (await world.userinfo(tokens["access_token"])).status_code == 401


async def test_a_revoked_access_token_is_dead_on_every_node_and_after_a_loss_of_redis(
    nodes: Nodes,
) -> None:
    tokens = await nodes.n1.browser().tokens(nodes.n1.alice)
    await revoke(nodes.n1, tokens["access_token"])
    nodes.lose_redis()
    for world in nodes.both:
        assert await world.introspect(tokens["access_token"]) == {"active": False}
        assert (await world.userinfo(tokens["access_token"])).status_code == 401


async def log_out(browser: Browser, id_token: str) -> httpx.Response:
    query = {"id_token_hint": id_token, "post_logout_redirect_uri": "https://rp1.test/bye"}
    return await browser.http.get("/logout", params=query)


async def test_an_old_cookie_is_a_login_page_on_every_node(nodes: Nodes) -> None:
    """F08: also where the cookie was kept by a thief."""
    browser, thief = nodes.n1.browser(), nodes.n1.browser("203.0.113.66")
    tokens = await browser.tokens(nodes.n1.alice)
    thief.http.cookies.set("__Host-lt-session", browser.http.cookies["__Host-lt-session"])
    assert (await log_out(browser, tokens["id_token"])).status_code == 303
    for world in nodes.both:
        for old in (browser, thief):
            assert (await silent(old, world))["error"] == "login_required"
            page = await old.follow(await old.authorize())
            assert 'name="password"' in page.text
        assert (await world.userinfo(tokens["access_token"])).status_code == 401


async def test_a_visit_to_a_protected_host_ends_on_every_node(nodes: Nodes) -> None:
    """F08, W08: the cookie of the protected host, after a logout at n1, of a disabled
    person, and of one who left the agency.
    """
    visitor = Proxied(nodes.n1)
    await visitor.enter(nodes.n1.alice)
    other = Proxied(nodes.n2)
    other.cookies = visitor.cookies
    for at_node in (visitor, other):
        assert (await at_node.ask()).status_code == 200
    page = await visitor.browser.http.get("/logout")
    assert (await visitor.browser.submit(page)).status_code == 200
    for at_node in (visitor, other):
        assert (await at_node.ask()).status_code == 401
    bob = Proxied(nodes.n2)
    await bob.enter(nodes.n1.bob)
    async with open_stores(nodes.settings, nodes.n1.clock) as stores:
        subject = nodes.n1.bob.account.subject
        await stores.accounts.set_enabled(subject, enabled=False)
        for world in nodes.both:
            at_node = Proxied(world)
            at_node.cookies = bob.cookies
            assert (await at_node.ask()).status_code == 401
        await stores.accounts.set_enabled(subject, enabled=True)
    await belongs_to(nodes.n1, nodes.n1.bob, "H55")
    staff = Proxied(nodes.n1, "staff.test")
    await staff.enter(nodes.n1.bob)
    assert (await staff.ask()).status_code == 200
    await belongs_to(nodes.n1, nodes.n1.bob, None)
    for world in nodes.both:
        at_node = Proxied(world, "staff.test")
        at_node.cookies = staff.cookies
        assert (await at_node.ask()).status_code == 403


async def test_a_restored_dump_of_redis_revives_no_session(nodes: Nodes) -> None:
    browser, thief = nodes.n1.browser(), nodes.n1.browser("203.0.113.66")
    tokens = await browser.tokens(nodes.n1.alice)
    thief.http.cookies.set("__Host-lt-session", browser.http.cookies["__Host-lt-session"])
    pipeline = RedisPipeline(nodes.redis.url)
    keys = await pipeline.run("KEYS", "lt:s:*")
    assert isinstance(keys, list)
    assert len(keys) == 1
    kept = await pipeline.run("GET", keys[0])
    assert isinstance(kept, bytes)
    await log_out(browser, tokens["id_token"])
    assert await pipeline.run("GET", keys[0]) is None
    await pipeline.run("SET", keys[0], kept)
    for world in nodes.both:
        assert (await silent(thief, world))["error"] == "login_required"
    await pipeline.close()


async def test_redis_that_dies_in_the_middle_of_a_logout_leaves_no_living_session(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F09: 503, and dead everywhere; never the page "signed out" over a living session."""
    browser, thief = nodes.n1.browser(), nodes.n1.browser("203.0.113.66")
    tokens = await browser.tokens(nodes.n1.alice)
    thief.http.cookies.set("__Host-lt-session", browser.http.cookies["__Host-lt-session"])
    ended = SqlSessionEnds.end

    async def then_redis_dies(*args: object, **kwargs: object) -> object:
        notices = await ended(*args, **kwargs)  # type: ignore[arg-type]
        nodes.redis.stop()
        return notices

    monkeypatch.setattr(SqlSessionEnds, "end", then_redis_dies)
    told = await log_out(browser, tokens["id_token"])
    assert told.status_code == 503
    assert "retry-after" in told.headers
    for world in nodes.both:
        assert (await world.userinfo(tokens["access_token"])).status_code == 401
    nodes.redis.start()
    for world in nodes.both:
        await _awake(world)
        assert (await silent(thief, world))["error"] == "login_required"


async def test_redis_that_is_away_before_a_logout_refuses_it(nodes: Nodes) -> None:
    """F09: nothing is claimed that did not happen."""
    browser = nodes.n1.browser()
    tokens = await browser.tokens(nodes.n1.alice)
    nodes.redis.stop()
    told = await log_out(browser, tokens["id_token"])
    assert told.status_code == 503
    assert "set-cookie" not in told.headers
    nodes.redis.start()


async def _awake(world: World) -> None:
    """Wait until the node has found Redis again."""
    for _ in range(100):
        if (await world.http.get("/readyz")).status_code == 200:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the node did not come back")


async def test_a_person_disabled_at_one_node_is_refused_at_the_other(nodes: Nodes) -> None:
    alice = nodes.n1.alice
    browser = nodes.n1.browser()
    tokens = await browser.tokens(alice)
    code = await browser.code()
    async with open_stores(nodes.settings, nodes.n1.clock) as stores:
        assert await stores.accounts.set_enabled(alice.account.subject, enabled=False)
    for world in nodes.both:
        assert (await world.userinfo(tokens["access_token"])).status_code == 401
        assert await world.introspect(tokens["access_token"]) == {"active": False}
        assert refused(await refresh(world, tokens["refresh_token"]), 400, "invalid_grant")
        assert refused(await world.redeem(code), 400, "invalid_grant")
        assert (await silent(browser, world))["error"] == "login_required"
        page = await browser.follow(await browser.authorize())
        page = await browser.submit(page, username="anh.tuyet", password=alice.password)
        assert 'name="otp"' not in page.text


async def _guess(world: World) -> int:
    form = {"grant_type": "client_credentials"}
    return (await world.http.post("/token", data=form, headers=basic("c1", "x" * 40))).status_code


async def test_wrong_secrets_are_counted_over_all_nodes(nodes: Nodes) -> None:
    """B06: twenty guesses from one address, alternating; the real client is not held up."""
    statuses = [await _guess(nodes.both[n % 2]) for n in range(20)]
    assert statuses[:10] == [401] * 10
    assert set(statuses[11:]) == {429}
    form = {"grant_type": "client_credentials"}
    for world in nodes.both:
        real = world.browser("192.0.2.99").http
        told = await real.post("/token", data=form, headers=basic("c1", SECRET_1))
        assert told.status_code == 200
    nodes.n2.http = nodes.n2.browser("198.51.100.77").http
    nodes.n1.http = nodes.n1.browser("198.51.100.77").http


async def _kid(world: World) -> str:
    """The key that this node signs with now."""
    told = await world.browser("203.0.113.90").tokens(world.bob)
    return str(header_of(told["id_token"])["kid"])


async def _published(world: World) -> set[str]:
    return {str(key["kid"]) for key in (await world.http.get("/jwks")).json()["keys"]}


async def _until_published(world: World, kid: str, *, gone: bool = False) -> None:
    for _ in range(100):
        if (kid in await _published(world)) is not gone:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the node did not follow")


async def test_a_rotated_key_signs_at_the_other_node_and_nothing_signed_before_is_refused(
    nodes: Nodes,
) -> None:
    before = await nodes.n1.browser().tokens(
        nodes.n1.alice, client_id="k1", redirect_uri="https://rp3.test/cb"
    )
    old = str(header_of(before["id_token"])["kid"])
    nodes.n1.clock.now += 1861
    async with open_stores(nodes.settings, nodes.n1.clock) as stores:
        keyring = await KeyRing.load(
            key_store(nodes.settings, stores.database),
            stores.sealer,
            rotation_policy(nodes.settings),
            int(nodes.n1.clock.now),
        )
        outcome = await keyring.rotate("ES256", int(nodes.n1.clock.now))
        assert isinstance(outcome, Rotated)
        new = keyring.signer("ES256").kid
        assert new in await _published(nodes.n2), "published before it signs"
        for world in nodes.both:
            for _ in range(100):
                if await _kid(world) == new:
                    break
                await asyncio.sleep(0.05)
            assert await _kid(world) == new
            assert {old, new} <= await _published(world)
            hint = before["id_token"]
            told = await nodes.n1.browser().http.get("/logout", params={"id_token_hint": hint})
            assert told.status_code == 200
        await keyring.revoke(old, int(nodes.n1.clock.now))
    for world in nodes.both:
        await _until_published(world, old, gone=True)


async def test_a_token_of_one_node_is_known_to_the_other_in_either_shape(nodes: Nodes) -> None:
    changes = {"client_id": "k1", "redirect_uri": "https://rp3.test/cb"}
    shaped = await nodes.n1.browser().tokens(nodes.n1.alice, **changes)
    opaque = await nodes.n2.browser("203.0.113.8").tokens(nodes.n2.bob)
    assert (await nodes.n2.userinfo(shaped["access_token"])).status_code == 200
    assert (await nodes.n1.userinfo(opaque["access_token"])).status_code == 200


async def test_guesses_at_a_password_are_counted_over_all_nodes(nodes: Nodes) -> None:
    """P03 over two nodes."""
    statuses = []
    for number in range(8):
        browser = nodes.both[number % 2].browser("192.0.2.33")
        page = await browser.follow(await browser.authorize())
        page = await browser.submit(page, username="anh.tuyet", password="x" * 20)
        statuses.append(page.status_code)
    assert statuses[0] == 200
    assert statuses[-1] == 429


async def test_an_account_is_opened_once_however_many_nodes_are_asked(nodes: Nodes) -> None:
    browser = nodes.n1.browser()
    await browser.tokens(nodes.n1.alice)
    portal = {"client_id": "portal", "redirect_uri": "https://portal.test/cb"}

    async def at(world: World) -> httpx.Response:
        own = world.browser()
        own.http.cookies.set("__Host-lt-session", browser.http.cookies["__Host-lt-session"])
        return await own.authorize(**portal)

    told = await asyncio.gather(*(at(nodes.both[n % 2]) for n in range(12)))
    assert all("code" in answer(one) for one in told)
    async with open_stores(nodes.settings, nodes.n1.clock) as stores:
        rows = await stores.database.rows("SELECT state FROM link WHERE system_id = 'portal'")
    assert [row["state"] for row in rows] == ["active"]


async def test_a_foreign_client_cannot_revoke_at_the_other_node(nodes: Nodes) -> None:
    """D07 over two nodes."""
    tokens = await nodes.n1.browser().tokens(nodes.n1.alice)
    data = {"token": tokens["access_token"], "client_id": "c2", "client_secret": SECRET_2}
    assert (await nodes.n2.http.post("/revoke", data=data)).status_code == 200
    for world in nodes.both:
        assert (await world.userinfo(tokens["access_token"])).status_code == 200

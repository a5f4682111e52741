"""A system behind a reverse proxy: who is let through, and what it is told."""

from urllib.parse import quote

from tests.fixtures_world import ISSUER, SECRET_1, SECRET_2, World, answer
from tests.people import ALICE_NAME
from tests.protected import VISIT, Proxied, identity


async def test_a_person_signs_in_and_comes_back_to_the_page_they_asked_for(world: World) -> None:
    visitor = Proxied(world)
    entered = await visitor.enter(world.alice, "/files?year=2026&q=%C4%91")
    assert entered.headers["location"] == "https://intranet.test/files?year=2026&q=%C4%91"
    assert "Secure; " in entered.headers["set-cookie"] + "; "
    let_through = await visitor.ask("/files?year=2026")
    assert let_through.status_code == 200
    assert let_through.headers["cache-control"] == "no-store"
    assert let_through.headers["x-auth-name"] == quote(ALICE_NAME, safe=" ")


async def test_the_identity_is_signed_under_each_secret_of_the_system(world: World) -> None:
    visitor = Proxied(world)
    await visitor.enter(world.alice)
    headers = (await visitor.ask()).headers
    first = identity(headers["x-lienthong-identity"], SECRET_1)
    assert first == identity(headers["x-lienthong-identity-2"], SECRET_2)
    assert (first["iss"], first["aud"], first["host"]) == (ISSUER, "intranet", "intranet.test")
    assert first["sub"] == headers["x-auth-user"]
    assert first["name"] == ALICE_NAME
    assert first["exp"] == first["iat"] + 60
    assert first["acr"] == "LoA2"


async def test_one_session_opens_every_host_without_a_second_sign_in(world: World) -> None:
    portal = world.browser()
    await portal.tokens(world.alice)
    wiki = Proxied(world, "wiki.test:8443", portal)
    assert (await wiki.enter()).headers["location"] == "https://wiki.test:8443/"
    assert (await wiki.ask()).status_code == 200


async def test_a_session_that_begins_at_a_protected_host_serves_other_clients(
    world: World,
) -> None:
    visitor = Proxied(world)
    await visitor.enter(world.alice)
    assert "code" in answer(await visitor.browser.authorize(prompt="none"))


async def test_public_paths_need_nobody(world: World) -> None:
    stranger = Proxied(world)
    for target in ("/public", "/public/", "/public/logo.svg?v=2", "/healthz"):
        answered = await stranger.ask(target)
        assert answered.status_code == 200, target
        assert answered.headers["x-auth-user"] == ""
        assert answered.headers["x-lienthong-identity"] == ""
    for target in ("/publication", "/", "", "/healthz%20", "public", "https://x/public"):
        assert (await stranger.ask(target)).status_code == 401, target


async def test_for_proxies_that_hand_our_answer_on_a_page_is_redirected(world: World) -> None:
    stranger = Proxied(world)
    place = "/forward-auth/browser"
    page = await stranger.ask("/a", place=place, x_forwarded_method="GET")
    assert page.status_code == 303
    assert page.headers["location"] == "https://intranet.test/.lienthong/start?rd=/a"
    posted = await stranger.ask("/a", place=place, x_forwarded_method="POST")
    assert posted.status_code == 401
    await stranger.enter(world.alice)
    assert (await stranger.ask("/a", place=place)).status_code == 200


async def test_signing_out_at_the_host_forgets_the_visit_and_leads_to_the_logout(
    world: World,
) -> None:
    visitor = Proxied(world)
    await visitor.enter(world.alice)
    left = await visitor.own_place("https://intranet.test/.lienthong/sign-out")
    assert left.headers["location"] == f"{ISSUER}/logout"
    assert visitor.cookies[VISIT] == ""
    assert (await visitor.ask()).status_code == 401


async def test_a_visit_ends_with_its_hour_and_the_session_opens_it_again(world: World) -> None:
    visitor = Proxied(world)
    await visitor.enter(world.alice)
    for _ in range(3):  # the session is used elsewhere, and so does not idle away
        world.clock.now += 1200
        assert (await visitor.browser.authorize(prompt="none")).status_code == 303
    assert (await visitor.ask()).status_code == 401
    await visitor.enter()
    assert (await visitor.ask()).status_code == 200


async def test_a_person_who_stops_reads_so_on_our_own_page(world: World) -> None:
    visitor = Proxied(world)
    page = await visitor.browser.follow(await visitor.begin())
    stopped = await visitor.browser.submit(page, decision="cancel")
    assert stopped.status_code == 403
    assert (await visitor.ask()).status_code == 401


async def test_a_person_of_another_agency_is_told_at_the_sign_in(world: World) -> None:
    visitor = Proxied(world, "staff.test")
    page = await visitor.browser.sign_in(world.alice, await visitor.begin())
    assert "Hệ thống này không dành cho Quý vị" in page.text
    left = await visitor.browser.submit(page, decision="continue")
    assert left.status_code == 403

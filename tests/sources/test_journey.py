"""A citizen signs in by a source: what our systems then know, and what they do not."""

import asyncio
from dataclasses import replace

import pytest

from connectors.simulators.upstream_faults import Fault
from idp.web.dialects.oidc import OidcDoor
from idp.web.doors import Reading
from idp.web.http import HttpRequest
from keys.jwks import generate, public_jwk
from keys.signer import Signer
from tests.fixtures_world import World, answer
from tests.tokens import claims_of
from tests.upstreams import (
    Upstreams,
    by_source,
    come_back,
    leave,
    leave_from,
    links,
    parameter,
)


async def userinfo(world: World, code: str) -> dict[str, object]:
    tokens = (await world.redeem(code)).json()
    return dict((await world.userinfo(tokens["access_token"])).json())


SCOPES = "openid profile vn_identity"


@pytest.mark.parametrize("source", ["vnconnect", "vneid", "u1"])
async def test_a_citizen_signs_in_by_a_source(
    world: World, upstreams: Upstreams, source: str
) -> None:
    came = await by_source(world.browser(), upstreams, source, "an", scope=SCOPES)
    code = answer(came)["code"]
    tokens = (await world.redeem(code)).json()
    told = (await world.userinfo(tokens["access_token"])).json()
    assert told["name"] == "Lê Thị An"
    assert told["birthdate"] == "1985-03-14"
    assert claims_of(tokens["id_token"])["acr"] == "LoA2"


async def test_the_level_of_the_session_is_the_one_that_the_source_names(
    world: World, upstreams: Upstreams
) -> None:
    came = await by_source(world.browser(), upstreams, "vnconnect", "binh")
    tokens = (await world.redeem(answer(came)["code"])).json()
    claims = claims_of(tokens["id_token"])
    assert (claims["acr"], claims["amr"]) == ("LoA1", ["pwd"])


async def test_the_same_person_has_one_sub_and_two_sources_are_two_people(
    world: World, upstreams: Upstreams
) -> None:
    subs = []
    for source in ("vnconnect", "vnconnect", "vneid"):
        came = await by_source(world.browser(), upstreams, source, "an")
        subs.append((await userinfo(world, answer(came)["code"]))["sub"])
    assert subs[0] == subs[1] != subs[2]


async def test_pkce_and_nonce_are_sent_and_are_of_this_browser(
    world: World, upstreams: Upstreams
) -> None:
    address = await leave(world.browser(), "vnconnect")
    other = await leave(world.browser(), "vnconnect")
    assert parameter(address, "code_challenge_method") == "S256"
    assert parameter(address, "nonce") != parameter(other, "nonce")
    assert parameter(address, "acr_values") == "LoA1"


async def test_a_plus_in_the_code_survives(world: World, upstreams: Upstreams) -> None:
    address = await leave(world.browser(), "vneid")
    assert "+" in (await upstreams.choose(address, "an"))
    assert answer(await by_source(world.browser(), upstreams, "vneid", "an"))["code"]


async def test_a_system_is_not_offered_a_source_that_may_not_lead_there(
    world: World, upstreams: Upstreams
) -> None:
    browser = world.browser()
    plain = await browser.follow(await browser.authorize())
    portal = await browser.follow(
        await browser.authorize(client_id="portal", redirect_uri="https://portal.test/cb")
    )
    high = await browser.follow(
        await browser.authorize(
            client_id="high", redirect_uri="https://high.test/cb", scope="openid"
        )
    )
    assert links(plain) == ["vnconnect", "vneid", "u1"]
    assert links(portal) == ["vnconnect", "vneid", "u1", "u2"]
    assert links(high) == ["vnconnect", "vneid", "u1"], "u2 never reaches level 2"


async def test_the_source_of_last_time_stands_first(world: World, upstreams: Upstreams) -> None:
    browser = world.browser()
    await leave(browser, "u1")
    page = await browser.follow(await browser.authorize())
    assert links(page)[0] == "u1"


async def test_a_level_that_was_not_reached_is_asked_for_again_and_never_lowered(
    world: World, upstreams: Upstreams
) -> None:
    browser = world.browser()
    high = {"client_id": "high", "redirect_uri": "https://high.test/cb", "scope": "openid"}
    page = await by_source(browser, upstreams, "vnconnect", "binh", **high)
    assert "mức xác thực cao hơn" in page.text
    assert 'name="password"' not in page.text
    address = await leave_from(browser, page, "vnconnect")
    came = await come_back(browser, await upstreams.choose(address, "an"))
    assert answer(came)["code"]


async def test_a_new_look_at_the_person_is_asked_of_the_source(
    world: World, upstreams: Upstreams
) -> None:
    browser = world.browser()
    upstreams.u1.bend_id_token = lambda claims: claims | {"auth_time": claims["iat"] - 3600}
    address = await leave(browser, "u1", prompt="login")
    assert (parameter(address, "prompt"), parameter(address, "max_age")) == ("login", "0")
    page = await come_back(browser, await upstreams.choose(address, "an"))
    assert page.status_code == 400
    assert (await by_source(world.browser(), upstreams, "u1", "an")).status_code == 303


async def test_a_person_who_stops_there_is_told_what_to_do(
    world: World, upstreams: Upstreams
) -> None:
    browser = world.browser()
    back = await upstreams.choose(await leave(browser, "vnconnect"), "none")
    page = await come_back(browser, back)
    assert page.status_code == 400
    assert "Quý vị chưa đăng nhập" in page.text
    assert 'href="/sign-in?flow=' in page.text


@pytest.mark.parametrize(
    ("fault", "source", "name", "birthdate"),
    [
        (Fault.SWAPPED_NAMES, "vnconnect", "An Lê Thị", "1985-03-14"),
        (Fault.YEAR_ONLY, "vnconnect", "Lê Thị An", "1985"),
        (Fault.YEAR_ONLY, "vneid", "Lê Thị An", "1985"),
    ],
)
async def test_other_data_than_before_are_kept_and_the_person_stays_the_same(
    world: World, upstreams: Upstreams, fault: Fault, source: str, name: str, birthdate: str
) -> None:
    before = await userinfo(
        world, answer(await by_source(world.browser(), upstreams, source, "an"))["code"]
    )
    upstreams.source(source).faults.switch(fault, on=True)
    after = await userinfo(
        world, answer(await by_source(world.browser(), upstreams, source, "an"))["code"]
    )
    assert after["sub"] == before["sub"]
    assert (after["name"], after["birthdate"]) == (name, birthdate)


@pytest.mark.parametrize("source", ["vnconnect", "vneid"])
@pytest.mark.parametrize("fault", [Fault.WRONG_CLAIMS, Fault.EXPIRED])
async def test_nonsense_and_what_is_too_old_get_a_page_and_no_session(
    world: World, upstreams: Upstreams, source: str, fault: Fault
) -> None:
    upstreams.source(source).faults.switch(fault, on=True)
    page = await by_source(world.browser(), upstreams, source, "an")
    assert page.status_code == 400
    assert "Chưa đăng nhập được" in page.text
    assert "session=" not in page.headers.get("set-cookie", "")


@pytest.mark.parametrize("source", ["vnconnect", "vneid"])
async def test_a_code_that_the_source_hands_out_twice_lets_nobody_in_twice(
    world: World, upstreams: Upstreams, source: str
) -> None:
    assert answer(await by_source(world.browser(), upstreams, source, "an"))["code"]
    upstreams.source(source).faults.switch(Fault.CODE_REPLAY, on=True)
    page = await by_source(world.browser(), upstreams, source, "binh")
    assert page.status_code == 400


@pytest.mark.parametrize("fault", [Fault.NO_NONCE, Fault.WRONG_KEY])
async def test_an_id_token_without_our_nonce_or_under_another_key_is_refused(
    world: World, upstreams: Upstreams, fault: Fault
) -> None:
    upstreams.vnconnect.faults.switch(fault, on=True)
    page = await by_source(world.browser(), upstreams, "vnconnect", "an")
    assert page.status_code == 400


async def test_a_source_may_change_its_key_while_people_are_signing_in(
    world: World, upstreams: Upstreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answer(await by_source(world.browser(), upstreams, "vnconnect", "an"))["code"]
    monkeypatch.setattr("idp.authn.upstream_keys.PAUSE_SECONDS", 0)  # a minute went by
    key = generate("RS256")
    upstreams.vnconnect.jwk = public_jwk(key, "RS256")
    upstreams.vnconnect.signer = Signer(upstreams.vnconnect.jwk["kid"], "RS256", key)
    backs = []
    for _ in range(3):
        browser = world.browser()
        backs.append((browser, await upstreams.choose(await leave(browser, "vnconnect"), "an")))
    asked = upstreams.vnconnect.jwks_asked
    pages = await asyncio.gather(*(come_back(browser, back) for browser, back in backs))
    assert [page.status_code for page in pages] == [303, 303, 303]
    assert upstreams.vnconnect.jwks_asked == asked + 1


@pytest.mark.parametrize("hint", ["vnconnect", "u2", "no-such", None])
async def test_a_hand_off_that_names_a_source_asks_nothing_on_the_way_there(
    world: World, upstreams: Upstreams, monkeypatch: pytest.MonkeyPatch, hint: str | None
) -> None:
    read = OidcDoor.read

    def hinted(door: OidcDoor, request: HttpRequest, raw: str, now: int) -> Reading:
        return replace(read(door, request, raw, now), source_hint=hint)

    monkeypatch.setattr(OidcDoor, "read", hinted)
    browser = world.browser()
    first = (await browser.authorize()).headers["location"]
    if hint != "vnconnect":
        assert first.startswith("/sign-in?flow="), "u2 may not lead there"
        return
    there = (await browser.http.get(first)).headers["location"]
    assert answer(await come_back(browser, await upstreams.choose(there, "an")))["code"]


class TestADeepLinkOfTheNationalPortal:
    """What `idp/web/dialects/hand_off.py` reads; the source it names is one of ours."""

    async def test_leads_through_the_source_where_the_citizen_signed_in_and_shows_no_page(
        self, world: World, upstreams: Upstreams
    ) -> None:
        browser = world.browser()
        link = "/nop-ho-so?MaTTHCDP=1.2&MaCoQuanThucHien=H55.242&vnconnect=1"
        first = await browser.http.get(link)
        there = await browser.http.get(first.headers["location"])
        assert there.headers["location"].startswith("https://vnconnect.test/oauth2/authorize")
        back = await upstreams.choose(there.headers["location"], "an")
        end = await come_back(browser, back)
        assert end.headers["location"].startswith("https://onestop.test/nop-ho-so?")
        silent = await browser.authorize(prompt="none")
        assert answer(silent)["code"]

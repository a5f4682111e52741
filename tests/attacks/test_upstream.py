"""Group L, as far as it touches upstream OpenID Connect."""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from connectors.simulators.upstream_faults import Fault
from keys.jwks import generate, public_jwk
from keys.signer import Signer
from tests.fixtures_world import Clock, RunningClock, World, answer
from tests.people import ALICE_NAME
from tests.tokens import claims_of
from tests.upstreams import (
    Upstreams,
    by_source,
    come_back,
    leave,
    parameter,
    sources_toml,
)


@pytest.fixture
def more_config(tmp_path: Path) -> str:
    return sources_toml(tmp_path)


@pytest.fixture
def world_clock() -> Clock:
    return RunningClock()


@pytest.fixture
def upstreams(tmp_path: Path) -> Upstreams:
    return Upstreams(tmp_path)


@pytest.fixture(autouse=True)
def egress(monkeypatch: pytest.MonkeyPatch, upstreams: Upstreams) -> Upstreams:
    """In place of the recorder of this room: it records too, and the sources stand behind it."""
    monkeypatch.setattr("idp.app.outgoing_client", upstreams.client)
    monkeypatch.setattr("idp.audit.writer.FLUSH_SECONDS", 0.01)
    monkeypatch.setattr("idp.flows.deliver.IDLE_SECONDS", 3600.0)
    return upstreams


async def sub_of(world: World, came: httpx.Response) -> str:
    tokens = (await world.redeem(answer(came)["code"])).json()
    return str(claims_of(tokens["id_token"])["sub"])


def is_refused(page: httpx.Response, status: int = 400) -> bool:
    """A page that says what to do, and nothing else: no session, no redirect."""
    assert page.status_code == status, (page.status_code, page.headers.get("location"))
    assert "location" not in page.headers
    assert "lt-session" not in page.headers.get("set-cookie", "")
    assert "Quý vị" in page.text
    return True


# --- L01, L03: who a person is -------------------------------------------------------------------


@pytest.mark.parametrize(
    "verified",
    [
        pytest.param({"email_verified": False}, id="L01-false"),
        pytest.param({}, id="L01-missing"),
        pytest.param({"email_verified": "true"}, id="L01-text"),
        pytest.param({"email_verified": 1}, id="L01-one"),
        pytest.param({"email_verified": [True]}, id="L01-list"),
        pytest.param({"email_verified": True}, id="L01-true"),
    ],
)
async def test_nobody_becomes_another_person_by_her_address_telephone_or_name(
    world: World, upstreams: Upstreams, verified: dict[str, object]
) -> None:
    alice = await sub_of(world, await _by_password(world))
    upstreams.u1.bend_userinfo = {
        "email": world.alice.account.attributes.email,
        "phone_number": world.alice.account.attributes.phone,
        "phone_number_verified": True,
        "name": ALICE_NAME,
        **verified,
    }
    came = await by_source(world.browser(), upstreams, "u1", "binh")
    assert await sub_of(world, came) != alice


async def _by_password(world: World) -> httpx.Response:
    browser = world.browser()
    return await browser.sign_in(world.alice, await browser.authorize())


async def test_a_number_that_differs_from_the_one_before_is_refused_with_an_alert(
    world: World, upstreams: Upstreams
) -> None:
    before = await sub_of(world, await by_source(world.browser(), upstreams, "vnconnect", "an"))
    upstreams.vnconnect.faults.switch(Fault.REISSUED_NUMBER, on=True)
    page = await by_source(world.browser(), upstreams, "vnconnect", "an")
    assert is_refused(page, 403)
    upstreams.vnconnect.faults.switch(Fault.REISSUED_NUMBER, on=False)
    after = await by_source(
        world.browser(), upstreams, "vnconnect", "an", scope="openid vn_identity"
    )
    tokens = (await world.redeem(answer(after)["code"])).json()
    told = (await world.userinfo(tokens["access_token"])).json()
    assert (told["sub"], told["vn_personal_id"]) == (before, "074185000101")


# --- L04, L06, L07: whose answer it is ------------------------------------------------------------


async def test_an_answer_that_another_browser_began_is_worth_nothing(
    world: World, upstreams: Upstreams
) -> None:
    mallory, victim = world.browser("203.0.113.66"), world.browser()
    back = await upstreams.choose(await leave(mallory, "u1"), "binh")
    await victim.sign_in(world.alice, await victim.authorize())
    assert is_refused(await come_back(victim, back))


async def test_a_state_of_another_browser_opens_nothing_in_a_flow_of_ones_own(
    world: World, upstreams: Upstreams
) -> None:
    mallory, victim = world.browser("203.0.113.66"), world.browser()
    theirs = await upstreams.choose(await leave(mallory, "u1"), "binh")
    own = await upstreams.choose(await leave(victim, "u1"), "an")
    mixed = theirs.replace(parameter(theirs, "state"), parameter(own, "state"))
    assert is_refused(await come_back(victim, mixed)), "nonce and verifier are of the other state"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda back: back.partition("&iss=")[0], id="L06-iss-missing"),
        pytest.param(lambda back: back.replace("u1.test", "u2.test", 2), id="L06-iss-other"),
        pytest.param(lambda back: back + "&iss=https%3A%2F%2Fu1.test", id="L06-iss-doubled"),
        pytest.param(
            lambda back: back.replace("/upstream/u1/", "/upstream/u2/"), id="L06-code-of-the-other"
        ),
    ],
)
async def test_an_answer_names_its_source_once_and_comes_to_its_own_callback(
    world: World, upstreams: Upstreams, change: Any
) -> None:
    browser = world.browser()
    back = await upstreams.choose(await leave(browser, "u1"), "an")
    assert is_refused(await come_back(browser, change(back)))


async def test_an_error_with_a_foreign_state_ends_nothing(
    world: World, upstreams: Upstreams
) -> None:
    mallory, victim = world.browser("203.0.113.66"), world.browser()
    foreign = parameter(await leave(mallory, "u1"), "state")
    address = await leave(victim, "u1")
    page = await victim.http.get(
        "/upstream/u1/callback",
        params={"error": "access_denied", "state": foreign, "iss": "https://u1.test"},
    )
    assert is_refused(page)
    assert answer(await come_back(victim, await upstreams.choose(address, "an")))["code"]


async def test_the_same_answer_twice_is_one_login(world: World, upstreams: Upstreams) -> None:
    browser = world.browser()
    back = await upstreams.choose(await leave(browser, "u1"), "an")
    cookies = dict(browser.http.cookies)
    assert answer(await come_back(browser, back))["code"]
    browser.http.cookies.update(cookies)  # as in a tab that kept the flow
    assert is_refused(await come_back(browser, back))


async def test_a_state_that_brought_a_refusal_brings_no_code_after_it(
    world: World, upstreams: Upstreams
) -> None:
    browser = world.browser()
    address = await leave(browser, "vnconnect")
    assert is_refused(await come_back(browser, await upstreams.choose(address, "none")))
    assert is_refused(await come_back(browser, await upstreams.choose(address, "an")))


@pytest.mark.parametrize("name", ["iss", "code", "state"])
async def test_a_parameter_that_comes_twice_is_refused_where_it_need_not_come_at_all(
    world: World, upstreams: Upstreams, name: str
) -> None:
    browser = world.browser()
    back = await upstreams.choose(await leave(browser, "vnconnect"), "an")
    back += "&iss=https%3A%2F%2Fvnconnect.test"
    value = parameter(back.replace("+", "%2B"), name)
    doubled = f"{back}&{urlencode({name: value})}"
    assert is_refused(await come_back(browser, doubled))


async def test_twenty_at_once_with_the_same_answer_are_one_login(
    world: World, upstreams: Upstreams
) -> None:
    browser = world.browser()
    back = await upstreams.choose(await leave(browser, "u1"), "an")
    pages = await asyncio.gather(*(come_back(browser, back) for _ in range(20)))
    assert [page.status_code for page in pages].count(303) == 1
    assert all(page.status_code in (303, 400) for page in pages)


@pytest.mark.parametrize("person", ["an", "none"])
async def test_an_answer_after_ten_minutes_is_too_late(
    world: World, upstreams: Upstreams, person: str
) -> None:
    browser = world.browser()
    back = await upstreams.choose(await leave(browser, "u1"), person)
    world.clock.now += 600
    page = await come_back(browser, back)
    assert is_refused(page)
    assert "đã quá hạn" in page.text, "not even what the source said is believed"


async def test_a_state_that_is_cut_by_one_character_opens_nothing(
    world: World, upstreams: Upstreams
) -> None:
    browser = world.browser()
    back = await upstreams.choose(await leave(browser, "u1"), "an")
    state = parameter(back, "state")
    assert is_refused(await come_back(browser, back.replace(state, state[:-1])))


# --- L13: the ID token -----------------------------------------------------------------------------


def _without(name: str) -> Any:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


@pytest.mark.parametrize(
    "bend",
    [
        pytest.param(lambda c: c | {"aud": "another"}, id="L13-aud-other"),
        pytest.param(lambda c: c | {"aud": ["province", "another"]}, id="L13-aud-two"),
        pytest.param(lambda c: c | {"azp": "another"}, id="L13-azp-other"),
        pytest.param(_without("nonce"), id="L13-nonce-missing"),
        pytest.param(lambda c: c | {"nonce": "another"}, id="L13-nonce-other"),
        pytest.param(
            lambda c: _without("nonce")(c) | {"nonce_supported": False},
            id="L13-nonce-supported-false",
        ),
        pytest.param(lambda c: c | {"at_hash": "AAAA"}, id="L13-at-hash-wrong"),
        pytest.param(lambda c: c | {"at_hash": 7}, id="L13-at-hash-no-text"),
        pytest.param(lambda c: c | {"exp": c["iat"] - 60}, id="L13-exp-past"),
        pytest.param(lambda c: c | {"iat": c["iat"] + 3600}, id="L13-iat-ahead"),
        pytest.param(lambda c: c | {"iss": "https://u2.test"}, id="L13-iss-other"),
        pytest.param(lambda c: c | {"sub": "somebody-else"}, id="L13-sub-other-than-userinfo"),
        pytest.param(lambda c: c | {"sub": 7}, id="L13-sub-no-text"),
        pytest.param(lambda c: c | {"auth_time": c["iat"] + 3600}, id="L13-auth-time-ahead"),
        pytest.param(lambda c: c | {"acr": "LoA9"}, id="L13-level-unknown"),
    ],
)
async def test_an_id_token_that_does_not_say_what_it_must_lets_nobody_in(
    world: World, upstreams: Upstreams, bend: Any
) -> None:
    upstreams.u1.bend_id_token = bend
    assert is_refused(await by_source(world.browser(), upstreams, "u1", "an"))


async def test_another_algorithm_than_the_configured_one_lets_nobody_in(
    world: World, upstreams: Upstreams
) -> None:
    key = generate("ES256")
    upstreams.u1.jwk = public_jwk(key, "ES256")
    upstreams.u1.signer = Signer(upstreams.u1.jwk["kid"], "ES256", key)
    assert is_refused(await by_source(world.browser(), upstreams, "u1", "an"))


async def test_an_unsigned_id_token_lets_nobody_in(
    world: World, upstreams: Upstreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unsigned:
        def sign(self, typ: str, claims: bytes) -> str:
            signed = Signer("x", "ES256", generate("ES256")).sign(typ, claims)
            _, payload, signature = signed.split(".")
            return f"eyJhbGciOiJub25lIn0.{payload}.{signature}"

    monkeypatch.setattr(upstreams.u1, "signer", Unsigned())
    assert is_refused(await by_source(world.browser(), upstreams, "u1", "an"))


async def test_a_thousand_unknown_kids_cost_the_source_one_request_a_minute(
    world: World, upstreams: Upstreams
) -> None:
    assert (await by_source(world.browser(), upstreams, "u1", "an")).status_code == 303
    asked = upstreams.u1.jwks_asked
    real = upstreams.u1.signer
    for number in range(1000):
        fake = Signer(f"kid-{number}", "RS256", _RSA)
        token = fake.sign("logout+jwt", json.dumps({"iss": "https://u1.test"}).encode())
        response = await world.http.post(
            "/upstream/u1/backchannel-logout", data={"logout_token": token}
        )
        assert response.status_code == 400
    assert upstreams.u1.jwks_asked <= asked + 1
    upstreams.u1.signer = real
    assert (await by_source(world.browser(), upstreams, "u1", "an")).status_code == 303


_RSA = generate("RS256")

"""A source speaks first: a session ended there, or an account was disabled."""

import json
import secrets
import time
from typing import Any

import httpx
import pytest

from tests.fixtures_world import World, answer
from tests.upstreams import Upstreams, by_source

DISABLED = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"


async def signed_in(world: World, upstreams: Upstreams) -> tuple[Any, str]:
    """A browser that came by a source, and its access token."""
    browser = world.browser()
    came = await by_source(browser, upstreams, "u1", "an")
    tokens = (await world.redeem(answer(came)["code"])).json()
    return browser, tokens["access_token"]


async def lives(world: World, browser: Any, token: str) -> bool:
    by_token = (await world.userinfo(token)).status_code == 200
    silent = await browser.authorize(prompt="none")
    by_session = "code" in answer(silent)
    assert by_token == by_session
    return by_token


async def told(world: World, token: str) -> httpx.Response:
    return await world.http.post("/upstream/u1/backchannel-logout", data={"logout_token": token})


async def test_a_session_that_ended_there_ends_here_and_in_every_system(
    world: World, upstreams: Upstreams
) -> None:
    browser, token = await signed_in(world, upstreams)
    other, other_token = await signed_in(world, upstreams)
    sid = next(iter(upstreams.u1.sessions))
    logout = upstreams.u1.logout_token(sid)
    assert (await told(world, logout)).status_code == 200
    assert not await lives(world, browser, token)
    assert await lives(world, other, other_token), "another session of the same person"
    assert (await told(world, logout)).status_code == 200, "delivered twice: nothing more"
    assert await lives(world, other, other_token)


async def test_the_person_can_sign_in_again_after_an_end_there(
    world: World, upstreams: Upstreams
) -> None:
    browser, _ = await signed_in(world, upstreams)
    await told(world, upstreams.u1.logout_token(next(iter(upstreams.u1.sessions))))
    came = await by_source(browser, upstreams, "u1", "an")
    assert answer(came)["code"]


def bent(upstreams: Upstreams, **changes: object) -> str:
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": "https://u1.test",
        "aud": "province",
        "iat": now,
        "exp": now + 100,
        "jti": secrets.token_hex(8),
        "sub": "6f1c2a4e-0001-4b7a-9c55-2d5c8f3a0001",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    } | changes
    typ = str(claims.pop("typ", "logout+jwt"))
    kept = {name: value for name, value in claims.items() if value is not None}
    return upstreams.u1.signer.sign(typ, json.dumps(kept).encode())


async def test_without_a_session_all_of_the_subject_end(world: World, upstreams: Upstreams) -> None:
    sessions = [await signed_in(world, upstreams) for _ in range(2)]
    assert (await told(world, bent(upstreams))).status_code == 200
    assert [await lives(world, *session) for session in sessions] == [False, False]


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"iss": "https://u2.test"},
        {"nonce": "n"},
        {"events": {}},
        {"events": None},
        {"sub": None},
        {"jti": None},
        pytest.param({"iat": int(time.time()) - 4000}, id="iat-long-ago"),
        pytest.param({"iat": int(time.time()) + 4000}, id="iat-yet-to-come"),
        {"typ": "secevent+jwt"},
    ],
    ids=lambda changes: "-".join(f"{k}-{v}"[:30] for k, v in changes.items()),
)
async def test_a_logout_token_that_is_none_ends_nothing(
    world: World, upstreams: Upstreams, changes: dict[str, object]
) -> None:
    browser, token = await signed_in(world, upstreams)
    assert (await told(world, bent(upstreams, **changes))).status_code == 400
    assert await lives(world, browser, token)


async def test_an_id_token_is_no_logout_token(world: World, upstreams: Upstreams) -> None:
    browser, token = await signed_in(world, upstreams)
    assert (
        await told(world, bent(upstreams, typ="JWT", events=None, nonce="n"))
    ).status_code == 400
    assert await lives(world, browser, token)


async def pushed(world: World, token: str, kind: str = "application/secevent+jwt") -> int:
    response = await world.http.post(
        "/upstream/u1/events", content=token, headers={"content-type": kind}
    )
    return response.status_code


def event(upstreams: Upstreams, **subject: object) -> str:
    about = {
        "format": "iss_sub",
        "iss": "https://u1.test",
        "sub": "6f1c2a4e-0001-4b7a-9c55-2d5c8f3a0001",
    } | subject
    return bent(upstreams, typ="secevent+jwt", sub=None, events={DISABLED: {"subject": about}})


async def test_an_account_that_was_disabled_there_is_disabled_here(
    world: World, upstreams: Upstreams
) -> None:
    browser, token = await signed_in(world, upstreams)
    assert await pushed(world, event(upstreams)) == 202
    assert not await lives(world, browser, token)
    page = await by_source(world.browser(), upstreams, "u1", "an")
    assert page.status_code == 403
    assert "Tài khoản đã bị khóa" in page.text


async def test_an_event_about_nobody_of_ours_or_of_another_issuer_changes_nothing(
    world: World, upstreams: Upstreams
) -> None:
    browser, token = await signed_in(world, upstreams)
    assert await pushed(world, event(upstreams, sub="nobody")) == 202
    assert await pushed(world, event(upstreams, iss="https://u2.test")) == 400
    assert await pushed(world, event(upstreams), "application/jwt") == 400
    assert await lives(world, browser, token)

"""The one-time ticket, read back by an independent library and by a stand-in of 2009."""

import asyncio
import hmac
import time
from base64 import urlsafe_b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from jose import JWTError
from jose import jwt as jose_jwt

from connectors.contract import (
    AccountId,
    AccountKind,
    Assurance,
    Dialect,
    LocalAccount,
    LocalText,
    PairwiseSub,
    PersonAttributes,
    SectorId,
    SessionId,
    SignInResult,
    SubjectId,
    SystemId,
    VerifiedIdentity,
    WhenUnlinked,
)
from connectors.errors import ReturnAddressRefused, StateRefused
from connectors.registry import System, TicketSettings
from connectors.simulators.onestop import OneStop
from connectors.simulators.stand_in import StandInSettings
from connectors.systems.signed_ticket import (
    MAX_STATE,
    logout_ticket_form,
    ticket_form,
    verify_return,
    verify_state,
)

ISSUER = "https://id.test"
SECRET = "t1-abcdefghijklmnopqrstuvwxyz0123456789"
HOME = "http://onestop.test:80"
RETURN = f"{HOME}/ticket"
NOW = 1_800_000_000
SYSTEM = System(
    system_id=SystemId("onestop"),
    name=LocalText(vi="Một cửa", en="One-stop"),
    owners=(),
    level="commune",
    dialect=Dialect.SIGNED_TICKET,
    sector=SectorId("onestop"),
    required_assurance=Assurance.LEVEL_1,
    when_unlinked=WhenUnlinked.CLAIM,
    ticket=TicketSettings(return_urls=(RETURN,), secrets=(SECRET,)),
)
RESULT = SignInResult(
    identity=VerifiedIdentity(
        subject=SubjectId("internal-subject"),
        sub=PairwiseSub("pairwise-7"),
        kind=AccountKind.CITIZEN,
        assurance=Assurance.LEVEL_2,
        amr=("pwd", "otp"),
        authenticated_at=NOW - 60,
        attributes=PersonAttributes(full_name="Lê Thị Một Cửa"),
    ),
    session=SessionId("sid-7"),
    account=LocalAccount(system=SystemId("onestop"), account=AccountId("tuyet85")),
)


def form(
    now: int = NOW,
    *,
    jti: str = "j1",
    state: str | None = None,
    system: System = SYSTEM,
    result: SignInResult = RESULT,
    issuer: str = ISSUER,
    **claims: object,
) -> dict[str, str]:
    return ticket_form(system, result, claims, issuer=issuer, now=now, jti=jti, state=state)


def ticket(now: int = NOW, **changes: Any) -> str:
    return form(now, **changes)["ticket"]


def logout_ticket(now: int = NOW, *, sid: str = "s", jti: str = "j") -> str:
    return logout_ticket_form(SYSTEM, sub="p", sid=sid, issuer=ISSUER, now=now, jti=jti)["ticket"]


def unverified(token: str) -> dict[str, object]:
    return dict(
        jwt.decode(
            token,
            SECRET,
            algorithms=["HS256"],
            audience="onestop",
            options={"verify_exp": False, "verify_iat": False},
        )
    )


def test_another_library_reads_exactly_what_was_said() -> None:
    token = ticket(name="Lê Thị Một Cửa")
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "ticket+jwt"}
    assert unverified(token) == {
        "name": "Lê Thị Một Cửa",
        "iss": ISSUER,
        "aud": "onestop",
        "sub": "pairwise-7",
        "sid": "sid-7",
        "iat": NOW,
        "exp": NOW + 60,
        "jti": "j1",
        "acr": "LoA2",
        "auth_time": NOW - 60,
        "local_account": "tuyet85",
    }


def test_our_internal_subject_never_leaves() -> None:
    assert "internal-subject" not in str(unverified(ticket()))


def test_mapped_claims_cannot_overwrite_what_the_ticket_itself_says() -> None:
    token = ticket(sub="somebody", aud="onestop", acr="LoA9", exp=1, local_account="root")
    claims = unverified(token)
    assert (claims["sub"], claims["acr"]) == ("pairwise-7", "LoA2")
    assert (claims["exp"], claims["local_account"]) == (NOW + 60, "tuyet85")


def test_without_an_account_no_account_is_named() -> None:
    token = ticket(result=replace(RESULT, account=None))
    assert "local_account" not in unverified(token)


def test_a_logout_ticket_names_the_session_and_is_of_another_type() -> None:
    token = logout_ticket()
    assert jwt.get_unverified_header(token)["typ"] == "logout-ticket+jwt"
    assert unverified(token) == {
        "iss": ISSUER, "aud": "onestop", "sub": "p", "sid": "s",
        "iat": NOW, "exp": NOW + 120, "jti": "j",
    }  # fmt: skip


# --- the return address --------------------------------------------------------------------------


def test_the_registered_address_is_verified_and_is_the_default() -> None:
    assert verify_return(SYSTEM, RETURN).url == RETURN
    assert verify_return(SYSTEM, None).url == RETURN


@pytest.mark.parametrize(
    "asked",
    ["", RETURN + "/", RETURN + "?x=1", RETURN.upper(), "https://evil.test/", HOME, RETURN + "%2f"],
)
def test_any_other_byte_is_refused(asked: str) -> None:
    with pytest.raises(ReturnAddressRefused):
        verify_return(SYSTEM, asked)


def test_with_two_addresses_one_must_be_named() -> None:
    two = replace(SYSTEM, ticket=TicketSettings(return_urls=(RETURN, HOME), secrets=(SECRET,)))
    assert verify_return(two, HOME).url == HOME
    with pytest.raises(ReturnAddressRefused):
        verify_return(two, None)


def test_a_system_of_another_dialect_has_no_tickets() -> None:
    other = replace(SYSTEM, dialect=Dialect.OIDC, ticket=None)
    with pytest.raises(ReturnAddressRefused):
        verify_return(other, RETURN)
    with pytest.raises(ReturnAddressRefused):
        ticket(system=other)


# --- the stand-in of 2009 ------------------------------------------------------------------------


@pytest.fixture
def browser(tmp_path: Path) -> httpx.AsyncClient:
    application = OneStop(
        StandInSettings(
            name_vi="Một cửa",
            name_en="One-stop",
            address=HOME,
            issuer=ISSUER,
            database=str(tmp_path / "onestop.sqlite"),
            ticket_secret=SECRET,
            verify_secret="v-secret",
            old_accounts=({"account": "tuyet85", "password": "cũ-2009", "name": "Lê Một Cửa"},),
        )
    ).application
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url=HOME)


async def begun(browser: httpx.AsyncClient) -> str:
    """The state that the application gave this browser."""
    there = await browser.get("/login")
    (state,) = parse_qs(urlsplit(there.headers["location"]).query)["state"]
    return state


async def take(browser: httpx.AsyncClient, **fields: str) -> int:
    """What comes of a posted form in the end."""
    answered = await browser.post("/ticket", data=fields)
    if answered.status_code == 303:
        answered = await browser.get(answered.headers["location"])
    return answered.status_code


async def enter(browser: httpx.AsyncClient, now: int | None = None, **changes: Any) -> int:
    state = await begun(browser)
    return await take(browser, **form(now or int(time.time()), state=state, **changes))


async def local_account(browser: httpx.AsyncClient) -> object:
    return (await browser.get("/whoami")).json()["local_account"]


async def test_a_ticket_enters_under_the_old_user_name(browser: httpx.AsyncClient) -> None:
    assert await local_account(browser) is None
    assert await enter(browser) == 303
    assert await local_account(browser) == "tuyet85"
    assert "Xin chào Lê Một Cửa" in (await browser.get("/")).text
    assert "Hello Lê Một Cửa" in (await browser.get("/?lang=en")).text


async def test_a_ticket_is_taken_once(browser: httpx.AsyncClient) -> None:
    token = ticket(int(time.time()), state=await begun(browser))
    assert [await take(browser, ticket=token), await take(browser, ticket=token)] == [303, 403]


async def test_of_twenty_posts_of_one_ticket_one_enters(browser: httpx.AsyncClient) -> None:
    token = ticket(int(time.time()), state=await begun(browser))
    outcomes = await asyncio.gather(*(take(browser, ticket=token) for _ in range(20)))
    assert outcomes.count(303) == 1


async def test_the_ticket_of_somebody_else_does_not_enter_in_this_browser(
    browser: httpx.AsyncClient,
) -> None:
    now = int(time.time())
    mine = await begun(browser)
    foreign = [
        ticket(now, jti="a", state="made-for-another-browser"),
        ticket(now, jti="b"),
        ticket(now, jti="c", state=mine[:-1]),
    ]
    assert [await take(browser, ticket=token) for token in foreign] == [403] * 3
    assert await local_account(browser) is None
    assert await take(browser, ticket=ticket(now, jti="d", state=mine)) == 303


async def test_a_browser_that_began_nothing_is_not_signed_in(browser: httpx.AsyncClient) -> None:
    for state in (None, ""):
        assert await take(browser, ticket=ticket(int(time.time()), state=state)) == 403
    assert await local_account(browser) is None


async def test_a_state_counts_for_one_entry(browser: httpx.AsyncClient) -> None:
    state, now = await begun(browser), int(time.time())
    assert await take(browser, ticket=ticket(now, jti="a", state=state)) == 303
    assert await take(browser, ticket=ticket(now, jti="b", state=state)) == 403


async def test_a_ticket_that_is_old_foreign_or_forged_is_refused(
    browser: httpx.AsyncClient,
) -> None:
    now, state = int(time.time()), await begun(browser)
    good = ticket(now, state=state)
    head, body, signature = good.split(".")
    weak = replace(SYSTEM, ticket=TicketSettings(return_urls=(RETURN,), secrets=("x" * 40,)))
    eternal = {
        "aud": "onestop", "iss": ISSUER, "jti": "e", "exp": now + 10**6, "state": state,
        "local_account": "root", "sid": "s",
    }  # fmt: skip
    typ = {"typ": "ticket+jwt"}
    refused = [
        ticket(now - 61, state=state),
        ticket(now + 20, state=state),
        jwt.encode(eternal | {"iat": now - 121}, SECRET, headers=typ),
        jwt.encode(eternal, SECRET, headers=typ),
        ticket(now, state=state, system=replace(SYSTEM, system_id=SystemId("other"))),
        ticket(now, state=state, system=weak),
        ticket(now, state=state, issuer="https://evil.test"),
        logout_ticket(now),
        jwt.encode({"aud": "onestop"}, None, algorithm="none"),
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        "",
        "a.b",
    ]
    assert [await take(browser, ticket=token) for token in refused] == [403] * len(refused)
    assert await local_account(browser) is None
    assert await take(browser, ticket=good) == 303


# --- while the secret is replaced ----------------------------------------------------------------

NEW_SECRET = "t2-abcdefghijklmnopqrstuvwxyz0123456789"


def replacing(*secrets: str) -> System:
    return replace(SYSTEM, ticket=TicketSettings(return_urls=(RETURN,), secrets=secrets))


def test_with_two_secrets_a_ticket_travels_under_each_of_them() -> None:
    both = form(system=replacing(SECRET, NEW_SECRET))
    first = jwt.decode(both["ticket"], options={"verify_signature": False})
    second = jwt.decode(both["ticket_2"], options={"verify_signature": False})
    assert first == second
    for name, secret in (("ticket", SECRET), ("ticket_2", NEW_SECRET)):
        assert old_application(both[name], secret, verify_exp=False)["jti"] == "j1"
    assert set(form()) == {"ticket"}


@pytest.mark.parametrize(
    "secrets",
    [(SECRET,), (SECRET, NEW_SECRET), (NEW_SECRET, SECRET)],
)
async def test_at_every_moment_of_a_replacement_the_one_secret_of_the_application_enters(
    browser: httpx.AsyncClient, secrets: tuple[str, ...]
) -> None:
    assert await enter(browser, system=replacing(*secrets)) == 303
    gone = logout_ticket_form(
        replacing(*secrets), sub="p", sid="sid-7", issuer=ISSUER, now=int(time.time()), jti="o"
    )
    assert (await browser.post("/logout-ticket", data=gone)).status_code == 200
    assert await local_account(browser) is None


async def test_a_secret_that_was_taken_away_enters_no_more(browser: httpx.AsyncClient) -> None:
    assert await enter(browser, system=replacing(NEW_SECRET)) == 403


async def test_the_two_forms_of_one_ticket_enter_once(browser: httpx.AsyncClient) -> None:
    state = await begun(browser)
    both = form(int(time.time()), state=state, system=replacing(SECRET, NEW_SECRET))
    assert await take(browser, **both) == 303
    swapped = {"ticket": both["ticket_2"], "ticket_2": both["ticket"]}
    await begun(browser)
    assert await take(browser, **swapped) == 403


# --- an old application that verifies with python-jose -------------------------------------------


def old_application(token: str, secret: str = SECRET, **options: bool) -> dict[str, Any]:
    """What the guide asks of an application, with the library that such applications use."""
    if jose_jwt.get_unverified_header(token).get("typ") != "ticket+jwt":
        raise JWTError("typ")
    return dict(
        jose_jwt.decode(
            token, secret, algorithms=["HS256"], audience="onestop", issuer=ISSUER, options=options
        )
    )


def test_python_jose_reads_what_was_said() -> None:
    claims = old_application(ticket(int(time.time()), state="s-1", name="Lê Thị Một Cửa"))
    assert (claims["local_account"], claims["state"]) == ("tuyet85", "s-1")
    assert claims["name"] == "Lê Thị Một Cửa"


@pytest.mark.parametrize(
    "changes",
    [
        {"now": int(time.time()) - 120},
        {"issuer": "https://evil.test"},
        {"system": replace(SYSTEM, system_id=SystemId("other"))},
        {"system": replacing(NEW_SECRET)},
    ],
)
def test_python_jose_refuses_what_is_old_foreign_or_forged(changes: dict[str, Any]) -> None:
    with pytest.raises(JWTError):
        old_application(ticket(**({"now": int(time.time())} | changes)))


def test_python_jose_tells_a_logout_from_a_sign_in() -> None:
    with pytest.raises(JWTError):
        old_application(logout_ticket(int(time.time())))


# --- the application's own state -----------------------------------------------------------------


def test_a_state_is_inside_the_signature_and_absent_where_none_was_sent() -> None:
    assert unverified(ticket(state="abc"))["state"] == "abc"
    assert "state" not in unverified(ticket())


@pytest.mark.parametrize("state", ["a", "~ !", "x" * MAX_STATE])
def test_short_printable_text_is_a_state(state: str) -> None:
    assert verify_state(state) == state


@pytest.mark.parametrize("state", ["x" * (MAX_STATE + 1), "a\nb", "a\x7f", "ơ", "a\u200bb", "\x00"])
def test_a_state_that_is_long_or_unprintable_is_refused(state: str) -> None:
    with pytest.raises(StateRefused):
        verify_state(state)


# --- the rest of the stand-in --------------------------------------------------------------------


async def test_a_logout_ticket_ends_the_session_that_it_names(browser: httpx.AsyncClient) -> None:
    now = int(time.time())
    await enter(browser)
    for sid, left in (("another", "tuyet85"), ("sid-7", None)):
        token = logout_ticket(now, sid=sid, jti=sid)
        answer = await browser.post("/logout-ticket", data={"ticket": token})
        assert (answer.status_code, await local_account(browser)) == (200, left)


async def test_a_sign_in_ticket_does_not_log_out(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/logout-ticket", data={"ticket": ticket(int(time.time()))})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("bearer", "account", "password", "status"),
    [
        ("v-secret", "tuyet85", "cũ-2009", 200),
        ("v-secret", "tuyet85", "sai", 403),
        ("v-secret", "nobody", "", 403),
        ("guess", "tuyet85", "cũ-2009", 401),
    ],
)
async def test_the_old_password_is_checked_only_for_who_shows_the_secret(
    browser: httpx.AsyncClient, bearer: str, account: str, password: str, status: int
) -> None:
    answer = await browser.post(
        "/verify-account",
        json={"account": account, "password": password},
        headers={"authorization": f"Bearer {bearer}"},
    )
    assert answer.status_code == status


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 100_000, b"\xff"])
async def test_a_malformed_question_is_answered_400(
    browser: httpx.AsyncClient, body: bytes
) -> None:
    answer = await browser.post(
        "/verify-account", content=body, headers={"authorization": "Bearer v-secret"}
    )
    assert answer.status_code == 400


async def test_a_deeply_nested_unsigned_ticket_is_refused(browser: httpx.AsyncClient) -> None:
    deep = urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=")
    assert await take(browser, ticket=f"{deep}.{deep}.AAAA") == 403


async def test_without_secrets_of_its_own_the_stand_in_believes_nobody(tmp_path: Path) -> None:
    settings = StandInSettings(
        name_vi="a", name_en="a", address=HOME, issuer=ISSUER, database=str(tmp_path / "x"),
        old_accounts=({"account": "a", "password": "p", "name": "n"},),
    )  # fmt: skip
    transport = httpx.ASGITransport(app=OneStop(settings).application)
    async with httpx.AsyncClient(transport=transport, base_url=HOME) as bare:
        asked = await bare.post(
            "/verify-account",
            json={"account": "a", "password": "p"},
            headers={"authorization": "Bearer "},
        )
        assert asked.status_code == 401
        head, body, _ = ticket(int(time.time())).split(".")
        unkeyed = hmac.digest(b"", f"{head}.{body}".encode(), "sha256")
        forged = urlsafe_b64encode(unkeyed).decode().rstrip("=")
        assert await take(bare, ticket=f"{head}.{body}.{forged}") == 403


async def test_signing_in_and_out_goes_by_way_of_the_provider(browser: httpx.AsyncClient) -> None:
    there = await browser.get("/login")
    assert there.headers["location"].startswith(f"{ISSUER}/ticket?system=onestop&return_url=")
    await enter(browser)
    out = await browser.get("/logout")
    assert out.headers["location"] == f"{ISSUER}/logout"
    assert await local_account(browser) is None
    assert (await browser.get("/healthz")).json() == {"status": "ok"}

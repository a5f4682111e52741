"""The one-time ticket, read back by an independent library and by a stand-in of 2009."""

import hmac
import time
from base64 import urlsafe_b64encode
from dataclasses import replace
from pathlib import Path

import httpx
import jwt
import pytest

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
from connectors.errors import ReturnAddressRefused
from connectors.registry import System, TicketSettings
from connectors.simulators.onestop import OneStop
from connectors.simulators.stand_in import StandInSettings
from connectors.systems.signed_ticket import make_logout_ticket, make_ticket, verify_return

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
    ticket=TicketSettings(return_urls=(RETURN,), secret=SECRET),
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


def ticket(now: int = NOW, jti: str = "j1", system: System = SYSTEM, **claims: object) -> str:
    return make_ticket(system, RESULT, claims, issuer=ISSUER, now=now, jti=jti)


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
    token = make_ticket(SYSTEM, replace(RESULT, account=None), {}, issuer=ISSUER, now=NOW, jti="j")
    assert "local_account" not in unverified(token)


def test_a_logout_ticket_names_the_session_and_is_of_another_type() -> None:
    token = make_logout_ticket(SYSTEM, sub="p", sid="s", issuer=ISSUER, now=NOW, jti="j")
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
    two = replace(SYSTEM, ticket=TicketSettings(return_urls=(RETURN, HOME), secret=SECRET))
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


async def post(browser: httpx.AsyncClient, token: str) -> int:
    return (await browser.post("/ticket", data={"ticket": token})).status_code


async def local_account(browser: httpx.AsyncClient) -> object:
    return (await browser.get("/whoami")).json()["local_account"]


async def test_a_ticket_enters_under_the_old_user_name(browser: httpx.AsyncClient) -> None:
    assert await local_account(browser) is None
    assert await post(browser, ticket(int(time.time()))) == 303
    assert await local_account(browser) == "tuyet85"
    assert "Xin chào Lê Một Cửa" in (await browser.get("/")).text
    assert "Hello Lê Một Cửa" in (await browser.get("/?lang=en")).text


async def test_a_ticket_is_taken_once(browser: httpx.AsyncClient) -> None:
    token = ticket(int(time.time()))
    assert [await post(browser, token), await post(browser, token)] == [303, 403]


async def test_a_ticket_that_is_old_foreign_or_forged_is_refused(
    browser: httpx.AsyncClient,
) -> None:
    now = int(time.time())
    good = ticket(now)
    head, body, signature = good.split(".")
    weak = replace(SYSTEM, ticket=TicketSettings(return_urls=(RETURN,), secret="x" * 40))
    refused = [
        ticket(now - 61),
        ticket(now, system=replace(SYSTEM, system_id=SystemId("other"))),
        ticket(now, system=weak),
        make_ticket(SYSTEM, RESULT, {}, issuer="https://evil.test", now=now, jti="j"),
        make_logout_ticket(SYSTEM, sub="p", sid="s", issuer=ISSUER, now=now, jti="j"),
        jwt.encode({"aud": "onestop"}, None, algorithm="none"),
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        "",
        "a.b",
    ]
    assert [await post(browser, token) for token in refused] == [403] * len(refused)
    assert await local_account(browser) is None
    assert await post(browser, good) == 303


async def test_a_logout_ticket_ends_the_session_that_it_names(browser: httpx.AsyncClient) -> None:
    now = int(time.time())
    await post(browser, ticket(now))
    for sid, left in (("another", "tuyet85"), ("sid-7", None)):
        token = make_logout_ticket(SYSTEM, sub="p", sid=sid, issuer=ISSUER, now=now, jti=sid)
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
    assert await post(browser, f"{deep}.{deep}.AAAA") == 403


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
        assert await post(bare, f"{head}.{body}.{forged}") == 403


async def test_signing_in_and_out_goes_by_way_of_the_provider(browser: httpx.AsyncClient) -> None:
    there = await browser.get("/login")
    assert there.headers["location"].startswith(f"{ISSUER}/ticket?system=onestop&return_url=")
    await post(browser, ticket(int(time.time())))
    out = await browser.get("/logout")
    assert out.headers["location"] == f"{ISSUER}/logout"
    assert await local_account(browser) is None
    assert (await browser.get("/healthz")).json() == {"status": "ok"}

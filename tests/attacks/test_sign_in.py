"""Group P of the adversarial cases, and the pages of the sign-in."""

import asyncio
import hashlib
import hmac
import json
import re
import unicodedata
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from unicodedata import normalize

import httpx
import pytest

from connectors.contract import AccountId, Proven, SessionId, SystemId
from connectors.links.model import Evidence, LinkState, Transition
from connectors.links.sql import SqlLinks
from connectors.verifiers.password_file import PasswordFileVerifier
from idp.adapters import open_stores
from idp.audit.writer import BatchingAudit
from idp.authn.password import PasswordHasher
from idp.authn.totp import code_at, step_of
from idp.errors import Overloaded
from idp.store.session_ends import SqlSessionEnds
from tests.fixtures_world import (
    ISSUER,
    SECRET_2,
    Browser,
    Fields,
    World,
    answer,
)
from tests.tokens import claims_of, header_of

RP2 = "https://rp2.test/cb"


async def login_page(browser: Browser, **changes: str | None) -> object:
    return await browser.follow(await browser.authorize(**changes))


def neutral(html: str) -> str:
    """A page without what differs by chance, and without the name that the person typed."""
    return re.sub(r'[0-9a-f]{16,}|(?<=autocomplete="username" value=")[^"]*', "#", html)


async def test_unknown_wrong_and_disabled_look_the_same(world: World) -> None:
    bodies = []
    for username in ("nobody", world.alice.account.username, world.dora.account.username):
        browser = world.browser()
        page = await login_page(browser)
        right = world.dora.password if username == "dora" else "x" * 20
        response = await browser.submit(page, username=username, password=right)
        assert response.status_code == 200
        assert f'value="{username}"' in response.text  # what was typed, and nothing else
        bodies.append(neutral(response.text.replace(f'value="{username}"', 'value=""')))
    assert bodies[0] == bodies[1] == bodies[2]
    assert "không đúng" in bodies[0]


async def test_twins_of_a_user_name_share_one_counter(world: World) -> None:
    browser = world.browser()
    twins = ["anh.tuyet", "ANH.TUYET", "Anh.Tuyet ", "ａｎｈ.tuyet", "anh.TUYET"]
    for name in twins:
        page = await login_page(browser)
        await browser.submit(page, username=name, password="x" * 20)
    page = await login_page(browser)
    response = await browser.submit(page, username="anh.tuyet", password="x" * 20)
    assert response.status_code == 429
    assert 0 < int(response.headers["retry-after"]) <= 900


async def test_a_stranger_cannot_lock_somebody_out(world: World) -> None:
    own = world.browser()
    await own.tokens(world.alice)
    for host in range(30):
        stranger = world.browser(f"192.0.2.{host}")
        for _ in range(4):
            page = await login_page(stranger)
            await stranger.submit(page, username="anh.tuyet", password="x" * 20)
    stranger = world.browser("192.0.2.200")
    page = await login_page(stranger)
    blocked = await stranger.submit(page, username="anh.tuyet", password=world.alice.password)
    assert blocked.status_code == 429
    tokens = await own.tokens(world.alice, prompt="login")
    assert tokens["access_token"]


@pytest.mark.parametrize(
    "stage",
    [{"otp": "000000"}, {}, {"decision": "allow"}, {"account": "x", "decision": "claim"}],
    ids=["P08-otp-first", "P08-empty", "P08-consent-first", "P08-claim-first"],
)
@pytest.mark.parametrize("after_password", [False, True])
async def test_no_stage_can_be_skipped(
    world: World, stage: dict[str, str], *, after_password: bool
) -> None:
    browser = world.browser()
    page = await login_page(browser)
    if after_password:
        page = await browser.submit(page, username="anh.tuyet", password=world.alice.password)
    response = await browser.submit(page, **stage)
    assert response.status_code == 200
    assert "__Host-lt-session" not in browser.http.cookies
    assert ('name="otp"' in response.text) is after_password, "the step did not move"


async def test_a_stage_passed_in_one_tab_is_not_passed_in_the_other(world: World) -> None:
    """P08."""
    browser = world.browser()
    first, second = await login_page(browser), await login_page(browser)
    await browser.submit(first, username="anh.tuyet", password=world.alice.password)
    response = await browser.submit(second, otp=world.otp(world.alice))
    assert "__Host-lt-session" not in browser.http.cookies
    assert 'name="password"' in response.text
    mixed = Fields(first.text).values | {"flow": Fields(second.text).values["flow"]}
    crossed = await browser.http.post("/sign-in", data=mixed | {"otp": world.otp(world.alice)})
    assert crossed.status_code == 403


@pytest.mark.parametrize(
    "stage",
    [
        {},
        {"otp": "000000"},
        {"account": "tuyetnt85", "decision": "claim"},
        {"username": "anh.tuyet"},
    ],
    ids=["P08-empty", "P08-otp", "P08-claim", "P08-login"],
)
async def test_the_question_for_consent_cannot_be_skipped(
    world: World, stage: dict[str, str]
) -> None:
    browser = world.browser()
    start = await browser.authorize(client_id="c2", redirect_uri=RP2)
    page = await browser.sign_in(world.alice, start)
    response = await browser.submit(page, **stage)
    assert response.status_code == 200
    assert 'value="allow"' in response.text, "the question is still asked"


@pytest.mark.parametrize(
    "stage",
    [{}, {"otp": "000000"}, {"decision": "allow"}, {"username": "anh.tuyet"}],
    ids=["P08-empty", "P08-otp", "P08-consent", "P08-login"],
)
async def test_the_proof_of_an_old_account_cannot_be_skipped(
    world: World, stage: dict[str, str]
) -> None:
    browser = world.browser()
    page = await browser.sign_in(world.alice, await browser.http.get("/ticket?system=onestop"))
    response = await browser.submit(page, **stage)
    assert response.status_code == 200
    assert 'name="account"' in response.text, "the old account is still asked for"
    assert 'name="ticket"' not in response.text


async def test_going_back_passes_nothing_again(world: World) -> None:
    """P08: the pages of a finished flow are worth nothing, nor is their code."""
    browser = world.browser()
    login = await login_page(browser)
    otp_page = await browser.submit(login, username="anh.tuyet", password=world.alice.password)
    code = world.otp(world.alice)
    assert "code" in answer(await browser.submit(otp_page, otp=code))
    thief = world.browser()
    for name, value in browser.http.cookies.items():
        if "flow" in name:
            thief.http.cookies.set(name, value)
    for old in (login, otp_page):
        for other in (browser, thief):
            assert (await other.submit(old, otp=code)).status_code == 400


async def test_a_known_device_is_no_factor(world: World) -> None:
    """P11: its cookie alone opens no session, and a lower level opens no higher one."""
    browser = world.browser()
    await browser.tokens(world.alice)
    device = world.browser()
    device.http.cookies.set("__Host-lt-device", browser.http.cookies["__Host-lt-device"])
    assert answer(await device.authorize(prompt="none"))["error"] == "login_required"
    assert 'name="password"' in (await login_page(device)).text
    low = world.browser("203.0.113.60")
    await low.tokens(world.pat)
    high = {"client_id": "high", "redirect_uri": "https://high.test/cb", "scope": "openid"}
    assert answer(await low.authorize(prompt="none", **high))["error"] == "login_required"
    wish = '{"id_token":{"acr":{"essential":true,"values":["LoA2"]}}}'
    told = answer(await low.authorize(prompt="none", claims=wish))
    assert told["error"] == "login_required"
    page = await low.follow(await low.authorize(claims=wish))
    assert 'name="otp"' not in page.text, "there is no second factor to ask for"


PASSWORDS = {
    "P05-1024-characters": ("x" * 1024, "x" * 1024, True),
    "P05-1025-characters": ("x" * 1024, "x" * 1025, False),
    "P05-spaces": ("bốn chữ có khoảng trắng", "bốn chữ có khoảng trắng", True),
    "P05-emoji": ("🐃🐃🐃🐃🐃🐃🐃🐃", "🐃🐃🐃🐃🐃🐃🐃🐃", True),
    "P05-nfc-nfd": ("mật khẩu tiếng Việt", normalize("NFD", "mật khẩu tiếng Việt"), True),
    "P05-72-bytes-other-tail": ("a" * 72 + "đúng", "a" * 72 + "sai!", False),
    "P05-trailing-space": ("mười lăm chữ cái ", "mười lăm chữ cái", False),
    "case": ("Mật Khẩu Của Tôi", "mật khẩu của tôi", False),
}


@pytest.mark.parametrize(("stored", "typed", "fits"), PASSWORDS.values(), ids=PASSWORDS)
async def test_a_password_is_compared_whole(
    world: World, stored: str, typed: str, *, fits: bool
) -> None:
    hasher = PasswordHasher(workers=1, queue_limit=2)
    async with open_stores(world.settings, world.clock) as stores:
        subject = world.alice.account.subject
        await stores.accounts.set_password_hash(subject, await hasher.hash(stored))
    hasher.close()
    browser = world.browser()
    page = await login_page(browser)
    response = await browser.submit(page, username="anh.tuyet", password=typed)
    assert ('name="otp"' in response.text) is fits


@pytest.mark.parametrize("who", ["unknown", "wrong", "disabled"])
async def test_a_rejected_sign_in_answers_with_the_same_status_and_headers(
    world: World, who: str
) -> None:
    """P01: nothing but chance differs from the answer to a name that nobody has."""
    seen = []
    names = {"unknown": "nobody", "wrong": "anh.tuyet", "disabled": "dora"}
    for username in ("nobody.else", names[who]):
        browser = world.browser()
        page = await login_page(browser)
        password = world.dora.password if username == "dora" else "x" * 20
        response = await browser.submit(page, username=username, password=password)
        varying = ("content-security-policy", "correlation-id", "content-length")
        headers = [(k, v) for k, v in response.headers.items() if k not in varying]
        seen.append((response.status_code, headers, neutral(response.text)))
    assert seen[0] == seen[1]


async def test_a_passed_stage_is_answered_with_a_redirect(world: World) -> None:
    """What follows can be reloaded, and gone back to, without the password being sent again."""
    browser = world.browser()
    page = await login_page(browser)
    form = Fields(page.text)  # type: ignore[attr-defined]
    typed = {"username": "anh.tuyet", "password": world.alice.password}
    passed = await browser.http.post("/sign-in", data=form.values | typed)
    assert (passed.status_code, passed.content) == (303, b"")
    assert passed.headers["location"] == f"/sign-in?flow={form.values['flow']}"
    for _ in range(2):
        reloaded = await browser.http.get(passed.headers["location"])
        assert "one-time-code" in reloaded.text
    assert "__Host-lt-session" not in browser.http.cookies


async def test_another_user_name_can_be_given_before_the_code(world: World) -> None:
    browser = world.browser()
    page = await login_page(browser)
    page = await browser.submit(page, username="anh.tuyet", password=world.alice.password)
    assert 'value="restart"' in page.text
    page = await browser.submit(page, decision="restart")
    assert "current-password" in page.text
    page = await browser.submit(page, username="bao.khanh", password=world.bob.password)
    assert "code" in answer(await browser.submit(page, otp=world.otp(world.bob)))


async def test_the_second_stage_belongs_to_the_person_of_the_first(world: World) -> None:
    browser = world.browser()
    page = await login_page(browser)
    page = await browser.submit(page, username="anh.tuyet", password=world.alice.password)
    response = await browser.submit(page, otp=world.otp(world.bob))
    assert "__Host-lt-session" not in browser.http.cookies
    assert "wrong" in response.text or "Mã không đúng" in response.text


async def test_a_code_of_the_authenticator_counts_once(world: World) -> None:
    first, second = world.browser(), world.browser("203.0.113.50")
    code = world.otp(world.alice)
    results = []
    for browser in (first, second):
        page = await login_page(browser)
        page = await browser.submit(page, username="anh.tuyet", password=world.alice.password)
        results.append(await browser.submit(page, otp=code))
    assert results[0].status_code == 303
    assert results[1].status_code == 200
    older = code_at(world.alice.totp, step_of(int(world.clock.now)) - 1)
    page = results[1]
    assert (await second.submit(page, otp=older)).status_code == 200


async def test_cookies_are_host_bound_and_a_planted_twin_is_ignored(world: World) -> None:
    browser = world.browser()
    page = await login_page(browser)
    page = await browser.submit(page, username="anh.tuyet", password=world.alice.password)
    response = await browser.submit(page, otp=world.otp(world.alice))
    for cookie in response.headers.get_list("set-cookie"):
        assert cookie.startswith("__Host-lt-")
        assert all(flag in cookie for flag in ("Path=/", "HttpOnly", "SameSite=Lax", "Secure"))
    session = browser.http.cookies["__Host-lt-session"]
    bare = world.browser()
    header = {"cookie": f"__Host-lt-session={session}; __Host-lt-session=planted"}
    twin = await bare.http.get(
        "/authorize", params=world.authorization(prompt="none"), headers=header
    )
    assert answer(twin)["error"] == "login_required"
    many = "; ".join(f"c{n}=x" for n in range(200)) + f"; __Host-lt-session={session}"
    found = await bare.http.get(
        "/authorize", params=world.authorization(prompt="none"), headers={"cookie": many}
    )
    assert "code" in answer(found)


@pytest.mark.parametrize(
    "password", ["x" * 1025, "x" * 60_000, "", "x" * 1_000_000],
    ids=["1025", "60-kB", "empty", "P05-1-MB"],
)  # fmt: skip
async def test_text_that_cannot_be_a_password_is_refused_before_hashing(
    world: World, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hashed(*_args: object) -> None:
        raise AssertionError("it was hashed")

    monkeypatch.setattr(PasswordHasher, "verify", hashed)
    monkeypatch.setattr(PasswordHasher, "verify_nobody", hashed)
    browser = world.browser()
    page = await login_page(browser)
    response = await browser.submit(page, username="anh.tuyet", password=password)
    assert response.status_code == (200 if len(password) < 2000 else 400)
    assert "__Host-lt-session" not in browser.http.cookies


async def test_a_flow_ends_after_fifteen_minutes(world: World) -> None:
    browser = world.browser()
    page = await login_page(browser)
    world.clock.now += 901
    response = await browser.submit(page, username="anh.tuyet", password=world.alice.password)
    assert response.status_code == 400


async def test_consent_is_asked_once_and_denial_releases_nothing(world: World) -> None:
    browser = world.browser()
    start = await browser.authorize(client_id="c2", redirect_uri=RP2)
    page = await browser.sign_in(world.alice, start)
    assert "Ứng dụng hai" in page.text
    assert "https://rp2.test" in page.text
    assert answer(await browser.submit(page, decision="deny"))["error"] == "access_denied"
    page = await login_page(browser, client_id="c2", redirect_uri=RP2)
    assert "code" in answer(await browser.submit(page, decision="allow"))
    assert "code" in answer(await browser.authorize(client_id="c2", redirect_uri=RP2))
    page = await login_page(browser, client_id="c2", redirect_uri=RP2, prompt="consent")
    assert "code" in answer(await browser.submit(page, decision="allow"))


async def test_the_id_token_carries_claims_where_the_registration_says_so(world: World) -> None:
    browser = world.browser()
    page = await browser.sign_in(
        world.alice, await browser.authorize(client_id="c2", redirect_uri=RP2)
    )
    code = answer(await browser.submit(page, decision="allow"))["code"]
    tokens = (await world.redeem(code, "c2")).json()
    assert header_of(tokens["id_token"])["alg"] == "RS256"
    assert claims_of(tokens["id_token"])["name"] == world.alice.account.attributes.full_name


async def refreshed(world: World, client_id: str, tokens: dict[str, str], **more: str) -> object:
    """The claims of the next ID token, without what belongs to one token alone."""
    response = await world.token(
        client_id, grant_type="refresh_token", refresh_token=tokens["refresh_token"], **more
    )
    assert response.status_code == 200, response.text
    return lasting(claims_of(response.json()["id_token"]))


def lasting(claims: dict[str, object]) -> dict[str, object]:
    return {n: v for n, v in claims.items() if n not in ("iat", "exp", "at_hash", "nonce")}


async def test_a_refreshed_id_token_says_what_the_first_said(world: World) -> None:
    """OIDC Core §12.2, where the registration puts claims into it."""
    browser = world.browser()
    page = await browser.sign_in(
        world.alice, await browser.authorize(client_id="c2", redirect_uri=RP2)
    )
    code = answer(await browser.submit(page, decision="allow"))["code"]
    tokens = (await world.redeem(code, "c2")).json()
    first = lasting(claims_of(tokens["id_token"]))
    assert "name" in first
    assert await refreshed(world, "c2", tokens) == first


async def test_a_refreshed_id_token_holds_the_claims_that_were_asked_for_by_name(
    world: World,
) -> None:
    wish = json.dumps({"id_token": {"email": None}, "userinfo": {"birthdate": None}})
    tokens = await world.browser().tokens(world.alice, claims=wish)
    first = lasting(claims_of(tokens["id_token"]))
    assert "email" in first
    assert "birthdate" not in first
    assert await refreshed(world, "c1", tokens) == first


async def test_a_refreshed_id_token_of_fewer_scopes_says_less(world: World) -> None:
    browser = world.browser()
    page = await browser.sign_in(
        world.alice, await browser.authorize(client_id="c2", redirect_uri=RP2)
    )
    code = answer(await browser.submit(page, decision="allow"))["code"]
    tokens = (await world.redeem(code, "c2")).json()
    assert "name" not in await refreshed(world, "c2", tokens, scope="openid")  # type: ignore[operator]


async def test_level_two_asks_for_the_second_factor_or_says_why_not(world: World) -> None:
    browser = world.browser()
    start = await browser.authorize(
        client_id="high", redirect_uri="https://high.test/cb", scope="openid"
    )
    page = await browser.sign_in(world.pat, start)
    assert "hai bước" in page.text
    told = answer(await browser.submit(page, decision="continue"))
    assert told["error"] == "unmet_authentication_requirements"
    silent = await browser.authorize(acr_values="LoA2", prompt="none")
    assert answer(silent)["error"] == "login_required"
    assert "code" in answer(await browser.authorize(acr_values="LoA1 LoA2"))


async def test_max_age_asks_again_and_then_is_content(world: World) -> None:
    browser = world.browser()
    await browser.tokens(world.alice)
    world.clock.now += 120
    assert "code" in answer(await browser.authorize(max_age="600"))
    tokens = await browser.tokens(world.alice, max_age="60")
    assert claims_of(tokens["id_token"])["auth_time"] >= world.clock.now - 60


async def test_a_hint_at_one_person_never_answers_for_another(world: World) -> None:
    browser = world.browser()
    alices = await browser.tokens(world.alice)
    hint = alices["id_token"]
    assert "code" in answer(await browser.authorize(id_token_hint=hint, prompt="none"))
    other = world.browser("203.0.113.9")
    start = await other.authorize(id_token_hint=hint)
    told = answer(await other.sign_in(world.bob, start))
    assert told["error"] == "login_required"
    garbage = await browser.authorize(id_token_hint="garbage")
    assert answer(garbage)["error"] == "login_required"


async def test_pages_speak_both_languages_and_remember(world: World) -> None:
    browser = world.browser()
    page = await login_page(browser)
    assert '<html lang="vi">' in page.text  # type: ignore[attr-defined]
    english = await browser.http.get(str(page.url) + "&lang=en")  # type: ignore[attr-defined]
    assert '<html lang="en">' in english.text
    page = await login_page(browser, ui_locales="en")
    assert "Sign in" in page.text  # type: ignore[attr-defined]
    home = await browser.http.get("/")
    assert '<html lang="en">' in home.text


async def test_an_answer_can_travel_by_form(world: World) -> None:
    browser = world.browser()
    await browser.tokens(world.alice)
    response = await browser.authorize(response_mode="form_post")
    form = Fields(response.text)
    assert form.actions == ["https://rp1.test/cb"]
    assert form.values["iss"] == ISSUER
    assert (await world.redeem(form.values["code"])).status_code == 200
    assert "https://rp1.test" in response.headers["content-security-policy"]


async def test_a_system_that_refuses_tells_the_person(world: World) -> None:
    browser = world.browser()
    start = await browser.authorize(client_id="register", redirect_uri="https://register.test/cb",
                                    scope="openid")  # fmt: skip
    page = await browser.sign_in(world.alice, start)
    assert "chưa có tài khoản" in page.text
    silent = await browser.authorize(client_id="register", prompt="none", scope="openid",
                                     redirect_uri="https://register.test/cb")  # fmt: skip
    assert answer(silent)["error"] == "interaction_required"
    told = answer(await browser.submit(page, decision="continue"))
    assert told["error"] == "access_denied"


PORTAL = {"client_id": "portal", "redirect_uri": "https://portal.test/cb"}


async def move_link(world: World, system: str, to_state: LinkState) -> None:
    """What an administrator does to alice's link."""
    step = Transition(actor="a", reason="r", at=1, evidence=Evidence(rule="R", rule_version=1))
    async with open_stores(world.settings, world.clock) as stores:
        links = SqlLinks(stores.database)
        (link,) = await links.of_subject(world.alice.account.subject, SystemId(system))
        assert await links.move(link, to_state, step)


@pytest.mark.parametrize(
    ("state", "told"),
    [(LinkState.SUSPENDED, "đang tạm dừng"), (LinkState.ENDED, "không còn được liên kết")],
)
async def test_a_link_that_people_suspended_or_ended_is_not_opened_again_at_a_sign_in(
    world: World, state: LinkState, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    record = BatchingAudit.record

    def heard(audit: BatchingAudit, event: str, fields: Mapping[str, str | int]) -> None:
        events.append(event)
        record(audit, event, fields)

    monkeypatch.setattr(BatchingAudit, "record", heard)
    browser = world.browser()
    await browser.tokens(world.alice, **PORTAL)
    await move_link(world, "portal", state)
    page = await browser.follow(await browser.authorize(**PORTAL))
    assert told in page.text
    silent = await browser.authorize(prompt="none", **PORTAL)
    assert answer(silent)["error"] == "interaction_required"
    stopped = await browser.submit(page, decision="continue")
    assert answer(stopped)["error"] == "access_denied"
    async with open_stores(world.settings, world.clock) as stores:
        links = SqlLinks(stores.database)
        alice = world.alice.account.subject
        assert await links.of_subject(alice, SystemId("portal")) == []
        assert len(await links.history(alice, SystemId("portal"))) == 1
    assert events.count("account_opened") == 1


async def links_at(world: World, system: str) -> int:
    """How many links alice has, or ever had, there."""
    async with open_stores(world.settings, world.clock) as stores:
        links = SqlLinks(stores.database)
        return len(await links.history(world.alice.account.subject, SystemId(system)))


async def test_no_account_is_opened_for_somebody_who_does_not_consent(world: World) -> None:
    browser = world.browser()
    page = await browser.sign_in(world.alice, await browser.authorize(prompt="consent", **PORTAL))
    assert "Đồng ý" in page.text
    assert answer(await browser.submit(page, decision="deny"))["error"] == "access_denied"
    assert await links_at(world, "portal") == 0
    page = await browser.follow(await browser.authorize(prompt="consent", **PORTAL))
    assert "code" in answer(await browser.submit(page, decision="allow"))
    assert await links_at(world, "portal") == 1


async def test_no_account_is_opened_for_somebody_who_stops(world: World) -> None:
    """The page was open before the person signed in, in another tab."""
    browser = world.browser()
    page = await browser.follow(await browser.authorize(**PORTAL))
    await browser.tokens(world.alice)
    assert answer(await browser.submit(page, decision="cancel"))["error"] == "access_denied"
    assert await links_at(world, "portal") == 0


async def test_a_claimed_link_that_was_suspended_is_told_and_not_claimed_around(
    world: World,
) -> None:
    browser = world.browser()
    page = await browser.sign_in(world.alice, await browser.http.get("/ticket?system=onestop"))
    await browser.submit(page, account="tuyetnt85", password="mat-khau-cu-2009", decision="claim")
    await move_link(world, "onestop", LinkState.SUSPENDED)
    page = await browser.follow(await browser.http.get("/ticket?system=onestop"))
    assert "đang tạm dừng" in page.text
    again = await browser.submit(
        page, account="khanhtb", password="mat-khau-cu-2010", decision="claim"
    )
    assert "đang tạm dừng" in again.text


async def test_an_ended_claim_is_not_repeated_with_the_same_old_password(world: World) -> None:
    browser = world.browser()
    page = await browser.sign_in(world.alice, await browser.http.get("/ticket?system=onestop"))
    old = {"account": "tuyetnt85", "password": "mat-khau-cu-2009", "decision": "claim"}
    await browser.submit(page, **old)
    await move_link(world, "onestop", LinkState.ENDED)
    page = await browser.follow(await browser.http.get("/ticket?system=onestop"))
    told = await browser.submit(page, **old)
    assert "từng được liên kết với Quý vị" in told.text
    other = {"account": "khanhtb", "password": "mat-khau-cu-2010", "decision": "claim"}
    assert ticket_of(await browser.submit(told, **other))["local_account"] == "khanhtb"


async def test_a_system_that_creates_gives_one_account_and_keeps_it(world: World) -> None:
    browser = world.browser()
    accounts = set()
    for person in (world.alice, None):
        tokens = await browser.tokens(
            person, client_id="portal", redirect_uri="https://portal.test/cb"
        )
        claims = (await world.userinfo(tokens["access_token"])).json()
        accounts.add(claims["local_account"])
    assert len(accounts) == 1
    assert accounts.pop().startswith("p-")


def ticket_of(page: object) -> dict[str, object]:
    form = Fields(page.text)  # type: ignore[attr-defined]
    assert form.actions == ["https://onestop.test/ticket"]
    head, payload, signature = form.values["ticket"].split(".")
    computed = hmac.digest(SECRET_2.encode(), f"{head}.{payload}".encode(), "sha256")
    assert urlsafe_b64encode(computed).rstrip(b"=").decode() == signature
    return claims_of(form.values["ticket"])


@pytest.mark.fault
async def test_a_system_that_proves_another_account_than_was_named_gives_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hostile(_verifier: object, _name: str, _password: str) -> Proven:
        return Proven(AccountId("khanhtb"))

    events: list[str] = []
    record = BatchingAudit.record

    def heard(audit: BatchingAudit, event: str, fields: Mapping[str, str | int]) -> None:
        events.append(event)
        record(audit, event, fields)

    monkeypatch.setattr(BatchingAudit, "record", heard)
    monkeypatch.setattr(PasswordFileVerifier, "prove", hostile)
    browser = world.browser()
    page = await browser.sign_in(world.alice, await browser.http.get("/ticket?system=onestop"))
    told = await browser.submit(page, account="tuyetnt85", password="any", decision="claim")
    assert told.status_code == 503
    assert "claim_distrusted" in events
    assert "account_claimed" not in events
    async with open_stores(world.settings, world.clock) as stores:
        links = SqlLinks(stores.database)
        alice = world.alice.account.subject
        assert await links.of_subject(alice, SystemId("onestop")) == []


async def test_an_old_account_is_claimed_once_with_its_old_password(world: World) -> None:
    browser = world.browser()
    start = await browser.http.get("/ticket?system=onestop")
    page = await browser.sign_in(world.alice, start)
    assert "Nhận lại tài khoản cũ" in page.text
    wrong = await browser.submit(page, account="tuyetnt85", password="sai", decision="claim")
    assert "Không xác nhận được" in wrong.text
    done = await browser.submit(
        wrong, account="tuyetnt85", password="mat-khau-cu-2009", decision="claim"
    )
    claims = ticket_of(done)
    assert (claims["local_account"], claims["aud"]) == ("tuyetnt85", "onestop")
    assert claims["name"] == world.alice.account.attributes.full_name
    again = ticket_of(await browser.http.get("/ticket?system=onestop"))
    assert again["local_account"] == "tuyetnt85"
    assert again["jti"] != claims["jti"]
    other = world.browser("203.0.113.77")
    page = await other.sign_in(world.bob, await other.http.get("/ticket?system=onestop"))
    held = await other.submit(
        page, account="tuyetnt85", password="mat-khau-cu-2009", decision="claim"
    )
    assert "Không xác nhận được" in held.text
    stopped = await other.submit(held, decision="cancel")
    assert Fields(stopped.text).values == {"error": "access_denied"}


async def test_guesses_at_old_passwords_are_limited(world: World) -> None:
    browser = world.browser()
    start = await browser.http.get("/ticket?system=onestop")
    page = await browser.sign_in(world.alice, start)
    statuses = []
    for number in range(7):
        answered = await browser.submit(
            page, account="khanhtb", password=f"sai-{number}", decision="claim"
        )
        statuses.append(answered.status_code)
    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert int(answered.headers["retry-after"]) > 0
    assert 'value="khanhtb"' in answered.text
    assert "sai-" not in answered.text


async def test_the_state_of_the_application_comes_back_inside_the_ticket(world: World) -> None:
    browser = world.browser()
    page = await browser.sign_in(
        world.alice, await browser.http.get("/ticket?system=onestop&state=s%20%7E1")
    )
    refused = await browser.submit(page, decision="cancel")
    assert Fields(refused.text).values == {"error": "access_denied", "state": "s ~1"}
    page = await browser.follow(await browser.http.get("/ticket?system=onestop&state=s%20%7E1"))
    done = await browser.submit(
        page, account="khanhtb", password="mat-khau-cu-2010", decision="claim"
    )
    assert ticket_of(done)["state"] == "s ~1"
    assert "state" not in ticket_of(await browser.http.get("/ticket?system=onestop"))


async def test_spellings_of_one_old_account_share_one_counter(world: World) -> None:
    browser = world.browser()
    page = await browser.sign_in(world.alice, await browser.http.get("/ticket?system=onestop"))
    for twin in ("khanhtb", "KHANHTB", "ｋhanhtb", "khanhtb ", " khanhtb"):
        await browser.submit(page, account=twin, password="sai", decision="claim")
    held = await browser.submit(page, account="khanhtb", password="sai", decision="claim")
    assert held.status_code == 429


async def test_an_old_account_name_that_could_deceive_is_a_wrong_proof(world: World) -> None:
    browser = world.browser()
    page = await browser.sign_in(world.alice, await browser.http.get("/ticket?system=onestop"))
    told = await browser.submit(
        page, account="khanhtb\u200b", password="mat-khau-cu-2010", decision="claim"
    )
    assert "Không xác nhận được" in told.text


@pytest.mark.parametrize("state", ["x" * 513, "%C6%A1", "a%0Ab", "a%7F", "a&state=b"])
async def test_a_state_that_no_application_makes_is_refused_before_anybody_is_asked(
    world: World, state: str
) -> None:
    response = await world.browser().http.get(f"/ticket?system=onestop&state={state}")
    assert response.status_code == 400
    assert "<form" not in response.text


@pytest.mark.parametrize(
    "query",
    [
        "", "?system=unknown", "?system=portal", "?system=onestop&return_url=https://evil.test/",
        "?system=onestop&return_url=https://onestop.test/ticket?x=1", "?system=a&system=onestop",
        "?system=%ff",
    ],
)  # fmt: skip
async def test_a_ticket_goes_only_to_a_registered_address(world: World, query: str) -> None:
    response = await world.browser().http.get(f"/ticket{query}")
    assert response.status_code == 400
    assert "<form" not in response.text


async def test_the_site_names_nobody_whose_session_has_ended(world: World) -> None:
    """F08: also where a store of sessions that was restored still holds the session."""
    browser = world.browser()
    tokens = await browser.tokens(world.alice)
    sid = SessionId(str(claims_of(tokens["id_token"])["sid"]))
    name = world.alice.account.attributes.full_name
    assert name in (await browser.http.get("/")).text
    async with open_stores(world.settings, world.clock) as stores:
        ends = SqlSessionEnds(stores.database)
        await ends.end(sid, world.alice.account.subject, int(world.clock()), frozenset())
    await asyncio.sleep(0)  # another node did that: it is seen in the next turn of the loop
    assert name not in (await browser.http.get("/")).text


async def test_the_site_shows_who_is_signed_in_and_answers_health(world: World) -> None:
    browser = world.browser()
    assert "Quý vị chưa đăng nhập" in (await browser.http.get("/")).text
    await browser.tokens(world.alice)
    home = await browser.http.get("/")
    assert world.alice.account.attributes.full_name in home.text
    assert (await browser.http.get("/healthz")).json() == {"status": "ok"}
    assert (await browser.http.get("/readyz")).json() == {"status": "ready"}
    missing = await browser.http.get("/nowhere")
    assert missing.status_code == 404
    assert "Không tìm thấy" in missing.text
    named = re.findall(r'href="(/static/[^"]+)"', home.text)
    assert [path.rpartition(".")[2] for path in named] == ["svg", "css"]
    for path, kind in zip(named, ("image/svg+xml", "text/css"), strict=True):
        file = await browser.http.get(path)
        assert file.headers["content-type"].startswith(kind)
        assert hashlib.sha256(file.content).hexdigest()[:12] in path


@pytest.mark.fault
async def test_an_unexpected_fault_shows_a_number_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from idp.store.grants import SqlGrants

    async def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("secret detail of alice")

    browser = world.browser()
    await browser.tokens(world.alice)
    monkeypatch.setattr(SqlGrants, "standing", broken)
    response = await browser.authorize()
    assert response.status_code == 500
    assert "secret detail" not in response.text
    assert "Mã tra cứu" in response.text


@pytest.mark.fault
async def test_a_store_that_is_away_is_a_503_with_retry_after(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "lienthong.refusals")
    from idp.store.grants import SqlGrants
    from keys.sql import StoreUnavailableError

    async def away(*_args: object, **_kwargs: object) -> None:
        raise StoreUnavailableError("away")

    browser = world.browser()
    tokens = await browser.tokens(world.alice)
    monkeypatch.setattr(SqlGrants, "standing", away)
    monkeypatch.setattr(SqlGrants, "family", away)
    page = await browser.authorize()
    api = await world.userinfo(tokens["access_token"])
    for response in (page, api):
        assert response.status_code == 503
        assert response.headers["retry-after"] == "5"
    (number,) = re.findall(r"<code>([0-9a-f]{16})</code>", page.text)
    assert f"/authorize not served ({number}): temporarily_unavailable" in caplog.messages
    assert "correlation-id" not in page.headers  # being busy is no refusal: the audit has no record


# --- P01: the password door does not tell who exists ---------------------------------------------


def told_by(response: httpx.Response) -> tuple[int, str, dict[str, str]]:
    """All that an answer tells, without what differs by chance."""
    headers = {k: neutral(v) for k, v in response.headers.items() if k != "content-length"}
    return response.status_code, neutral(response.text), headers


async def test_known_unknown_and_disabled_have_one_status_body_and_headers(world: World) -> None:
    told = []
    for number, name in enumerate(("nobody.at.all", "anh.tuyet", "dora")):
        browser = world.browser(f"198.51.100.{number}")
        password = world.dora.password if name == "dora" else "sai-mat-khau-1"
        page = await login_page(browser)
        told.append(told_by(await browser.submit(page, username=name, password=password)))
    assert told[0] == told[1] == told[2]


@pytest.mark.parametrize("right", [True, False])
async def test_a_name_held_by_strangers_is_told_like_a_held_name_that_nobody_has(
    world: World, *, right: bool
) -> None:
    told = []
    for name in ("bao.khanh", "nobody.at.all"):
        for host in range(20):
            stranger = world.browser(f"192.0.2.{host}")
            for _ in range(5):
                page = await login_page(stranger)
                await stranger.submit(page, username=name, password="x" * 20)
        browser = world.browser(f"198.51.100.{len(told)}")
        password = world.bob.password if right else "sai-mat-khau-1"
        page = await login_page(browser)
        told.append(told_by(await browser.submit(page, username=name, password=password)))
    assert told[0] == told[1]
    assert told[0][0] == 429


async def test_decomposed_and_composed_names_share_one_counter(world: World) -> None:
    browser = world.browser()
    for name in ("lê.tuyết", "LÊ.TUYẾT", unicodedata.normalize("NFD", "lê.tuyết"), "ｌê.tuyết"):
        page = await login_page(browser)
        await browser.submit(page, username=name, password="x" * 20)
    page = await login_page(browser)
    await browser.submit(page, username=" lê.tuyết", password="x" * 20)
    page = await login_page(browser)
    held = await browser.submit(page, username="lê.tuyết", password="x" * 20)
    assert held.status_code == 429


async def test_a_megabyte_of_password_is_refused_before_any_hashing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        raise AssertionError("hashed")

    monkeypatch.setattr(PasswordHasher, "verify", never)
    browser = world.browser()
    page = await login_page(browser)
    response = await browser.submit(page, username="anh.tuyet", password="x" * 1_000_000)
    assert response.status_code in (400, 413)


@pytest.mark.fault
async def test_a_full_password_queue_is_a_503_that_says_when_to_come_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise Overloaded("full")

    monkeypatch.setattr(PasswordHasher, "_run", full)
    browser = world.browser()
    page = await login_page(browser)
    response = await browser.submit(page, username="anh.tuyet", password=world.alice.password)
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0

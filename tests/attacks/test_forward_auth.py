"""Group W of the adversarial cases: forward-auth."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.admission import admits
from connectors.contract import (
    AccountId,
    AccountKind,
    Admission,
    Assurance,
    LocalAccount,
    PairwiseSub,
    SessionId,
    SignInResult,
    SystemId,
    VerifiedIdentity,
)
from connectors.systems.forward_auth.assertion import AssertionSigner
from connectors.systems.forward_auth.headers import plain_value
from connectors.systems.forward_auth.hosts import protected_hosts, verify_host
from idp.adapters import open_stores
from idp.store.accounts import SqlAccounts
from idp.store.grants import SqlGrants
from keys.blind import BlindIndex
from keys.sql import StoreUnavailableError
from tests.fixtures_world import ISSUER, SECRET_1, World
from tests.protected import VISIT, Proxied, belongs_to, identity

IDENTITY = ("x-auth-user", "x-auth-name", "x-auth-email", "x-lienthong-identity")
COMMON = ("x-auth-roles", "remote-user", "x-forwarded-user", "remote-groups")


def shut(status: int, answered: object) -> None:
    """Not let through, and not one identity header left as the browser sent it."""
    assert answered.status_code == status  # type: ignore[attr-defined]  # an httpx.Response
    for name in IDENTITY + COMMON:
        assert answered.headers[name] == "", name  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        pytest.param("x-auth-user", "root", id="W01-user"),
        pytest.param("x-auth-roles", "admin", id="W01-roles"),
        pytest.param("remote-user", "root", id="W01-remote-user"),
        pytest.param("x-forwarded-user", "root", id="W01-forwarded-user"),
        pytest.param("x-lienthong-identity", "a.b.c", id="W01-signed"),
    ],
)
async def test_an_identity_header_of_the_browser_survives_no_answer(
    world: World, header: str, value: str
) -> None:
    visitor = Proxied(world)
    shut(401, await visitor.ask(**{header: value}))
    shut(200, await visitor.ask("/public/a", **{header: value}))
    await visitor.enter(world.alice)
    let_through = await visitor.ask(**{header: value})
    assert let_through.status_code == 200
    assert let_through.headers[header] != value


@pytest.mark.parametrize(
    "cookie",
    [
        pytest.param(f"{VISIT}=fc_%%%", id="W03-base64"),
        pytest.param(f"{VISIT}=fc_{'A' * 16_384}", id="W03-long"),
        pytest.param(f"{VISIT}=fc_a\x00b", id="W03-nul"),
        pytest.param(f"{VISIT}=COOKIE; {VISIT}=COOKIE", id="W03-two"),
        pytest.param(f"{VISIT}=OTHER", id="W03-other-host"),
        pytest.param(f"{VISIT}=CUT", id="W03-cut"),
        pytest.param(f"{VISIT}=", id="W03-empty"),
        pytest.param("lt-forward=COOKIE", id="W03-without-prefix"),
        pytest.param("__Host-lt-session=COOKIE", id="W03-another-kind"),
    ],
)
async def test_a_malformed_cookie_is_nobody(world: World, cookie: str) -> None:
    visitor, wiki = Proxied(world), Proxied(world, "wiki.test:8443")
    await visitor.enter(world.alice)
    await wiki.enter(world.alice)
    own = visitor.cookies[VISIT]
    sent = cookie.replace("COOKIE", own).replace("OTHER", wiki.cookies[VISIT])
    shut(401, await visitor.ask(cookie=sent.replace("CUT", own[:-3])))
    assert (await visitor.ask()).status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/public/../admin", id="W05-dots"),
        pytest.param("/public%2f..%2fadmin", id="W05-escaped"),
        pytest.param("/admin?x=/public", id="W05-query"),
        pytest.param("/admin#/public", id="W05-fragment"),
        pytest.param("//admin", id="W05-two-slashes"),
        pytest.param("/public;/../admin", id="W05-parameter"),
        pytest.param("/PUBLIC", id="W05-case"),
        pytest.param("/public/%2e%2e/admin", id="W05-escaped-dots"),
        pytest.param("/public/.%00/admin", id="W05-nul"),
        pytest.param("/public\\..\\admin", id="W05-backslash"),
        pytest.param("/public/./../admin", id="W05-dot"),
        pytest.param("//public", id="W05-empty-segment"),
        pytest.param("/public/\xc0\xae\xc0\xae/admin", id="W05-overlong"),
    ],
)
async def test_a_path_that_reads_in_two_ways_is_protected(world: World, target: str) -> None:
    stranger = Proxied(world)
    sent = target.encode("latin-1")
    answered = await world.http.get(
        "/forward-auth", headers={b"x-forwarded-host": b"intranet.test", b"x-forwarded-uri": sent}
    )
    shut(401, answered)
    assert (await stranger.ask("/public/a")).status_code == 200


async def test_a_path_that_is_told_twice_is_protected(world: World) -> None:
    fields = [("x-forwarded-host", "intranet.test")]
    both = [("x-forwarded-uri", "/public"), ("x-forwarded-uri", "/admin")]
    shut(401, await world.http.get("/forward-auth", headers=fields + both))
    hosts = [("x-forwarded-host", "intranet.test"), ("x-forwarded-host", "evil.test")]
    assert (await world.http.get("/forward-auth", headers=hosts)).status_code == 403


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param({"user_agent": "kube-probe/1.29"}, id="W06-health-check"),
        pytest.param({"user_agent": "GoogleHC/1.0"}, id="W06-health-check-of-a-balancer"),
        pytest.param({"x_forwarded_for": "a"}, id="W06-not-an-address"),
        pytest.param({"x_forwarded_for": "127.0.0.1"}, id="W06-internal"),
        pytest.param({"x_forwarded_for": ", ".join(["10.0.0.1"] * 100)}, id="W06-hundred"),
        pytest.param({"x_real_ip": "127.0.0.1", "x_forwarded_proto": "http"}, id="W06-real-ip"),
        pytest.param({"x_original_url": "/public", "x_rewrite_url": "/public"}, id="W06-url"),
    ],
)
async def test_nothing_that_a_caller_says_of_itself_changes_the_policy(
    world: World, lie: dict[str, str]
) -> None:
    visitor = Proxied(world)
    shut(401, await visitor.ask("/admin", **lie))
    await visitor.enter(world.alice)
    assert (await visitor.ask("/admin", **lie)).status_code == 200


async def test_who_may_enter_one_host_may_not_enter_another(world: World) -> None:
    """W07: H2 right after H1, on the same path, in the same browser."""
    allowed = Proxied(world)
    await allowed.enter(world.alice, "/same")
    other = Proxied(world, "staff.test", allowed.browser)
    assert (await allowed.ask("/same")).status_code == 200
    shut(401, await other.ask("/same"))
    page = await other.browser.follow(await other.begin("/same"))
    assert "Hệ thống này không dành cho Quý vị" in page.text
    assert VISIT not in other.cookies


async def test_a_cookie_that_is_copied_to_another_host_opens_nothing(world: World) -> None:
    """W07: bound to its host by the seal, so it does not even say whose it is."""
    allowed = Proxied(world)
    await allowed.enter(world.alice)
    copied = f"{VISIT}={allowed.cookies[VISIT]}"
    for host in ("staff.test", "wiki.test:8443"):
        shut(401, await Proxied(world, host).ask(cookie=copied))


async def test_a_person_who_left_the_agency_is_forbidden_at_the_next_request(
    world: World,
) -> None:
    """W07, W08: the policy is that of the host, and is asked again each time."""
    await belongs_to(world, world.alice, "H55")
    visitor = Proxied(world, "staff.test")
    await visitor.enter(world.alice)
    assert (await visitor.ask()).status_code == 200
    await belongs_to(world, world.alice, "H29")
    shut(403, await visitor.ask())
    shut(403, await visitor.ask("/public"))
    other = Proxied(world, "intranet.test", visitor.browser)
    await other.enter()
    assert (await other.ask()).status_code == 200


@pytest.mark.fault
async def test_where_the_store_is_away_nobody_is_let_through(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = Proxied(world)
    await visitor.enter(world.alice)

    async def away(*_: object) -> None:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(SqlGrants, "presence", away)
    answered = await visitor.ask()
    assert answered.status_code == 503
    assert "retry-after" in answered.headers


async def test_answers_may_not_be_cached(world: World) -> None:
    """W07: what was decided for one host, person and moment holds for that request."""
    visitor = Proxied(world)
    await visitor.enter(world.alice)
    for answered in (
        await visitor.ask(),
        await visitor.ask("/public"),
        await visitor.ask("/", cookie="a=b"),
    ):
        assert answered.headers["cache-control"] == "no-store"


async def test_a_host_that_nobody_registered_is_forbidden(world: World) -> None:
    for host in ("evil.test", "intranet.test.evil.test", "intranet.test:444", "", "id.test"):
        answered = await Proxied(world, host).ask("/public")
        assert answered.status_code == 403
        assert answered.headers["remote-user"] == ""
    assert (await Proxied(world, "INTRANET.TEST").ask("/public")).status_code == 200


async def test_a_disabled_person_is_out_at_the_next_request(world: World) -> None:
    """W08: nothing is cached, so the stated time is none."""
    visitor = Proxied(world)
    await visitor.enter(world.alice)
    async with open_stores(world.settings, world.clock) as stores:
        accounts = SqlAccounts(stores.database, stores.sealer, BlindIndex(world.settings.keks[-1]))
        await accounts.set_enabled(world.alice.account.subject, enabled=False)
    shut(401, await visitor.ask())


async def test_a_logout_anywhere_ends_the_visit_at_every_host(world: World) -> None:
    """W08"""
    visitor = Proxied(world)
    await visitor.enter(world.alice)
    wiki = Proxied(world, "wiki.test:8443", visitor.browser)
    await wiki.enter()
    page = await visitor.browser.http.get("/logout")
    assert (await visitor.browser.submit(page)).status_code == 200
    shut(401, await visitor.ask())
    shut(401, await wiki.ask())


async def test_a_hand_over_is_taken_once_by_the_browser_that_began(world: World) -> None:
    """Not in the list: a hand-over is what a code is elsewhere (A, B)."""
    visitor, thief = Proxied(world), Proxied(world)
    answered = await visitor.browser.sign_in(world.alice, await visitor.begin())
    callback = answered.headers["location"]
    for other in (thief, Proxied(world, "wiki.test:8443")):
        await other.ask()
        await other.own_place("https://x/.lienthong/start")  # a browser with a cookie of its own
        stolen = await other.own_place(callback)
        assert stolen.headers["location"] == f"{ISSUER}/forward-auth/problem"
        assert VISIT not in other.cookies
    assert VISIT in (await visitor.own_place(callback)).headers["set-cookie"]
    again = await visitor.own_place(callback)
    assert again.headers["location"] == f"{ISSUER}/forward-auth/problem"
    problem = await world.http.get(again.headers["location"])
    assert problem.status_code == 400


async def test_a_hand_over_that_is_old_is_not_taken(world: World) -> None:
    visitor = Proxied(world)
    answered = await visitor.browser.sign_in(world.alice, await visitor.begin())
    world.clock.now += 60
    late = await visitor.own_place(answered.headers["location"])
    assert late.headers["location"] == f"{ISSUER}/forward-auth/problem"


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.test/", "//evil.test/", "/\\evil.test", "evil", "/a b", "/%0d%0aset-cookie:a",
     "/.lienthong/start", "/" + "a" * 3000, "/é"],
)  # fmt: skip
async def test_the_way_back_stays_on_the_protected_host(world: World, wanted: str) -> None:
    visitor = Proxied(world)
    started = await world.http.get(
        "/.lienthong/start", params={"rd": wanted}, headers={"x-forwarded-host": "intranet.test"}
    )
    visitor.cookies["__Host-lt-forward-browser"] = world.http.cookies["__Host-lt-forward-browser"]
    world.http.cookies.clear()
    begun = await visitor.browser.http.get(started.headers["location"])
    entered = await visitor.own_place(
        (await visitor.browser.sign_in(world.alice, begun)).headers["location"]
    )
    place = urlsplit(entered.headers["location"])
    assert (place.scheme, place.netloc) == ("https", "intranet.test")
    assert "\r" not in entered.headers["location"]


async def test_a_start_that_we_did_not_seal_goes_nowhere(world: World) -> None:
    visitor = Proxied(world)
    await visitor.enter(world.alice)
    begun = await visitor.own_place("https://x/.lienthong/start")
    state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
    world.clock.now += 1800
    forged = ("", "fs_x", state[:-2], visitor.cookies[VISIT], state)
    for value in forged:
        refused = await visitor.browser.http.get("/forward-auth/start", params={"state": value})
        assert refused.status_code == 400, value


# --- W09: what stands in a header ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "value", "plain"),
    [
        pytest.param("name", "Lan\r\nX-Auth-User: root", "", id="W09-crlf"),
        pytest.param("name", "Nguyễn Văn A", "Nguy%E1%BB%85n V%C4%83n A", id="W09-not-latin-1"),
        pytest.param("groups", "nhom," * 1600, "", id="W09-long"),
        pytest.param("email", "a@x.test@gov.test", "", id="W09-two-at"),
        pytest.param("name", "100%0d", "100%250d", id="W09-percent"),
        pytest.param("name", "a\x7fb\x85c", "", id="W09-control"),
        pytest.param("name", {"formatted": "x"}, "", id="W09-object"),
        pytest.param("flag", True, "true", id="W09-boolean"),
    ],
)
def test_a_header_holds_printable_ascii_or_nothing(claim: str, value: object, plain: str) -> None:
    assert plain_value(claim, value) == plain


@pytest.mark.parametrize(
    ("email", "verified", "let_in"),
    [
        ("a@gov.test", True, True),
        ("a@GOV.test", True, True),
        ("a@gov.test", False, False),
        ("a@x.test@gov.test", True, False),
        ("a@gov.test@x.test", True, False),
        ("@gov.test", True, False),
        ("a@sub.gov.test", True, False),
        (None, True, False),
    ],
)
def test_the_domain_rule_denies_what_reads_in_two_ways(
    world: World, email: str | None, verified: bool, let_in: bool
) -> None:
    rule = Admission(email_domains=frozenset({"gov.test"}))
    person = replace(world.alice.account.attributes, email=email, email_verified=verified)
    assert admits(rule, AccountKind.STAFF, person) is let_in


def test_an_agency_rule_admits_its_agencies_only(world: World) -> None:
    rule = Admission(agencies=frozenset({"H55"}), kinds=frozenset({AccountKind.STAFF}))
    person = world.alice.account.attributes
    ours = replace(person, agency_code="H55")
    assert admits(rule, AccountKind.STAFF, ours)
    assert not admits(rule, AccountKind.CITIZEN, ours)
    assert not admits(rule, AccountKind.STAFF, person)


def test_claims_that_are_too_long_are_left_out_of_the_signed_header_too(world: World) -> None:
    """W09: 8 kB of groups; who came is signed all the same."""
    host = verify_host(protected_hosts(world.settings.systems.values()), "intranet.test")
    who = VerifiedIdentity(
        subject=world.alice.account.subject, sub=PairwiseSub("s"), kind=AccountKind.STAFF,
        assurance=Assurance.LEVEL_2, amr=("pwd",), authenticated_at=1,
        attributes=world.alice.account.attributes,
    )  # fmt: skip
    account = LocalAccount(system=SystemId("intranet"), account=AccountId("lan\r\nx: y"))
    result = SignInResult(identity=who, session=SessionId("s"), account=account)
    token, _ = AssertionSigner(ISSUER).sign(host, result, {"groups": "nhom," * 1600}, 100)
    said = identity(token, SECRET_1)
    assert "groups" not in said
    assert said["local_account"] == "lan\r\nx: y"
    assert token.isascii()
    assert token.isprintable()

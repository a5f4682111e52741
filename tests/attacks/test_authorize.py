"""Group A of the adversarial cases: nothing redirects before the address is verified."""

from urllib.parse import urlencode

import pytest

from idp.adapters import open_stores
from tests.fixtures_world import ISSUER, World, answer
from tests.tokens import claims_of


def is_page_400(response: object) -> bool:
    return response.status_code == 400 and "location" not in response.headers  # type: ignore[attr-defined]


async def count(world: World, table: str) -> int:
    async with open_stores(world.settings, world.clock) as stores:
        row = await stores.database.one(f"SELECT count(*) AS n FROM {table}")
    assert row is not None
    return int(row["n"] or 0)


ADDRESSES = {
    "A01-foreign": "https://evil.test/cb",
    "A01-missing-though-two-are-registered": None,
    "A01-empty": "",
    "A03-as-subdomain": "https://rp1.test.evil.test/cb",
    "A03-longer-name": "https://xrp1.test/cb",
    "A03-dot-as-regex": "https://rp1xtest/cb",
    "A04-semicolon": "https://rp1.test/cb/..;/x",
    "A04-dots": "https://rp1.test/cb/../x",
    "A04-encoded": "https://rp1.test/cb%2f..%2fx",
    "A04-doubly-encoded": "https://rp1.test/cb%252e%252e/x",
    "A04-case": "https://rp1.test/CB",
    "A04-slash": "https://rp1.test/cb/",
    "A05-upper-case": "HTTPS://RP1.TEST/cb",
    "A05-port": "https://rp1.test:443/cb",
    "A05-question-mark": "https://rp1.test/cb?",
    "A05-hash": "https://rp1.test/cb#",
    "A05-query": "https://rp1.test/cb?a=1",
    "A05-our-parameters": "https://rp1.test/cb?code=x&state=y",
    "A06-backslash-at": "https://rp1.test\\@evil.test/cb",
    "A06-slash-backslash": "https:/\\evil.test",
    "A06-tab": "\thttps://rp1.test/cb",
    "A06-header-split": "https://rp1.test/cb\r\nSet-Cookie:a=b",
    "A06-nul": "https://rp1.test/cb\x00",
    "A06-64-kB": "https://rp1.test/" + "a" * 64_000,
    "userinfo": "https://u@rp1.test/cb",
    "javascript": "javascript:alert(1)",
    "relative": "/cb",
    "percent-dot-host": "https://rp1%2etest/cb",
    "other-client": "https://rp2.test/cb",
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
async def test_an_address_that_is_not_registered_byte_for_byte_never_redirects(
    world: World, address: str | None, method: str
) -> None:
    response = await world.browser().authorize(method, redirect_uri=address)
    if response.is_redirect:  # a POST without cookies comes back as our own GET
        assert method == "POST"
        assert response.headers["location"].startswith("/authorize?")
        response = await world.browser().http.get(response.headers["location"])
    assert is_page_400(response)
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody", "response_type": "foo", "redirect_uri": "https://evil.test/cb"},
        {"response_type": "foo", "redirect_uri": "https://evil.test/cb"},
        {"client_id": "x1", "redirect_uri": "https://x1.test/cb"},
        {"client_id": None},
    ],
    ids=["A09-unknown-client", "A09-known-client", "disabled", "none"],
)
async def test_an_unknown_or_disabled_client_never_redirects(
    world: World, changes: dict[str, str | None]
) -> None:
    assert is_page_400(await world.browser().authorize(**changes))


LOOPBACK = {
    "A08-other-port": ("http://127.0.0.1:51234/cb", True),
    "as-registered": ("http://127.0.0.1/cb", True),
    "A08-localhost": ("http://localhost:51234/cb", False),
    "A08-other-path": ("http://127.0.0.1:51234/x", False),
    "A08-localhost-as-subdomain": ("http://localhost.evil.test/cb", False),
    "A08-address-as-subdomain": ("http://127.0.0.1.evil.test/cb", False),
    "port-0": ("http://127.0.0.1:0/cb", False),
    "port-99999": ("http://127.0.0.1:99999/cb", False),
    "no-path": ("http://127.0.0.1:51234", False),
    "port-as-userinfo": ("http://127.0.0.1:1@evil.test/cb", False),
    "https": ("https://127.0.0.1:51234/cb", False),
    "other-loopback": ("http://127.0.0.2:51234/cb", False),
    "ipv6": ("http://[::1]:51234/cb", False),
    "signed-port": ("http://127.0.0.1:+80/cb", False),
    "arabic-digits": ("http://127.0.0.1:٨٠/cb", False),
}


@pytest.mark.parametrize(("address", "accepted"), LOOPBACK.values(), ids=LOOPBACK)
async def test_only_the_port_of_a_loopback_address_is_free(
    world: World, address: str, *, accepted: bool
) -> None:
    browser = world.browser()
    response = await browser.authorize(client_id="n1", redirect_uri=address)
    if not accepted:
        assert is_page_400(response)
        return
    done = await browser.sign_in(world.alice, response)
    assert done.headers["location"].startswith(f"{address}?code=")
    code = answer(done)["code"]
    assert (await world.redeem(code, "n1", "http://127.0.0.1:1/cb")).status_code == 400
    assert (await world.redeem(code, "n1", address)).status_code == 200


async def test_a_client_on_the_web_has_no_free_port(world: World) -> None:
    assert is_page_400(await world.browser().authorize(redirect_uri="https://rp1.test:8443/cb"))


@pytest.mark.parametrize(
    "response_type",
    ["token", "id_token token", "none", "code code", "foo", "code id_token", "id_token", "CODE"],
)
async def test_other_response_types_are_refused_in_the_query(
    world: World, response_type: str
) -> None:
    response = await world.browser().authorize(response_type=response_type)
    told = answer(response)
    assert told["error"] == "unsupported_response_type"
    assert (told["state"], told["iss"]) == ("st-1", ISSUER)
    assert "#" not in response.headers["location"]


@pytest.mark.parametrize("order", ["other-last", "other-first"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("name", "redirects"),
    [
        ("client_id", False), ("redirect_uri", False), ("scope", True), ("state", True),
        ("code_challenge", True), ("response_type", True), ("nonce", True), ("unheard_of", True),
    ],
)  # fmt: skip
async def test_a_parameter_sent_twice_is_refused_whichever_comes_first(
    world: World, name: str, method: str, order: str, *, redirects: bool
) -> None:
    pairs = list(world.authorization(unheard_of="x").items())
    pairs.insert(len(pairs) if order == "other-last" else 0, (name, "other"))
    body = "&".join(f"{k}={v.replace(' ', '+')}" for k, v in pairs)
    browser = world.browser()
    if method == "POST":
        headers = {"content-type": "application/x-www-form-urlencoded"}
        response = await browser.http.post("/authorize", content=body, headers=headers)
        response = await browser.follow(response)
    else:
        response = await browser.http.get(f"/authorize?{body}")
    if redirects:
        assert answer(response)["error"] == "invalid_request"
        assert response.headers["location"].startswith("https://rp1.test/cb?")
        assert ("state" in answer(response)) is (name != "state"), "no value of two is believed"
    else:
        assert is_page_400(response)


MALFORMED: dict[str, dict[str, str | None]] = {
    "A14-absent": {"code_challenge": None},
    "A14-neither": {"code_challenge": None, "code_challenge_method": None},
    "A14-42-characters": {"code_challenge": "a" * 42},
    "A14-129-characters": {"code_challenge": "a" * 129},
    "A14-alphabet": {"code_challenge": "é" * 43},
    "A14-padding": {"code_challenge": "a" * 42 + "="},
    "A14-no-method": {"code_challenge_method": None},
    "A14-plain": {"code_challenge_method": "plain"},
    "A14-s256": {"code_challenge_method": "s256"},
    "A15-none-and-login": {"prompt": "none login"},
    "A15-unknown-prompt": {"prompt": "sometimes"},
    "A15-max-age-negative": {"max_age": "-1"},
    "A15-max-age-word": {"max_age": "abc"},
    "max-age-fraction": {"max_age": "1.5"},
    "max-age-arabic": {"max_age": "٣"},
    "response-mode": {"response_mode": "fragment"},
    "response-type": {"response_type": None},
    "state": {"state": "s" * 3000},
    "nonce": {"nonce": "n" * 600},
    "login-hint": {"login_hint": "n" * 300},
    "ui-locales": {"ui_locales": "n" * 300},
    "acr-values": {"acr_values": "n" * 300},
    "A21-claims-deep": {"claims": "{" * 1000},
    "claims-wide": {"claims": '{"userinfo":' * 10},
    "claims-list": {"claims": "[1]"},
    "claims-number": {"claims": '{"userinfo": 3}'},
    "claims-member": {"claims": '{"userinfo": {"name": 3}}'},
    "claims-text": {"claims": "not json"},
}


@pytest.mark.parametrize("changes", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_parameter_is_an_invalid_request(
    world: World, changes: dict[str, str | None]
) -> None:
    told = answer(await world.browser().authorize(**changes))
    assert told["error"] == "invalid_request"
    assert told["iss"] == ISSUER
    assert "code" not in told


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ],
)
async def test_what_a_provider_may_leave_out_is_refused_by_its_own_name(
    world: World, name: str, error: str
) -> None:
    told = answer(await world.browser().authorize(**{name: "something"}))
    assert told["error"] == error


@pytest.mark.parametrize(
    "scope",
    [None, "", "unknown", "openid vn_staff", " ".join(f"s{n}" for n in range(5000)), "x" * 20_000],
    ids=["missing", "empty", "unknown", "foreign", "A21-5000-tokens", "A21-20-kB"],
)
async def test_scopes_that_may_not_be_had_are_invalid(world: World, scope: str | None) -> None:
    response = await world.browser().authorize(scope=scope)
    if response.status_code == 303:
        assert answer(response)["error"] == "invalid_scope"
    else:
        assert is_page_400(response)


async def test_bytes_that_are_not_utf8_are_refused(world: World) -> None:
    response = await world.browser().http.get("/authorize?client_id=%ff%fe")
    assert is_page_400(response)
    assert is_page_400(await world.browser().http.get("/authorize?client_id=%zz"))


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "claims", ['{"a":' * 10_000 + "1" + "}" * 10_000, '"' + "x" * 1_000_000 + '"'],
    ids=["A21-depth-10000", "A21-1-MB"],
)  # fmt: skip
async def test_a_huge_claims_parameter_is_refused_before_it_is_read(
    world: World, claims: str, method: str
) -> None:
    browser = world.browser()
    if method == "GET":
        query = urlencode(world.authorization(claims=claims))
        response = await browser.http.get(f"/authorize?{query[:60_000]}")  # no server reads more
    else:
        response = await browser.authorize("POST", claims=claims)
        response = await browser.follow(response)
    assert is_page_400(response)


async def test_a_silent_request_without_a_session_wants_a_login(world: World) -> None:
    told = answer(await world.browser().authorize(prompt="none"))
    assert told["error"] == "login_required"


async def test_a_silent_request_without_consent_wants_consent(world: World) -> None:
    browser = world.browser()
    await browser.tokens(world.alice)
    told = answer(
        await browser.authorize(client_id="c2", redirect_uri="https://rp2.test/cb", prompt="none")
    )
    assert told["error"] == "consent_required"


async def test_a_new_login_as_another_person_ends_the_first_session(world: World) -> None:
    browser = world.browser()
    first = await browser.tokens(world.alice)
    before = browser.http.cookies.get("__Host-lt-session")
    second = await browser.tokens(world.bob, prompt="login")
    assert browser.http.cookies.get("__Host-lt-session") != before
    assert (await world.userinfo(first["access_token"])).status_code == 401
    told = (await world.userinfo(second["access_token"])).json()
    assert told["name"] == world.bob.account.attributes.full_name


async def test_cancelling_and_signing_in_as_another_leaves_nothing_of_the_first(
    world: World,
) -> None:
    """A17 (CVE-2023-6787)."""
    browser = world.browser()
    first = await browser.tokens(world.alice)
    before = browser.http.cookies["__Host-lt-session"]
    page = await browser.follow(await browser.authorize(prompt="login"))
    await browser.submit(page, decision="cancel")
    second = await browser.tokens(world.bob, prompt="login")
    assert browser.http.cookies["__Host-lt-session"] != before
    assert claims_of(second["id_token"])["sid"] != claims_of(first["id_token"])["sid"]
    assert claims_of(second["id_token"])["sub"] != claims_of(first["id_token"])["sub"]
    told = (await world.userinfo(second["access_token"])).json()
    assert told["name"] == world.bob.account.attributes.full_name
    assert (await world.userinfo(first["access_token"])).status_code == 401
    thief = world.browser()
    thief.http.cookies.set("__Host-lt-session", before)
    assert answer(await thief.authorize(prompt="none"))["error"] == "login_required"


async def test_a_cancelled_login_leaves_the_session_as_it_was(world: World) -> None:
    browser = world.browser()
    tokens = await browser.tokens(world.alice)
    page = await browser.follow(await browser.authorize(prompt="login"))
    told = answer(await browser.submit(page, decision="cancel"))
    assert told["error"] == "access_denied"
    assert (await world.userinfo(tokens["access_token"])).status_code == 200


async def test_a_flow_of_another_browser_is_worth_nothing(world: World) -> None:
    attacker, victim = world.browser(), world.browser()
    started = await attacker.authorize()
    page = await victim.http.get(started.headers["location"])
    assert page.status_code == 400
    assert "password" not in page.text


async def test_no_session_id_from_before_a_login_is_valid_after_it(world: World) -> None:
    """A18, P14: neither one that was planted, nor the one of an earlier login."""
    browser = world.browser()
    browser.http.cookies.set("__Host-lt-session", "se_" + "A" * 43, domain="id.test")
    seen = {browser.http.cookies["__Host-lt-session"]}
    for _ in range(2):
        await browser.tokens(world.alice, prompt="login")
        now = browser.http.cookies["__Host-lt-session"]
        assert now not in seen
        seen.add(now)
    for old in seen - {now}:
        other = world.browser()
        other.http.cookies.set("__Host-lt-session", old)
        assert answer(await other.authorize(prompt="none"))["error"] == "login_required"


async def test_a_form_without_its_csrf_value_is_refused(world: World) -> None:
    browser = world.browser()
    page = await browser.follow(await browser.authorize())
    response = await browser.submit(page, csrf="0" * 32)
    assert response.status_code == 403
    assert await count(world, "family") == 0


HOSTILE = {
    "svg": "<svg onload=alert(1)>",
    "bidi": "\u202eturned-around",
    "attribute": "\"'><script>x</script>",
    "long": "<b>" * 60,
}


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("error_page", [False, True], ids=["login-page", "error-page"])
@pytest.mark.parametrize(
    "name",
    ["error_hint", "error_description", "ui_locales", "login_hint", "client_id", "error", "state"],
)
async def test_input_comes_back_only_escaped(
    world: World, name: str, value: str, *, error_page: bool
) -> None:
    """A20 (Hydra CVE-2019-8400)."""
    browser = world.browser()
    foreign = {"redirect_uri": "https://evil.test/"} if error_page else {}
    page = await browser.follow(await browser.authorize(**({name: value} | foreign)))
    assert page.status_code == (400 if error_page or name == "client_id" else 200)
    for raw in ("<svg onload", "<script>x", "\u202e", "<b><b>"):
        assert raw not in page.text
    if page.status_code == 400:
        assert "turned-around" not in page.text, "an error page repeats nothing of a request"


FORGED_HEADERS = {
    "A23-host": {"host": "evil.test"},
    "A23-host-with-path": {"host": "evil/?x="},
    "A23-forwarded-host": {"x-forwarded-host": "evil.test"},
    "A23-forwarded-proto": {"x-forwarded-proto": "http"},
    "A23-forwarded-prefix": {"x-forwarded-prefix": "/evil"},
    "A23-forwarded": {"forwarded": "host=evil.test;proto=http"},
    "A23-original-url": {"x-original-url": "/evil", "x-rewrite-url": "/evil"},
}


@pytest.mark.parametrize("headers", FORGED_HEADERS.values(), ids=FORGED_HEADERS)
async def test_our_own_name_never_comes_from_a_header(
    world: World, headers: dict[str, str]
) -> None:
    document = await world.http.get("/.well-known/openid-configuration", headers=headers)
    assert document.json()["issuer"] == ISSUER
    assert "evil" not in document.text
    browser = world.browser()
    started = await browser.http.get("/authorize", params=world.authorization(), headers=headers)
    assert started.headers["location"].startswith("/sign-in?flow=")
    assert "__Host-lt-flow" in started.headers["set-cookie"]
    assert "Domain" not in started.headers["set-cookie"]
    page = await browser.http.get(started.headers["location"], headers=headers)
    assert page.status_code == 200
    for answered in (page, await browser.http.get("/", headers=headers)):
        assert "evil" not in answered.text
        assert "http://" not in answered.text.replace("http://www.w3.org", "")
    code = answer(await browser.sign_in(world.alice, page))
    assert code["iss"] == ISSUER


async def test_a_request_by_post_is_bounced_so_that_the_session_is_seen(world: World) -> None:
    browser = world.browser()
    await browser.tokens(world.alice)
    posted = await browser.authorize("POST")
    assert answer(posted)["state"] == "st-1"
    stranger = await world.browser().authorize("POST")
    assert stranger.headers["location"].startswith("/authorize?")


async def test_the_challenge_may_be_left_out_only_where_the_registration_says_so(
    world: World,
) -> None:
    response = await world.browser().authorize(
        client_id="c2", redirect_uri="https://rp2.test/cb",
        code_challenge=None, code_challenge_method=None,
    )  # fmt: skip
    assert response.headers["location"].startswith("/sign-in")

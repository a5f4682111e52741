"""Group A of the adversarial cases: nothing redirects before the address is verified."""

import pytest

from idp.adapters import open_stores
from tests.fixtures_world import ISSUER, World, answer


def is_page_400(response: object) -> bool:
    return response.status_code == 400 and "location" not in response.headers  # type: ignore[attr-defined]


async def count(world: World, table: str) -> int:
    async with open_stores(world.settings, world.clock) as stores:
        row = await stores.database.one(f"SELECT count(*) AS n FROM {table}")
    assert row is not None
    return int(row["n"] or 0)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.test/cb", None, "https://rp1.test.evil.test/cb", "https://xrp1.test/cb",
        "https://rp1xtest/cb", "https://rp1.test/cb/..;/x", "https://rp1.test/cb/../x",
        "https://rp1.test/cb%2f..%2fx", "https://rp1.test/cb%252e%252e/x", "https://rp1.test/CB",
        "https://rp1.test/cb/", "HTTPS://RP1.TEST/cb", "https://rp1.test:443/cb",
        "https://rp1.test/cb?", "https://rp1.test/cb#", "https://rp1.test/cb?a=1",
        "https://rp1.test/cb?code=x&state=y", "https://rp1.test\\@evil.test/cb",
        "https:/\\evil.test", "\thttps://rp1.test/cb", "https://rp1.test/cb\r\nSet-Cookie:a=b",
        "https://rp1.test/cb\x00", "https://rp1.test/" + "a" * 60_000,
    ],
)  # fmt: skip
async def test_an_address_that_is_not_registered_byte_for_byte_never_redirects(
    world: World, address: str | None
) -> None:
    response = await world.browser().authorize(redirect_uri=address)
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
)
async def test_an_unknown_or_disabled_client_never_redirects(
    world: World, changes: dict[str, str | None]
) -> None:
    assert is_page_400(await world.browser().authorize(**changes))


@pytest.mark.parametrize(
    ("address", "accepted"),
    [
        ("http://127.0.0.1:51234/cb", True),
        ("http://127.0.0.1/cb", True),
        ("http://localhost:51234/cb", False),
        ("http://127.0.0.1:51234/x", False),
        ("http://127.0.0.1:0/cb", False),
        ("http://127.0.0.1:99999/cb", False),
        ("http://127.0.0.1:51234", False),
        ("http://localhost.evil.test/cb", False),
        ("http://127.0.0.1.evil.test/cb", False),
        ("http://127.0.0.1:1@evil.test/cb", False),
    ],
)
async def test_only_the_port_of_a_loopback_address_is_free(
    world: World, address: str, *, accepted: bool
) -> None:
    response = await world.browser().authorize(client_id="n1", redirect_uri=address)
    assert response.status_code == (303 if accepted else 400)


@pytest.mark.parametrize("response_type", ["token", "id_token token", "none", "code code", "foo"])
async def test_other_response_types_are_refused_in_the_query(
    world: World, response_type: str
) -> None:
    response = await world.browser().authorize(response_type=response_type)
    told = answer(response)
    assert told["error"] == "unsupported_response_type"
    assert (told["state"], told["iss"]) == ("st-1", ISSUER)
    assert "#" not in response.headers["location"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("name", "redirects"),
    [
        ("client_id", False), ("redirect_uri", False), ("scope", True), ("state", True),
        ("code_challenge", True),
    ],
)  # fmt: skip
async def test_a_parameter_sent_twice_is_refused(
    world: World, method: str, name: str, *, redirects: bool
) -> None:
    pairs = [*world.authorization().items(), (name, "other")]
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
    else:
        assert is_page_400(response)


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None},
        {"code_challenge": "a" * 42},
        {"code_challenge": "a" * 129},
        {"code_challenge": "é" * 43},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"prompt": "none login"},
        {"prompt": "sometimes"},
        {"max_age": "-1"},
        {"max_age": "abc"},
        {"response_mode": "fragment"},
        {"state": "s" * 3000},
        {"claims": "{" * 3000},
        {"claims": '{"userinfo":' * 10},
        {"claims": "[1]"},
        {"claims": '{"userinfo": 3}'},
        {"claims": '{"userinfo": {"name": 3}}'},
        {"claims": "not json"},
        {"response_type": None},
    ],
)
async def test_a_malformed_parameter_is_an_invalid_request(
    world: World, changes: dict[str, str | None]
) -> None:
    told = answer(await world.browser().authorize(**changes))
    assert told["error"] == "invalid_request"


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
    ["", "unknown", "openid vn_staff", " ".join(f"s{n}" for n in range(5000)), "x" * 20_000],
)
async def test_scopes_that_may_not_be_had_are_invalid(world: World, scope: str) -> None:
    response = await world.browser().authorize(scope=scope)
    assert response.status_code == 400 or answer(response)["error"] in (
        "invalid_scope", "invalid_request",
    )  # fmt: skip


async def test_bytes_that_are_not_utf8_are_refused(world: World) -> None:
    response = await world.browser().http.get("/authorize?client_id=%ff%fe")
    assert is_page_400(response)
    assert is_page_400(await world.browser().http.get("/authorize?client_id=%zz"))


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


async def test_a_form_without_its_csrf_value_is_refused(world: World) -> None:
    browser = world.browser()
    page = await browser.follow(await browser.authorize())
    response = await browser.submit(page, csrf="0" * 32)
    assert response.status_code == 403
    assert await count(world, "family") == 0


@pytest.mark.parametrize("value", ["<svg onload=alert(1)>", "\u202eabc", "\"'><script>x</script>"])
@pytest.mark.parametrize("name", ["login_hint", "ui_locales", "client_id", "error_description"])
async def test_input_comes_back_only_escaped(world: World, name: str, value: str) -> None:
    browser = world.browser()
    page = await browser.follow(await browser.authorize(**{name: value}))
    assert "<svg onload" not in page.text
    assert "<script>x" not in page.text
    assert "\u202e" not in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.test"},
        {"x-forwarded-host": "evil.test", "x-forwarded-proto": "http", "forwarded": "host=evil"},
    ],
)
async def test_our_own_name_never_comes_from_a_header(
    world: World, headers: dict[str, str]
) -> None:
    document = await world.http.get("/.well-known/openid-configuration", headers=headers)
    assert document.json()["issuer"] == ISSUER
    page = await world.browser().http.get("/authorize", headers=headers)
    assert "evil" not in page.text


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

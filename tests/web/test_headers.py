"""What every answer with a page carries, on every door and in every state; and whose host counts."""

import re

import httpx
import pytest

from tests.fixtures_world import ISSUER, Browser, Fields, World

RP2 = "https://rp2.test/cb"
ON_TICKET = "/ticket?system=onestop"


async def pages_of_a_sign_in(world: World) -> dict[str, httpx.Response]:
    """One page of each kind, as a person comes by them."""
    alice, seen = world.browser(), {}
    seen["home"] = await alice.http.get("/")
    start = await alice.http.get(ON_TICKET)
    seen["login"] = await alice.follow(start)
    seen["wrong password"] = await alice.submit(
        seen["login"], username="anh.tuyet", password="x" * 9
    )
    typed = {"username": "anh.tuyet", "password": world.alice.password}
    seen["code"] = await alice.submit(seen["login"], **typed)
    seen["wrong code"] = await alice.submit(seen["code"], otp="000000")
    seen["claim"] = await alice.submit(seen["code"], otp=world.otp(world.alice))
    seen["wrong proof"] = await alice.submit(seen["claim"], account="khanhtb", password="x")
    old = {"account": "tuyetnt85", "password": "mat-khau-cu-2009"}
    seen["ticket by form"] = await alice.submit(seen["claim"], **old)
    seen["home of a person"] = await alice.http.get("/")
    seen["consent"] = await alice.follow(await alice.authorize(client_id="c2", redirect_uri=RP2))
    seen["code by form"] = await alice.authorize(response_mode="form_post")
    register = {"client_id": "register", "redirect_uri": "https://register.test/cb"}
    seen["no account"] = await alice.follow(await alice.authorize(**register, scope="openid"))
    seen["unknown client"] = await alice.authorize(client_id="nobody")
    seen["unknown address"] = await alice.authorize(redirect_uri="https://evil.test/cb")
    seen["unknown flow"] = await alice.http.get("/sign-in?flow=0000000000000000")
    seen["forged"] = await alice.http.post(
        "/sign-in", data=Fields(seen["consent"].text).values | {"csrf": "x"}
    )
    seen["not found"] = await alice.http.get("/nowhere")
    seen["wrong method of the site"] = await alice.http.post("/")
    seen["sign out?"] = await alice.http.get("/logout")
    seen["sign out to nowhere"] = await alice.http.get(
        "/logout?post_logout_redirect_uri=https://evil.test/&client_id=c1"
    )
    seen["signed out"] = await alice.submit(seen["sign out?"])
    return seen


async def test_every_page_is_framed_by_nobody_kept_by_nobody_and_runs_no_foreign_script(
    world: World,
) -> None:
    """Case O5."""
    nonces = []
    pages = await pages_of_a_sign_in(world)
    for name, page in pages.items():
        assert page.headers["content-type"] == "text/html; charset=utf-8", name
        assert page.headers["cache-control"] == "no-store", name
        assert page.headers["x-content-type-options"] == "nosniff", name
        assert page.headers["referrer-policy"] == "no-referrer", name
        assert page.headers["x-frame-options"] == "DENY", name
        policy = dict(
            part.split(" ", 1) for part in page.headers["content-security-policy"].split("; ")
        )
        assert policy["default-src"] == "'none'", name
        assert policy["frame-ancestors"] == "'none'", name
        assert policy["base-uri"] == "'none'", name
        assert "unsafe" not in page.headers["content-security-policy"], name
        nonce = re.fullmatch(r"'nonce-([0-9a-f]{24})'", policy["script-src"])
        assert nonce is not None, name
        nonces.append(nonce[1])
        for script in re.findall(r"<script[^>]*>", page.text):
            assert script == f'<script nonce="{nonce[1]}">', name
        targets = policy["form-action"].split()
        assert targets[0] == "'self'", name
        assert all(re.fullmatch(r"https://[a-z0-9]+\.test", one) for one in targets[1:]), name
        assert "*" not in page.headers["content-security-policy"], name
    assert len(set(nonces)) == len(pages) > 20


async def test_a_form_may_go_only_to_us_and_to_the_system_it_serves(world: World) -> None:
    pages = await pages_of_a_sign_in(world)

    def targets(name: str) -> list[str]:
        policy = pages[name].headers["content-security-policy"]
        return policy.partition("form-action ")[2].partition(";")[0].split()

    assert targets("login") == ["'self'", "https://onestop.test"]
    assert targets("consent") == ["'self'", "https://rp2.test"]
    assert targets("code by form") == ["'self'", "https://rp1.test"]
    for name in ("home", "unknown client", "unknown address", "not found", "signed out"):
        assert targets(name) == ["'self'"], name


REFUSED = {"unknown client", "unknown address", "unknown flow", "forged", "sign out to nowhere"}


async def test_an_error_page_shows_the_number_of_its_record_and_no_other_page_shows_one(
    world: World,
) -> None:
    """What a person can tell the hotline is what the audit holds."""
    for name, page in (await pages_of_a_sign_in(world)).items():
        shown = re.findall(r"Mã tra cứu: <code>([0-9a-f]{16})</code>", page.text)
        assert shown == ([page.headers["correlation-id"]] if name in REFUSED else []), name
        assert ("tổng đài" in page.text) == (name in REFUSED), name


async def test_an_ended_session_takes_its_kept_pages_along(world: World) -> None:
    """A browser may keep whole pages for its Back button, whatever `no-store` says."""
    browser = world.browser()
    tokens = await browser.tokens(world.alice)
    query = {
        "id_token_hint": tokens["id_token"],
        "post_logout_redirect_uri": "https://rp1.test/bye",
    }
    sent_back = await browser.http.get("/logout", params=query)
    await browser.tokens(world.alice)
    told = await browser.submit(await browser.http.get("/logout"))
    for answer in (sent_back, told):
        assert answer.headers["clear-site-data"] == '"cache"'
        assert "__Host-lt-session=;" in answer.headers["set-cookie"]
    assert sent_back.headers["location"] == "https://rp1.test/bye"


HOSTILE_HEADERS = [
    {"host": "evil.test"},
    {"host": "a/?x="},
    {"x-forwarded-host": "evil.test"},
    {"x-forwarded-proto": "http"},
    {"x-forwarded-prefix": "/evil"},
    {"forwarded": "host=evil.test;proto=http"},
    {"x-original-url": "/evil", "x-rewrite-url": "/evil"},
]


@pytest.mark.parametrize("hostile", HOSTILE_HEADERS, ids=[next(iter(h)) for h in HOSTILE_HEADERS])
@pytest.mark.parametrize("address", ["203.0.113.7", "10.0.0.1"], ids=["stranger", "proxy"])
async def test_what_a_peer_says_of_our_host_changes_nothing(
    world: World, hostile: dict[str, str], address: str
) -> None:
    """Case A23: our base URL is configuration, also where a trusted proxy speaks."""
    calm, told = world.browser(address), world.browser(address)
    paths = ["/.well-known/openid-configuration", "/", "/logout", "/nowhere", "/authorize"]
    for path in paths:
        wanted, found = await calm.http.get(path), await told.http.get(path, headers=hostile)
        assert found.status_code == wanted.status_code, path
        assert without_chance(found) == without_chance(wanted), path
        assert "evil" not in found.text + str(found.headers), path
    start = await told.http.get("/authorize", params=world.authorization(), headers=hostile)
    assert start.headers["location"].startswith("/sign-in?flow=")
    assert "; Secure" in start.headers["set-cookie"]
    assert start.headers["set-cookie"].startswith("__Host-lt-flow-")
    assert ISSUER in (await told.http.get(paths[0], headers=hostile)).text


def without_chance(response: httpx.Response) -> str:
    kept = {k: v for k, v in response.headers.items() if k != "content-security-policy"}
    return re.sub(r"\ber_[\w-]+|[0-9a-f]{16,}", "#", response.text + str(sorted(kept.items())))


POISONS = ["<svg onload=alert(1)>", '"><script>alert(1)</script>', "x\u202egnp.exe", "y" * 5000]


@pytest.mark.parametrize("poison", POISONS, ids=["markup", "breaking out", "bidi", "long"])
async def test_nothing_that_was_sent_comes_back_alive(world: World, poison: str) -> None:
    """Case A20."""
    browser = world.browser()
    answers = [
        await browser.http.get("/authorize", params={"client_id": poison}),
        await browser.http.get(
            "/authorize",
            params={
                "client_id": "c1", "redirect_uri": "https://evil.test/", "error": poison,
                "error_description": poison, "error_hint": poison, "state": poison,
            },
        ),
        await browser.http.get("/", params={"error_description": poison, "lang": poison}),
        await browser.http.get("/logout", params={"ui_locales": poison, "state": poison}),
        await browser.http.get("/sign-in", params={"flow": poison, "error": poison}),
        await browser.http.get("/ticket", params={"system": poison, "return_url": poison}),
        await login_page(browser, login_hint=poison[:60], ui_locales=poison[:60]),
    ]  # fmt: skip
    for response in answers:
        assert response.status_code in (200, 400), response.url
        assert "<svg onload" not in response.text
        assert "<script>" not in response.text
        assert "\u202e" not in response.text
        assert "y" * 201 not in response.text
    assert "evil.test" not in answers[1].text


async def login_page(browser: Browser, **changes: str) -> httpx.Response:
    page = await browser.follow(await browser.authorize(**changes))
    assert "current-password" in page.text
    return page


@pytest.mark.parametrize("name", [POISONS[0], POISONS[1], POISONS[2], "z" * 300])
async def test_a_name_that_was_typed_comes_back_as_text(world: World, name: str) -> None:
    browser = world.browser()
    page = await browser.submit(await login_page(browser), username=name, password="x" * 9)
    assert 'role="alert"' in page.text
    assert not re.search(r"<svg onload|<script>|\u202e|z{201}", page.text)
    assert Fields(page.text).names.count("username") == 1

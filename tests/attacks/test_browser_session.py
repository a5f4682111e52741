"""Cases A17, A18 and P14: whose session a browser holds, and whose cookies count."""

import pytest

from tests.fixtures_world import Browser, Fields, World, answer
from tests.tokens import claims_of

SESSION = "__Host-lt-session"


async def begun(browser: Browser, **changes: str | None) -> str:
    """The address of a flow that this browser has begun."""
    return str((await browser.authorize(**changes)).headers["location"])


def session_of(browser: Browser) -> str | None:
    return browser.http.cookies.get(SESSION)


async def test_another_person_in_the_same_browser_ends_the_first_ones_session(
    world: World,
) -> None:
    """Case A17."""
    browser = world.browser()
    alices = await browser.tokens(world.alice)
    cookie = session_of(browser)
    page = await browser.follow(await browser.authorize(prompt="login"))
    assert answer(await browser.submit(page, decision="cancel"))["error"] == "access_denied"
    assert session_of(browser) == cookie  # cancelling changes nobody's session
    bobs = await browser.tokens(world.bob, prompt="login")
    before, after = claims_of(alices["id_token"]), claims_of(bobs["id_token"])
    assert before["sid"] != after["sid"]
    assert before["sub"] != after["sub"]
    assert session_of(browser) != cookie
    assert (await world.userinfo(alices["access_token"])).status_code == 401
    assert (await world.userinfo(bobs["access_token"])).json()["sub"] == after["sub"]
    stolen = world.browser()
    stolen.http.cookies.set(SESSION, str(cookie))
    assert answer(await stolen.authorize(prompt="none"))["error"] == "login_required"


async def test_the_same_person_gets_a_new_handle_at_each_sign_in(world: World) -> None:
    browser = world.browser()
    handles, sids = [], set()
    for _ in range(3):
        tokens = await browser.tokens(world.alice, prompt="login")
        handles.append(str(session_of(browser)))
        sids.add(claims_of(tokens["id_token"])["sid"])
    assert len(set(handles)) == 3
    assert len(sids) == 1  # systems see one session
    for old in handles[:-1]:
        stale = world.browser()
        stale.http.cookies.set(SESSION, old)
        assert answer(await stale.authorize(prompt="none"))["error"] == "login_required"


async def test_a_session_id_from_before_the_sign_in_is_never_kept(world: World) -> None:
    """Case A18: what an attacker planted is worth nothing afterwards."""
    browser = world.browser()
    planted = "se_" + "A" * 43
    browser.http.cookies.set(SESSION, planted)
    await browser.sign_in(world.alice, await browser.authorize())
    own = [c for c in browser.http.cookies.jar if c.name == SESSION and c.domain == "id.test"]
    assert own
    assert all(cookie.value != planted for cookie in own)
    attacker = world.browser("198.51.100.66")
    attacker.http.cookies.set(SESSION, planted)
    assert answer(await attacker.authorize(prompt="none"))["error"] == "login_required"


@pytest.mark.parametrize("passed", [False, True], ids=["fresh", "password passed"])
async def test_a_flow_that_somebody_else_began_cannot_be_used(world: World, passed: bool) -> None:
    """Case A18: neither by its address, nor with the form's fields, nor under another flow's cookie."""
    attacker, victim = world.browser("198.51.100.66"), world.browser()
    link = await begun(attacker)
    page = await attacker.http.get(link)
    if passed:
        typed = {"username": "bao.khanh", "password": world.bob.password}
        page = await attacker.submit(page, **typed)
    assert (await victim.http.get(link)).status_code == 400
    form = Fields(page.text).values
    assert (await victim.http.post("/sign-in", data=form | {"otp": "000000"})).status_code == 400
    own = await begun(victim)
    theirs, ours = (one.rpartition("=")[2] for one in (link, own))
    sealed = attacker.http.cookies[f"__Host-lt-flow-{theirs}"]
    swapped = {"cookie": f"__Host-lt-flow-{ours}={sealed}"}
    bare = world.browser()
    assert (await bare.http.get(own, headers=swapped)).status_code == 400
    assert session_of(victim) is None


async def test_a_form_without_its_secret_is_refused(world: World) -> None:
    browser, other = world.browser(), world.browser()
    page = await browser.http.get(await begun(browser))
    foreign = Fields((await other.http.get(await begun(other))).text).values["csrf"]
    form = Fields(page.text).values
    typed = {"username": "anh.tuyet", "password": world.alice.password}
    for csrf in ("", "x", foreign, form["csrf"][:-1], form["csrf"] + "0"):
        response = await browser.http.post("/sign-in", data=form | typed | {"csrf": csrf})
        assert response.status_code == 403
    without = {k: v for k, v in form.items() if k != "csrf"}
    assert (await browser.http.post("/sign-in", data=without | typed)).status_code == 403
    twice = [*form.items(), *typed.items(), ("csrf", "x")]
    body = "&".join(f"{name}={value}" for name, value in twice)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    repeated = await browser.http.post("/sign-in", content=body, headers=headers)
    assert repeated.status_code == 400
    assert session_of(browser) is None


async def every_cookie(world: World) -> list[str]:
    """Each Set-Cookie of a sign-in, a choice of language, and a sign-out."""
    browser = world.browser()
    found: list[str] = []

    async def note(response: object) -> None:
        found.extend(response.headers.get_list("set-cookie"))  # type: ignore[attr-defined]

    browser.http.event_hooks["response"] = [note]
    await browser.http.get("/?lang=en")
    await browser.http.get(await begun(browser) + "&lang=vi")
    await browser.tokens(world.alice)
    await browser.submit(await browser.http.get("/logout"))
    return found


async def test_every_cookie_is_bound_to_this_host_and_out_of_reach_of_scripts(
    world: World,
) -> None:
    """Case P14."""
    cookies = await every_cookie(world)
    names = {cookie.partition("=")[0] for cookie in cookies}
    kinds = {"__Host-lt-lang", "__Host-lt-session", "__Host-lt-device", "__Host-lt-flow-"}
    assert {next(k for k in kinds if name.startswith(k)) for name in names} == kinds
    for cookie in cookies:
        flags = cookie.split("; ")[1:]
        assert {"Path=/", "HttpOnly", "SameSite=Lax", "Secure"} <= set(flags), cookie
        assert not [flag for flag in flags if flag.lower().startswith("domain")], cookie


@pytest.mark.parametrize("kind", ["session", "flow", "device", "lang"])
async def test_a_twin_that_a_sibling_planted_is_ignored(world: World, kind: str) -> None:
    """Case P14: whichever of the two comes first, neither is believed."""
    browser = world.browser()
    await browser.tokens(world.alice)
    await browser.http.get("/?lang=en")
    link = await begun(browser, prompt="login")
    name = f"__Host-lt-flow-{link.rpartition('=')[2]}" if kind == "flow" else f"__Host-lt-{kind}"
    own = browser.http.cookies[name]
    others = "; ".join(f"{k}={v}" for k, v in browser.http.cookies.items() if k != name)
    for twins in (f"{name}={own}; {name}=planted", f"{name}=planted; {name}={own}"):
        bare = world.browser()
        headers = {"cookie": f"{others}; {twins}"}
        if kind == "flow":
            assert (await bare.http.get(link, headers=headers)).status_code == 400
            continue
        home = await bare.http.get("/", headers=headers)
        assert home.status_code == 200
        assert ("Nguyễn" in home.text) == (kind != "session")
        assert ('<html lang="en">' in home.text) == (kind != "lang")


async def test_two_hundred_foreign_cookies_hide_nothing(world: World) -> None:
    """Case P14."""
    browser = world.browser()
    await browser.tokens(world.alice)
    own = session_of(browser)
    crowd = "; ".join(f"__Host-lt-flow-{n:016x}=x" for n in range(200))
    bare = world.browser()
    for cookies in (f"{crowd}; {SESSION}={own}", f"{SESSION}={own}; {crowd}"):
        home = await bare.http.get("/", headers={"cookie": cookies})
        assert "Nguyễn" in home.text
    lookalikes = f"lt-session={own}; __Host-lt-sessions={own}; __Secure-lt-session={own}"
    home = await bare.http.get("/", headers={"cookie": lookalikes})
    assert "Nguyễn" not in home.text

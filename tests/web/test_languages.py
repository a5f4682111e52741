"""Which language a page speaks: whose word counts, in which order."""

import re

import httpx
import pytest

from idp.protocol.languages import language_for
from tests.fixtures_world import Browser, Fields, World


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("vi;q=0.3, en;q=0.9", "en"),
        ("en;q=0.3, vi;q=0.9", "vi"),
        ("en, vi", "en"),  # equal weights: the order of the list
        ("vi, en", "vi"),
        ("fr-FR, en-US;q=0.8, vi;q=0.7", "en"),
        ("en-GB", "en"),
        ("VI-vn", "vi"),
        ("fr, de;q=0.5", "vi"),
        ("", "vi"),
        ("*", "vi"),
        ("en;q=0, *", "vi"),
        ("vi;q=0, *;q=0.1", "en"),
        ("vi;q=0", "vi"),  # nothing acceptable: the language of the province
        ("en;q=0", "vi"),
        ("*;q=0.9, en;q=0.5", "vi"),
        ("en ; q=0.2 , vi ; q=0.8", "vi"),
        ("en;q=1.000, vi;q=0.999", "en"),
        ("en;q=2, vi;q=0.1", "vi"),  # a weight that is none makes its entry none
        ("en;q=-1, vi;q=0.1", "vi"),
        ("en;q=nan;vi", "vi"),
        ("english, vietnam", "vi"),
        ("x-en, zh-vi", "vi"),
        ("en" + ", fr" * 5000, "vi"),  # longer than any browser sends: not read at all
    ],
)
def test_weights_decide_among_what_the_browser_accepts(header: str, expected: str) -> None:
    """Spec: RFC 9110 §12.5.4"""
    assert language_for(ui_locales=None, remembered=None, accepted=header) == expected


@pytest.mark.parametrize(
    ("ui_locales", "remembered", "accepted", "expected"),
    [
        ("en", "vi", "vi", "en"),  # the application knows which page the person came from
        ("fr en-GB vi", "vi", "vi", "en"),
        ("fr de", "en", "vi", "en"),
        ("x-en", None, "vi", "vi"),
        (None, "en", "vi", "en"),
        (None, "vi", "en", "vi"),
        (None, "tlh", "en", "en"),
        (None, None, "en", "en"),
        ("", "", "", "vi"),
    ],
)
def test_the_application_then_the_choice_then_the_browser_then_vietnamese(
    ui_locales: str | None, remembered: str | None, accepted: str, expected: str
) -> None:
    found = language_for(ui_locales=ui_locales, remembered=remembered, accepted=accepted)
    assert found == expected


async def page_in(browser: Browser, path: str, **headers: str) -> str:
    response = await browser.http.get(path, headers=headers)
    return "en" if '<html lang="en">' in response.text else "vi"


async def test_the_start_page_listens_to_the_browser_and_remembers_a_choice(world: World) -> None:
    browser = world.browser()
    english = {"accept-language": "vi;q=0.1, en"}
    assert await page_in(browser, "/", **english) == "en"
    assert await page_in(browser, "/?lang=vi", **english) == "vi"
    assert await page_in(browser, "/", **english) == "vi"
    assert await page_in(browser, "/nowhere", **english) == "vi"
    assert await page_in(browser, "/?lang=tlh", **english) == "vi"


async def test_a_sign_out_keeps_the_language_it_was_asked_in(world: World) -> None:
    browser = world.browser()
    await browser.tokens(world.alice)
    asked = await browser.http.get("/logout?ui_locales=en")
    assert "Sign out?" in asked.text
    form = Fields(asked.text)
    done = await browser.http.post("/logout", data=form.values)
    assert "You are signed out" in done.text


@pytest.mark.parametrize("decision", ["", "cancel"], ids=["answer", "refusal"])
@pytest.mark.parametrize("dialect", ["oidc", "ticket"])
async def test_the_page_that_posts_the_answer_speaks_the_language_chosen_in_the_flow(
    world: World, dialect: str, decision: str
) -> None:
    """The application asked for Vietnamese; the person then chose English, and stays with it."""
    browser = world.browser()
    if dialect == "oidc":
        start = await browser.authorize(response_mode="form_post", ui_locales="vi")
    else:
        start = await browser.http.get("/ticket?system=onestop&ui_locales=vi")
    login = await browser.follow(start)
    page = await browser.http.get(f"{login.request.url}&lang=en")
    if decision:
        page = await browser.submit(page, decision=decision)
    else:
        typed = {"username": "anh.tuyet", "password": world.alice.password}
        page = await browser.submit(page, **typed)
        page = await browser.submit(page, otp=world.otp(world.alice))
    if dialect == "ticket" and not decision:
        page = await browser.submit(page, account="tuyetnt85", password="mat-khau-cu-2009")
    assert 'id="answer"' in page.text
    assert '<html lang="en">' in page.text


# --- the pages that tell something: each in the other language, and otherwise the same ------------


def link_of(page: httpx.Response, language: str) -> str:
    found = re.findall(rf'<a href="([^"]+)" lang="{language}"', page.text)
    assert len(found) == 1, page.text
    return str(found[0]).replace("&amp;", "&")


def number_of(page: httpx.Response) -> list[str]:
    return re.findall(r"<code>([0-9a-f]{16})</code>", page.text)


REFUSED = {
    "/authorize?client_id=nobody&state=secret-of-the-application": "Unknown application",
    "/authorize?client_id=c1&redirect_uri=https://evil.test/": "The return address is not registered",
    "/ticket?system=nowhere": "Unknown application",
    "/sign-in?flow=0000000000000000": "This sign-in is no longer valid",
    "/logout?client_id=c1&post_logout_redirect_uri=https://evil.test/": "after signing out",
}


@pytest.mark.parametrize("address", REFUSED)
async def test_an_error_page_is_the_same_in_the_other_language_and_the_choice_is_remembered(
    world: World, address: str
) -> None:
    browser = world.browser()
    told = await browser.http.get(address)
    assert (told.status_code, '<html lang="vi">' in told.text) == (400, True)
    english = await browser.http.get(link_of(told, "en"))
    assert english.status_code == 200
    assert '<html lang="en">' in english.text
    assert REFUSED[address] in english.text
    assert number_of(english) == number_of(told) == [told.headers["correlation-id"]]
    assert "correlation-id" not in english.headers  # nothing was refused once more
    assert await page_in(browser, "/") == "en"
    back = await browser.http.get(link_of(english, "vi"))
    assert (number_of(back), "Mã tra cứu" in back.text) == (number_of(told), True)


async def test_the_links_of_an_error_page_hold_nothing_that_was_sent(world: World) -> None:
    browser = world.browser()
    told = await browser.http.get("/authorize?client_id=nobody&state=of-the-application&lang=xx")
    assert re.fullmatch(r"/error\?about=er_[A-Za-z0-9_-]+&lang=en", link_of(told, "en"))
    assert "of-the-application" not in told.text


async def test_a_posted_form_that_was_refused_has_its_page_in_both_languages(world: World) -> None:
    browser = world.browser()
    login = await browser.follow(await browser.authorize())
    told = await browser.submit(login, csrf="0" * 32)
    assert told.status_code == 403
    english = await browser.http.get(link_of(told, "en"))
    assert "This sign-in is no longer valid" in english.text
    assert number_of(english) == number_of(told)


@pytest.mark.parametrize("about", ["", "er_", "er_AAAA", "to_{seal}", "er_{seal}A", "fl_{seal}"])
async def test_a_link_to_an_error_page_that_is_not_ours_shows_nothing_of_it(
    world: World, about: str
) -> None:
    told = await world.browser().http.get("/authorize?client_id=nobody")
    seal = link_of(told, "en").partition("about=er_")[2].partition("&")[0]
    forged = await world.browser().http.get(
        "/error", params={"about": about.format(seal=seal), "lang": "en"}
    )
    assert forged.status_code == 400
    assert number_of(forged) != number_of(told)
    assert "chưa được đăng ký" not in forged.text


async def test_a_link_to_an_error_page_ends_after_a_quarter_of_an_hour(world: World) -> None:
    browser = world.browser()
    link = link_of(await browser.http.get("/authorize?client_id=nobody"), "en")
    world.clock.now += 899
    assert (await browser.http.get(link)).status_code == 200
    world.clock.now += 1
    assert (await browser.http.get(link)).status_code == 400


async def test_a_page_that_is_not_there_says_so_in_both_languages_at_its_own_address(
    world: World,
) -> None:
    browser = world.browser()
    told = await browser.http.get("/nowhere?<svg>=x")
    link = link_of(told, "en")
    assert link == "?lang=en"
    english = await browser.http.get(f"/nowhere{link}")
    assert (english.status_code, "Page not found" in english.text) == (404, True)
    assert await page_in(browser, "/") == "en"


async def test_the_question_before_a_sign_out_keeps_its_address_in_the_other_language(
    world: World,
) -> None:
    browser = world.browser()
    await browser.tokens(world.alice)
    address = {"client_id": "c1", "post_logout_redirect_uri": "https://rp1.test/bye", "state": "s&"}
    asked = await browser.http.get("/logout", params=address | {"ui_locales": "vi"})
    english = await browser.http.get(link_of(asked, "en"))
    assert "Sign out?" in english.text
    assert await page_in(browser, "/") == "en"
    done = await browser.http.post("/logout", data=Fields(english.text).values)
    assert done.headers["location"] == "https://rp1.test/bye?state=s%26"


async def signed_out(world: World, browser: Browser) -> httpx.Response:
    await browser.tokens(world.alice)
    told = await browser.submit(await browser.http.get("/logout"))
    assert "Quý vị đã đăng xuất" in told.text
    return told


async def test_the_page_after_a_sign_out_names_the_same_systems_in_the_other_language(
    world: World,
) -> None:
    browser = world.browser()
    told = await signed_out(world, browser)
    names = re.findall(r"<li>(.*?)</li>", told.text)
    english = await browser.http.get(link_of(told, "en"))
    assert "You are signed out" in english.text
    assert len(re.findall(r"<li>(.*?)</li>", english.text)) == len(names) == 1
    assert await page_in(browser, "/") == "en"
    world.clock.now += 300
    later = await browser.http.get(link_of(told, "en"))
    assert "You are signed out" in later.text
    assert "<li>" not in later.text


async def test_the_page_after_a_sign_out_keeps_its_way_back_in_the_other_language(
    world: World,
) -> None:
    address = {"client_id": "c1", "post_logout_redirect_uri": "https://rp1.test/bye", "state": "s"}
    browser = world.browser()
    told = await browser.http.get("/logout", params=address)
    english = await browser.http.get(link_of(told, "en"))
    for page in (told, english):
        assert 'href="https://rp1.test/bye?state=s"' in page.text
    assert "Go back to the system" in english.text


async def test_nobody_who_is_signed_in_is_told_otherwise_by_a_link(world: World) -> None:
    """What a link says is which names stand in the list, never that a session has ended."""
    link = link_of(await signed_out(world, world.browser()), "en")
    other = world.browser()
    await other.tokens(world.alice)
    assert "Sign out?" in (await other.http.get(link)).text

"""Which language a page speaks: whose word counts, in which order."""

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

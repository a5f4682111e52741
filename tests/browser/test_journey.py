"""The journey of a person, in a real browser: by keyboard, without scripts, narrow and wide."""

import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from idp.demo.province import Resident
from tests.browser.chrome import Chrome
from tests.browser.page_rules import check
from tests.browser.province import Province, otp

LOGOUT_SECONDS = 5.0
SUBMIT = "button.primary"


@pytest.fixture(params=[(360, "vi", True), (1280, "en", True), (360, "en", False)],
                ids=["narrow-vi", "wide-en", "narrow-en-without-scripts"])  # fmt: skip
def walker(request: pytest.FixtureRequest, chrome: Chrome) -> tuple[Chrome, str, bool]:
    width, language, scripts = request.param
    return chrome.begin(width=width, language=language, scripts=scripts), language, scripts


def sign_in(chrome: Chrome, province: Province, person: Resident) -> None:
    """From the portal's button to the portal's greeting."""
    chrome.open(province.portal)
    chrome.enter('a[href="/login"]')
    chrome.fill_in(username=person.username, password=person.password)
    chrome.fill_in(otp=otp(person))
    chrome.arrives(province.portal)


def signed_in_here_too(chrome: Chrome, province: Province) -> str:
    """Somebody who is signed in at the portal looks at the provider's page; the name it shows."""
    person = province.plain.pop()
    sign_in(chrome, province, person)
    chrome.open(f"{province.issuer}/")
    assert person.attributes.full_name in chrome.text
    return person.attributes.full_name


def pages_of_ours(chrome: Chrome, province: Province) -> bool:
    return chrome.url.startswith(province.issuer)


def pressed_on(chrome: Chrome, address: str, *, scripts: bool) -> None:
    """A ticket travels by form: by itself, or by the button where scripts are off."""
    if not scripts and not chrome.url.startswith(address):
        chrome.enter(SUBMIT)
    chrome.arrives(address)


def soon(holds: Callable[[], bool]) -> bool:
    ends_at = time.monotonic() + LOGOUT_SECONDS
    while not holds() and time.monotonic() < ends_at:
        time.sleep(0.1)
    return holds()


def test_one_login_three_systems_one_claim_one_logout(
    walker: tuple[Chrome, str, bool], province: Province
) -> None:
    chrome, language, scripts = walker
    person = province.claimants.pop()
    name = person.attributes.full_name
    for address in province.systems:
        chrome.open(f"{address}/?lang={language}")

    chrome.open(province.portal)
    chrome.enter('a[href="/login"]')
    check(chrome, language)
    assert chrome.heading == {"vi": "Đăng nhập", "en": "Sign in"}[language]
    chrome.fill_in(username=person.username, password=person.password)
    check(chrome, language)
    assert person.password not in chrome.driver.page_source
    chrome.fill_in(otp=otp(person))
    chrome.arrives(province.portal)
    assert name in chrome.text

    chrome.open(province.hotline)
    chrome.arrives(province.hotline)
    chrome.open(f"{province.hotline}/login")
    chrome.arrives(province.hotline)  # no page with a question in between
    assert name in chrome.text

    chrome.open(province.onestop)
    chrome.enter('a[href="/login"]')
    check(chrome, language)
    assert (
        chrome.heading == {"vi": "Nhận lại tài khoản cũ", "en": "Claim your old account"}[language]
    )
    chrome.fill_in(account=person.old_account or "", password="sai-roi")
    assert chrome.find("[name=account]").get_attribute("value") == person.old_account
    chrome.fill_in(password=person.old_password or "")
    pressed_on(chrome, province.onestop, scripts=scripts)
    assert str(person.old_account) in chrome.text

    chrome.driver.delete_all_cookies()  # of the one-stop's host; the provider's stay
    chrome.open(f"{province.onestop}/login")
    pressed_on(chrome, province.onestop, scripts=scripts)
    assert str(person.old_account) in chrome.text

    chrome.open(f"{province.portal}/login")
    chrome.arrives(province.portal)
    chrome.open(f"{province.hotline}/login")
    chrome.arrives(province.hotline)
    chrome.open(province.portal)
    chrome.enter('a[href="/logout"]')
    chrome.arrives(province.portal)
    assert name not in chrome.text
    for address in province.systems:

        def ended(address: str = address) -> bool:
            chrome.open(f"{address}/whoami")
            return '"signed_in":false' in chrome.text.replace(" ", "")

        assert soon(ended), address
    chrome.open(f"{province.portal}/login")
    assert pages_of_ours(chrome, province)
    assert chrome.has("[name=password]")


def test_back_after_a_sign_out_at_a_system_shows_nothing_personal(
    chrome: Chrome, province: Province
) -> None:
    """At the provider nor at the system: both ended their cookie, neither page was kept."""
    name = signed_in_here_too(chrome, province)
    chrome.open(province.portal)
    chrome.enter('a[href="/logout"]')
    chrome.arrives(province.portal)
    for _ in range(5):
        chrome.driver.back()
        chrome.settled()
        assert name not in chrome.text
    chrome.complaints()  # pages that were used answer 400 now


def test_back_after_a_sign_out_here_shows_nothing_personal(
    chrome: Chrome, province: Province
) -> None:
    name = signed_in_here_too(chrome, province)
    chrome.enter('a[href="/logout"]')
    check(chrome, "vi")
    chrome.enter(SUBMIT)
    assert chrome.heading == "Quý vị đã đăng xuất"
    for heading in ("Quý vị đã đăng xuất", "Cổng đăng nhập của tỉnh"):
        chrome.driver.back()
        chrome.settled()
        assert chrome.heading == heading
        assert name not in chrome.text


def test_who_was_signed_out_reads_it_in_the_other_language(
    chrome: Chrome, province: Province
) -> None:
    sign_in(chrome, province, province.plain.pop())
    chrome.open(f"{province.issuer}/logout")
    chrome.enter("a[hreflang=en]")
    assert chrome.heading == "Sign out?"
    check(chrome, "en")
    chrome.enter(SUBMIT)
    assert chrome.heading == "You are signed out"
    assert "Provincial public-service portal" in chrome.text
    chrome.enter("a[hreflang=vi]")
    check(chrome, "vi")
    assert chrome.heading == "Quý vị đã đăng xuất"
    assert "Cổng Dịch vụ công của tỉnh" in chrome.text


def test_reload_and_back_never_send_a_password_again(chrome: Chrome, province: Province) -> None:
    person = province.plain.pop()
    chrome.open(f"{province.portal}/login")
    chrome.fill_in(username=person.username, password=person.password)
    assert chrome.has("[name=otp]")
    chrome.driver.refresh()
    assert chrome.has("[name=otp]")
    chrome.driver.back()
    assert pages_of_ours(chrome, province)
    assert chrome.has("[name=otp]")  # the step that comes next, wherever in the history
    chrome.enter("[value=restart]")
    assert chrome.has("[name=password]")
    chrome.fill_in(username=person.username, password=person.password)
    chrome.fill_in(otp=otp(person))
    chrome.arrives(province.portal)
    chrome.driver.back()
    chrome.settled()
    assert chrome.heading == "Phiên đăng nhập không còn hiệu lực"
    check(chrome, "vi")
    chrome.enter("main a.button")
    assert person.attributes.full_name in chrome.text
    assert all("400" in one for one in chrome.complaints())


def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    chrome: Chrome, province: Province
) -> None:
    person = province.plain.pop()
    chrome.open(f"{province.portal}/login")
    chrome.fill_in(username=person.username, password="khong-phai-mat-khau")
    assert "không đúng" in chrome.find("[role=alert]").text
    assert chrome.driver.title.startswith("Lỗi: ")
    assert chrome.find("[name=username]").get_attribute("value") == person.username
    assert chrome.find("[name=password]").get_attribute("value") == ""
    assert chrome.driver.switch_to.active_element.get_attribute("name") == "username"
    check(chrome, "vi")
    chrome.fill_in(password=person.password)
    chrome.fill_in(otp="000000")
    assert "Mã không đúng" in chrome.find("[role=alert]").text
    assert chrome.driver.switch_to.active_element.get_attribute("name") == "otp"
    check(chrome, "vi")
    chrome.fill_in(otp=otp(person))
    chrome.arrives(province.portal)


def test_guessing_is_paused_and_the_page_says_so(chrome: Chrome, province: Province) -> None:
    chrome.open(f"{province.portal}/login?lang=en")
    for _ in range(6):
        chrome.fill_in(username="somebody.unknown", password="guess")
    assert "too many attempts" in chrome.find("[role=alert]").text
    assert chrome.driver.switch_to.active_element.get_attribute("id") == "problem"
    check(chrome, "en")
    assert all("429" in one for one in chrome.complaints())


def test_two_tabs_do_not_disturb_each_other(chrome: Chrome, province: Province) -> None:
    person = province.plain.pop()
    chrome.open(f"{province.portal}/login")
    first = chrome.driver.current_window_handle
    chrome.driver.switch_to.new_window("tab")
    chrome.open(province.authorize("register"))
    second = chrome.driver.current_window_handle
    chrome.fill_in(username=person.username, password=person.password)
    chrome.driver.switch_to.window(first)
    assert chrome.has("[name=password]")  # stage one of the other tab is not passed here
    chrome.driver.refresh()
    assert chrome.has("[name=password]")
    chrome.driver.switch_to.window(second)
    chrome.fill_in(otp=otp(person))
    assert chrome.has("[value=continue]")  # no account in that system
    chrome.driver.switch_to.window(first)
    chrome.fill_in(username=person.username, password="whatever-it-is")
    chrome.arrives(province.portal)  # signed in meanwhile: the form's content does not matter
    assert person.attributes.full_name in chrome.text


def test_consent_is_asked_plainly_and_no_is_an_answer(chrome: Chrome, province: Province) -> None:
    person = province.plain.pop()
    chrome.begin(width=360, language="en")
    asked = province.authorize("asking", "openid profile phone vn_identity")
    chrome.open(asked)
    chrome.fill_in(username=person.username, password=person.password)
    chrome.fill_in(otp=otp(person))
    assert chrome.heading == "Share your information?"
    check(chrome, "en")
    assert "Personal identification number" in chrome.text
    assert "Postal address" not in chrome.text
    allow, deny = chrome.find("[value=allow]"), chrome.find("[value=deny]")
    assert allow.size == deny.size
    assert allow.value_of_css_property("color") == deny.value_of_css_property("color")
    chrome.enter("[value=deny]")
    assert landed(chrome, province)["error"] == ["access_denied"]
    chrome.open(asked)
    assert chrome.heading == "Share your information?"
    chrome.enter("[value=allow]")
    assert "code" in landed(chrome, province)
    chrome.open(asked)
    assert "code" in landed(chrome, province)  # asked once


def test_a_system_without_an_account_says_so_and_leads_back(
    chrome: Chrome, province: Province
) -> None:
    person = province.plain.pop()
    chrome.open(province.authorize("register"))
    chrome.fill_in(username=person.username, password=person.password)
    chrome.fill_in(otp=otp(person))
    assert chrome.heading == "Quý vị chưa có tài khoản tại hệ thống này"
    check(chrome, "vi")
    chrome.enter(SUBMIT)
    assert landed(chrome, province)["error"] == ["access_denied"]


def test_one_can_leave_at_the_first_page(chrome: Chrome, province: Province) -> None:
    chrome.open(province.authorize("register"))
    chrome.enter("[value=cancel]")
    assert landed(chrome, province)["error"] == ["access_denied"]


def test_the_language_is_one_key_away_and_stays(chrome: Chrome, province: Province) -> None:
    chrome.open(province.authorize("register"))
    check(chrome, "vi")
    chrome.enter("a[hreflang=en]")
    check(chrome, "en")
    assert chrome.heading == "Sign in"
    chrome.open(f"{province.issuer}/")
    check(chrome, "en")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_what_was_refused_can_be_read_in_the_other_language(
    chrome: Chrome, province: Province, *, scripts: bool
) -> None:
    chrome.begin(width=360, scripts=scripts)
    chrome.open(province.authorize("register", redirect_uri="https://evil.test/"))
    number = chrome.find("code").text
    chrome.enter("a[hreflang=en]")
    check(chrome, "en")
    assert chrome.heading == "The return address is not registered"
    assert chrome.find("code").text == number
    chrome.enter("a[hreflang=vi]")
    check(chrome, "vi")
    assert all("400" in one for one in chrome.complaints())


def test_a_sign_in_of_somebody_else_is_no_use_here(chrome: Chrome, province: Province) -> None:
    chrome.open(province.authorize("register"))
    link = chrome.url
    chrome.begin(language="en")
    chrome.open(link)
    assert chrome.heading == "This sign-in is no longer valid"
    check(chrome, "en")
    assert all("400" in one for one in chrome.complaints())


def test_an_address_that_is_not_registered_leads_nowhere(
    chrome: Chrome, province: Province
) -> None:
    chrome.open(province.authorize("register", redirect_uri="https://evil.test/"))
    assert chrome.heading == "Địa chỉ quay lại không hợp lệ"
    assert not chrome.has("form")
    check(chrome, "vi")
    assert all("400" in one for one in chrome.complaints())


def landed(chrome: Chrome, province: Province) -> dict[str, list[str]]:
    chrome.arrives(province.landing)
    return parse_qs(urlsplit(chrome.url).query)

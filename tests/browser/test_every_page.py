"""Every page, in both languages, at two widths, by keyboard, and under axe-core."""

import pytest

from tests.browser.chrome import Chrome
from tests.browser.gallery import Gallery
from tests.browser.page_rules import check, check_keyboard, facts
from tests.browser.province import Province, otp

LANGUAGES = ("vi", "en")
AXE_RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']}).then(
  (r) => done({violations: r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.html).join()),
               passes: r.passes.length}));
"""


def violations(chrome: Chrome, axe: str) -> list[str]:
    chrome.driver.execute_script(axe)
    found = chrome.driver.execute_async_script(AXE_RUN)
    assert found["passes"] >= 5, "axe-core looked at nothing"
    return [f"{chrome.url} {one}" for one in found["violations"]]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [320, 360, 1280])
def test_a_page_fits_its_width_and_keeps_the_rules(
    chrome: Chrome, gallery: Gallery, width: int, language: str
) -> None:
    chrome.begin(width=width, language=language)
    for name in gallery.names:
        chrome.open(gallery.url(language, name))
        check(chrome, language)


def test_every_page_can_be_used_by_keyboard_alone(chrome: Chrome, gallery: Gallery) -> None:
    for name in gallery.names:
        chrome.open(gallery.url("en", name))
        check_keyboard(chrome)


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_on_any_page(
    chrome: Chrome, gallery: Gallery, axe: str, language: str
) -> None:
    found = []
    for name in gallery.names:
        chrome.open(gallery.url(language, name))
        found += violations(chrome, axe)
    assert found == []


def test_axe_finds_nothing_in_the_dark_either(chrome: Chrome, gallery: Gallery, axe: str) -> None:
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    chrome.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    found = []
    try:
        for name in ("login-wrong", "code", "consent", "claim-503", "home", "notice-server-error"):
            chrome.open(gallery.url("vi", name))
            ground = chrome.driver.execute_script(
                "return getComputedStyle(document.body).backgroundColor"
            )
            assert ground == "rgb(14, 21, 28)"
            found += violations(chrome, axe)
    finally:
        chrome.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert found == []


def test_axe_sees_what_is_wrong_with_a_page_that_is(chrome: Chrome, axe: str) -> None:
    """The test of the tests: a field without a name must be found."""
    chrome.open("data:text/html,<title>x</title><h1>x</h1><input name=x><p>text</p>")
    assert any("label" in one for one in violations(chrome, axe))


@pytest.mark.parametrize(
    ("page", "tokens"),
    [
        ("login", {"username": "username", "password": "current-password"}),
        ("code", {"otp": "one-time-code"}),
        ("claim", {"account": "off", "password": "off"}),
    ],
)
def test_a_password_manager_knows_what_each_field_is(
    chrome: Chrome, gallery: Gallery, page: str, tokens: dict[str, str]
) -> None:
    """Spec: WCAG 2.2 §1.3.5, §3.3.8"""
    chrome.open(gallery.url("vi", page))
    assert facts(chrome)["tokens"] == tokens


@pytest.mark.parametrize(
    ("page", "focused"),
    [
        ("login-wrong", "username"),
        ("code-wrong", "otp"),
        ("claim-wrong", "account"),
        ("login-429", "problem"),
        ("claim-503", "problem"),
    ],
)
def test_a_problem_has_the_focus_where_it_can_be_mended(
    chrome: Chrome, gallery: Gallery, page: str, focused: str
) -> None:
    """Spec: WCAG 2.2 §3.3.1"""
    chrome.open(gallery.url("en", page))
    active = chrome.driver.switch_to.active_element
    assert active.get_attribute("id") == focused
    described = (active.get_attribute("aria-describedby") or "").split()
    if focused != "problem":
        assert "problem" in described
    assert chrome.find("[role=alert]").text.startswith("There is a problem")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [360, 1280])
def test_the_systems_of_the_demo_keep_the_rules_too(
    chrome: Chrome, province: Province, axe: str, width: int, language: str
) -> None:
    chrome.begin(width=width, language=language)
    person = province.linked.pop()
    found = []
    for address in province.systems:
        chrome.open(f"{address}/?lang={language}")
        chrome.arrives(address)  # one of them asks the provider first, and must not forget
        check(chrome, language)
        found += violations(chrome, axe)
    chrome.open(f"{province.portal}/login")
    check(chrome, language)
    chrome.fill_in(username=person.username, password=person.password)
    check(chrome, language)
    chrome.fill_in(otp=otp(person))
    chrome.arrives(province.portal)
    for address in province.systems:
        chrome.open(f"{address}/login")
        chrome.arrives(address)
        chrome.open(f"{address}/?lang={language}")
        check(chrome, language)
        check_keyboard(chrome)
        found += violations(chrome, axe)
    assert found == []

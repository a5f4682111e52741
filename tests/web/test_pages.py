"""What every page owes to the people who read it: structure, contrast, safety, both languages."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from html.parser import HTMLParser

import pytest

from connectors.contract import LOCALES, Locale, LocalText
from connectors.mapping import Source
from idp.protocol.scopes import KNOWN
from idp.web.pages import Pages
from idp.web.texts import REASONS, TEXTS, kinds_of_data, scope_text
from idp.web.views import (
    ClaimView,
    ConsentView,
    DirectoryView,
    FormPostView,
    FormView,
    HomeView,
    LoginView,
    NoticeView,
    OtpView,
    SourceLink,
    View,
)

PAGES = Pages(LocalText(vi="Liên Thông", en="Lien Thong"), LocalText(vi="Gọi 1022", en="Call 1022"))
HOSTILE = '"><svg onload=alert(1)>'
LINKS = {"vi": "/sign-in?flow=f&lang=vi", "en": "/sign-in?flow=f&lang=en"}
HIDDEN = {"flow": "f", "csrf": "c"}
VOID = {"meta", "link", "input", "br", "img", "circle", "path"}

SOURCES = (
    SourceLink(source_id="vneid", name="VNeID", link="/upstream/vneid/start?flow=f", level=2),
    SourceLink(
        source_id="vnc", name="VNConnect", link="/upstream/vnc/start?flow=f", level=2, down=True
    ),
)
RENDER = {
    LoginView: PAGES.login,
    DirectoryView: PAGES.directory,
    OtpView: PAGES.otp,
    ConsentView: PAGES.consent,
    ClaimView: PAGES.claim,
    NoticeView: PAGES.notice,
    FormPostView: PAGES.form_post,
    HomeView: PAGES.home,
}


def render(view: View) -> str:
    return RENDER[type(view)](view).decode()  # type: ignore[index, operator]


def every_view(locale: Locale) -> tuple[View, ...]:
    page = {"locale": locale, "nonce": "n0nce", "lang_links": LINKS}
    form = {**page, "action": "/sign-in", "hidden": HIDDEN, "participant_name": "Một cửa"}
    return (
        LoginView(**form),
        LoginView(**form, error="wrong_credentials", username="an"),
        LoginView(**form, error="too_many_attempts"),
        LoginView(**form, sources=SOURCES),
        LoginView(**form, sources=SOURCES[1:], password=False, level=2),
        DirectoryView(**form, directory_name="Sở Nội vụ", back="/b"),
        DirectoryView(
            **form, directory_name="Sở Nội vụ", back="/b", error="wrong_credentials", username="an"
        ),
        NoticeView(
            **page, reason="upstream_refused", correlation="0123abcd", retry="/sign-in?flow=f"
        ),
        OtpView(**form, error="wrong_otp"),
        OtpView(**form, can_restart=True),
        ConsentView(**form, host="https://rp1.test", scopes=tuple(sorted(KNOWN))),
        ClaimView(**form, error="wrong_proof", account="lannt85"),
        ClaimView(**form, error="verifier_unavailable"),
        NoticeView(**page, reason="server_error", correlation="0123abcd"),
        NoticeView(**page, reason="no_account", action="/sign-in", hidden=HIDDEN),
        NoticeView(
            **page,
            reason="required_missing",
            items=("Mã số thuế",),
            action="/sign-in",
            hidden=HIDDEN,
        ),
        NoticeView(**page, reason="signed_out", items=("Một cửa",), link="https://rp1.test/bye"),
        FormPostView(
            **page, target="https://rp1.test/cb", fields={"code": "x"}, participant_name="Một cửa"
        ),
        HomeView(**page, signed_in_name="Ánh", systems=(("Cổng", "https://rp1.test"), ("B", ""))),
        HomeView(**page, signed_in_name=None, systems=()),
    )


VIEWS = [
    pytest.param(view, id=f"{type(view).__name__}{number}-{locale}")
    for locale in LOCALES
    for number, view in enumerate(every_view(locale))
]


class Outline(HTMLParser):
    """The elements of a page, and whether they were closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.script = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), "an attribute is written twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.script += data

    def all(self, *tags: str) -> Iterator[dict[str, str | None]]:
        return (attributes for tag, attributes in self.elements if tag in tags)

    def ids(self) -> list[str | None]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    def inputs(self) -> list[dict[str, str | None]]:
        return [one for one in self.all("input") if one["type"] != "hidden"]

    def buttons(self) -> dict[str | None, dict[str, str | None]]:
        return {one.get("value"): one for one in self.all("button")}


# --- structure ----------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_a_page_says_its_language_its_title_and_its_main_part(view: View) -> None:
    outline = Outline(render(view))
    assert outline.open == []
    assert [one["lang"] for one in outline.all("html")] == [view.locale]
    for landmark in ("title", "h1", "main", "header", "footer"):
        assert len(list(outline.all(landmark))) == 1, landmark
    assert len(outline.ids()) == len(set(outline.ids()))
    skip = next(outline.all("a"))
    assert (skip["class"], skip["href"]) == ("skip", "#main")
    assert any("width=device-width" in (one.get("content") or "") for one in outline.all("meta"))


@pytest.mark.parametrize("view", VIEWS)
def test_every_field_has_a_label_and_says_how_to_fill_it(view: View) -> None:
    outline = Outline(render(view))
    labelled = {one["for"] for one in outline.all("label")}
    for field in outline.inputs():
        assert field["id"] in labelled
        assert field["autocomplete"]
    assert labelled == {field["id"] for field in outline.inputs()}


@pytest.mark.parametrize("view", VIEWS)
def test_an_error_is_announced_and_tied_to_its_fields(view: View) -> None:
    outline = Outline(render(view))
    alerts = [one for _, one in outline.elements if one.get("role") == "alert"]
    error = view.error if isinstance(view, FormView) else None
    assert [one["id"] for one in alerts] == (["problem"] if error else [])
    for field in outline.inputs():
        described = (field.get("aria-describedby") or "").split()
        assert ("problem" in described) == bool(error)
        assert set(described) <= set(outline.ids())
        assert ("aria-invalid" in field) == (error or "").startswith("wrong_")


@pytest.mark.parametrize("view", VIEWS)
def test_the_focus_goes_where_the_problem_can_be_mended(view: View) -> None:
    outline = Outline(render(view))
    focused = [one["id"] for _, one in outline.elements if "autofocus" in one]
    error = view.error if isinstance(view, FormView) else None
    if error is None:
        assert focused == []
    elif error.startswith("wrong_"):
        assert focused == [outline.inputs()[0]["id"]]
    else:
        assert focused == ["problem"]
        assert next(one for _, one in outline.elements if one.get("id") == "problem")["tabindex"]


@pytest.mark.parametrize("view", VIEWS)
def test_the_title_says_that_something_is_wrong(view: View) -> None:
    title = re.search(r"<title>(.*?)</title>", render(view))
    assert title is not None
    wrong = isinstance(view, FormView) and view.error is not None
    assert title[1].startswith(("Lỗi: ", "Error: ")) == wrong


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_notice_offers_a_way_on(reason: str, locale: Locale) -> None:
    for more in ({}, {"action": "/x", "hidden": HIDDEN}, {"link": "https://rp1.test/bye"}):
        page = PAGES.notice(NoticeView(locale=locale, nonce="n", reason=reason, **more))
        outline = Outline(page.decode())
        ways = [one for _, one in outline.elements if "primary" in (one.get("class") or "")]
        home = [one for one in outline.all("a") if one["href"] == "/"]
        assert ways or home


def test_a_sign_out_says_what_its_buttons_do() -> None:
    view = NoticeView(
        locale="en", nonce="n", reason="logout_confirm", action="/logout", hidden=HIDDEN
    )
    page = PAGES.notice(view).decode()
    assert '<button class="primary" type="submit">Sign out</button>' in page
    assert '<a class="button quiet" href="/">Stay signed in</a>' in page


def test_the_name_that_was_typed_is_kept_and_the_secret_is_not() -> None:
    page = {"locale": "en", "nonce": "n", "action": "/x", "hidden": {}, "participant_name": "P"}
    login = Outline(PAGES.login(LoginView(**page, username="an")).decode())
    claim = Outline(PAGES.claim(ClaimView(**page, account="lannt85")).decode())
    assert [one["value"] for one in login.inputs()] == ["an", ""]
    assert [one["value"] for one in claim.inputs()] == ["lannt85", ""]


@pytest.mark.parametrize("view", VIEWS)
def test_only_the_post_page_has_a_script_and_it_carries_the_nonce(view: View) -> None:
    outline = Outline(render(view))
    scripts = list(outline.all("script"))
    assert scripts == ([{"nonce": "n0nce"}] if isinstance(view, FormPostView) else [])
    for tag, attributes in outline.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
        assert tag not in ("style", "iframe", "object", "base", "img")


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_loaded_from_elsewhere(view: View) -> None:
    outline = Outline(render(view))
    assert [one["href"] for one in outline.all("link")] == [PAGES.icon.path, PAGES.stylesheet.path]
    assert not [one for _, one in outline.elements if "src" in one]
    assert b"url(" not in PAGES.stylesheet.content
    assert b"@import" not in PAGES.stylesheet.content


@pytest.mark.parametrize("view", VIEWS)
def test_both_languages_are_one_link_away(view: View) -> None:
    links = {one["hreflang"]: one for one in Outline(render(view)).all("a") if "hreflang" in one}
    assert {language: one["href"] for language, one in links.items()} == LINKS
    assert [lang for lang, one in links.items() if "aria-current" in one] == [view.locale]
    silent = Outline(render(replace(view, lang_links={})))
    assert not [one for one in silent.all("a") if "hreflang" in one]


# --- forms --------------------------------------------------------------------------------


def one_of(kind: type[View], locale: Locale = "vi") -> Outline:
    return Outline(render(next(v for v in every_view(locale) if isinstance(v, kind))))


@pytest.mark.parametrize(
    ("kind", "names", "decisions"),
    [
        (LoginView, {"username": "username", "password": "current-password"}, [None, "cancel"]),
        (OtpView, {"otp": "one-time-code"}, [None, "cancel"]),
        (ConsentView, {}, ["allow", "deny"]),
        (ClaimView, {"account": "off", "password": "off"}, ["claim", "cancel"]),
    ],
)
def test_field_names_are_stable(
    kind: type[View], names: Mapping[str, str], decisions: list[str | None]
) -> None:
    outline = one_of(kind)
    assert {one["name"]: one["autocomplete"] for one in outline.inputs()} == names
    assert list(outline.buttons()) == decisions
    hidden = {one["name"]: one["value"] for one in outline.all("input") if one["type"] == "hidden"}
    assert hidden == HIDDEN
    assert [(one["method"], one["action"]) for one in outline.all("form")] == [("post", "/sign-in")]


@pytest.mark.parametrize("kind", [LoginView, OtpView, ClaimView])
def test_one_can_cancel_without_filling_anything_in(kind: type[View]) -> None:
    cancel = one_of(kind).buttons()["cancel"]
    assert cancel["name"] == "decision"
    assert "formnovalidate" in cancel


def test_enter_signs_in_and_never_cancels() -> None:
    assert list(one_of(LoginView).buttons()) == [None, "cancel"]
    assert next(iter(one_of(ClaimView).buttons())) == "claim"


def test_a_code_is_typed_on_a_number_pad() -> None:
    (otp,) = one_of(OtpView).inputs()
    assert (otp["inputmode"], otp["pattern"], otp["maxlength"]) == ("numeric", "[0-9]{6}", "6")


def test_a_password_is_never_written_back() -> None:
    form = one_of(LoginView)
    assert [one["value"] for one in form.inputs() if one["type"] == "password"] == [""]


def test_allowing_and_denying_weigh_the_same() -> None:
    allow, deny = one_of(ConsentView).buttons().values()
    assert allow["class"] == deny["class"]


def test_an_answer_travels_by_button_too() -> None:
    outline = one_of(FormPostView)
    (form,) = outline.all("form")
    assert (form["method"], form["action"]) == ("post", "https://rp1.test/cb")
    assert form["id"] == "answer"
    assert len(outline.buttons()) == 1
    assert outline.script == 'document.getElementById("answer").submit();'
    assert "submit" not in {one.get("name") for one in outline.all("input", "button")}


# --- texts --------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_reason_has_its_page(reason: str, locale: Locale) -> None:
    page = PAGES.notice(NoticeView(locale=locale, nonce="n", reason=reason)).decode()
    index = LOCALES.index(locale)
    assert f"<h1>{TEXTS[f'notice.{reason}.title'][index]}</h1>" in page
    assert TEXTS[f"notice.{reason}.body"][index].replace("'", "&#39;") in page


def test_a_reason_nobody_knows_is_told_in_general_words() -> None:
    page = PAGES.notice(NoticeView(locale="en", nonce="n", reason=HOSTILE)).decode()
    assert "The request is not valid" in page
    assert "svg onload" not in page


@pytest.mark.parametrize("locale", LOCALES)
def test_every_scope_is_explained_and_a_made_up_one_is_named(locale: Locale) -> None:
    told = [scope_text(scope, locale) for scope in sorted(KNOWN)]
    assert len(set(told)) == len(KNOWN)
    assert not [line for line in told if TEXTS["scope.other"][LOCALES.index(locale)] in line]
    assert scope_text("hop_dong\u202e", locale).endswith(": hop_dong")


@pytest.mark.parametrize("locale", LOCALES)
def test_every_kind_of_data_has_a_name_that_is_told_once(locale: Locale) -> None:
    for source in Source:
        assert len(kinds_of_data((source,), locale)) == 1
    assert len(kinds_of_data((Source.PHONE, Source.PHONE_VERIFIED), locale)) == 1
    assert len(kinds_of_data((Source.PHONE, Source.EMAIL), locale)) == 2


def test_consent_to_a_made_up_scope_is_a_page_and_not_a_fault() -> None:
    view = next(v for v in every_view("vi") if isinstance(v, ConsentView))
    page = render(replace(view, scopes=("openid", HOSTILE)))
    assert "&lt;svg onload" in page
    assert "<svg onload" not in page


# --- hostile values -----------------------------------------------------------------------


def poisoned(view: View) -> Iterator[tuple[str, View]]:
    """The view once for each of its fields that holds text, with hostile text in it."""
    for field in fields(view):
        value = getattr(view, field.name)
        if field.name in ("locale", "reason", "error", "lead", "nonce"):
            continue  # keys and values of ours, and checked as such
        if isinstance(value, str):
            yield field.name, replace(view, **{field.name: HOSTILE})
        elif isinstance(value, dict) and value:
            bad = dict.fromkeys(value, HOSTILE)
            yield field.name, replace(view, **{field.name: bad})
            if field.name in ("hidden", "fields"):
                yield field.name, replace(view, **{field.name: {HOSTILE: "v"}})
        elif isinstance(value, tuple) and value:
            yield field.name, replace(view, **{field.name: tuple(map(_bad_row, value))})


def _bad_row(row: object) -> object:
    match row:
        case tuple():
            return HOSTILE, HOSTILE
        case SourceLink():
            return replace(row, name=HOSTILE, link=HOSTILE)
        case _:
            return HOSTILE


@pytest.mark.parametrize("view", VIEWS)
def test_markup_in_any_value_stays_text(view: View) -> None:
    calm = [tag for tag, _ in Outline(render(view)).elements]
    for name, bad in poisoned(view):
        page = render(bad)
        outline = Outline(page)
        assert "<svg onload" not in page, name
        assert not [a for _, a in outline.elements if "onload" in a], name
        structure = [tag for tag, _ in outline.elements]
        assert set(structure) <= set(calm) | {"a"}, name
        assert structure.count("svg") == calm.count("svg"), name


def test_the_test_of_hostile_values_reaches_every_kind_of_field() -> None:
    reached = {name for view in every_view("vi") for name, _ in poisoned(view)}
    assert reached == {
        "lang_links", "action", "hidden", "participant_name", "username", "account", "host", "scopes",
        "correlation", "link", "items", "target", "fields", "signed_in_name", "systems",
        "sources", "retry", "directory_name", "back",
    }  # fmt: skip


def test_names_lose_direction_marks_and_are_capped() -> None:
    view = next(v for v in every_view("en") if isinstance(v, ConsentView))
    page = render(replace(view, participant_name="bank\u202egro" + "x" * 500))
    assert "\u202e" not in page
    assert "bankgro" in page
    assert "x" * 201 not in page


# --- the look -----------------------------------------------------------------------------

CSS = PAGES.stylesheet.content.decode()
LIGHT_RULE, DARK_RULE = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
LIGHT = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", LIGHT_RULE))
DARK = LIGHT | dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", DARK_RULE))


def luminance(colour: str) -> float:
    """Spec: WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [
        ("ink", "paper", 7), ("ink", "ground", 7), ("soft", "paper", 4.5), ("soft", "ground", 4.5),
        ("brand-ink", "brand", 4.5), ("action-ink", "action", 4.5), ("action", "paper", 4.5),
        ("wrong", "wrong-ground", 4.5), ("ink", "wrong-ground", 4.5),
        ("line", "paper", 3), ("wrong", "paper", 3), ("gold", "brand", 3),
    ],
)  # fmt: skip
def test_the_palette_can_be_read(
    palette: Mapping[str, str], front: str, back: str, least: float
) -> None:
    assert contrast(palette[front], palette[back]) >= least


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("back", ["paper", "ground", "brand"])
def test_focus_shows_on_every_ground(palette: Mapping[str, str], back: str) -> None:
    """The ring has two colours; one of them stands out."""
    assert max(contrast(palette[ring], palette[back]) for ring in ("focus", "ink")) >= 3


def test_both_palettes_were_read() -> None:
    assert len(LIGHT) >= 12
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert DARK["paper"] != LIGHT["paper"]


@pytest.mark.parametrize(
    "selector", [".languages a", 'input[type="text"], input[type="password"]', "button, .button"]
)
def test_targets_are_at_least_44_pixels_high(selector: str) -> None:
    rule = re.search(rf"^{re.escape(selector)} \{{(.*?)\}}", CSS, re.MULTILINE)
    assert rule is not None
    height = re.search(r"min-height: ([\d.]+)rem", rule[1])
    assert height is not None
    assert float(height[1]) * 16 >= 44


def test_the_style_sheet_is_named_by_its_content() -> None:
    assert re.fullmatch(r"/static/lienthong\.[0-9a-f]{12}\.css", PAGES.stylesheet.path)

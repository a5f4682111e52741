"""Every page of the provider, in every state, at an address of its own; and a landing page.

Served by the product's own `PageAnswers`, so with the headers that the pages have in life.
"""

import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import uvicorn

from connectors.contract import LOCALES, Locale, LocalText
from idp.demo.processes import free_port
from idp.web.cookies import CookieJar
from idp.web.edge import send_answer
from idp.web.http import Answer, Receive, Scope, Send
from idp.web.page_answers import PageAnswers
from idp.web.pages import Pages
from idp.web.texts import REASONS, kinds_of_data
from idp.web.views import (
    ClaimView,
    ConsentView,
    DirectoryView,
    FormPostView,
    GoOnView,
    HomeView,
    LoginView,
    NoticeView,
    OtpView,
    SourceLink,
)

SERVICE = LocalText(vi="Liên Thông", en="Liên Thông")
SUPPORT = LocalText(vi="Hỗ trợ: tổng đài 1022", en="Support: call 1022")
SOURCES = tuple(
    SourceLink(source_id=name, name=name, link=f"/upstream/{name}/start?flow=0", level=2, down=down)
    for name, down in (("VNeID", False), ("VNConnect", False), ("Cơ quan", True))
)
FLOW = {"flow": "0" * 16, "csrf": "0" * 32}
ASKED = ("openid", "profile", "vn_identity", "phone", "email", "address", "offline_access", "x.y")
NUMBERED = REASONS - {
    "access_denied", "assurance_not_reachable", "link_ended", "link_held_back", "logout_confirm",
    "no_account", "not_admitted", "not_found", "signed_out", "signed_out_alone",
}  # fmt: skip
LANDING = b"<!doctype html><html lang=en><title>Landing</title><h1>Landed</h1></html>"


@dataclass(frozen=True)
class Gallery:
    """Where it is served, and the names of its pages."""

    address: str
    names: tuple[str, ...]

    def url(self, locale: str, name: str) -> str:
        return f"{self.address}/{locale}/{name}"

    @property
    def landing(self) -> str:
        return f"{self.address}/landing"


class _Walls:
    """The ASGI application: one page for each path."""

    def __init__(self) -> None:
        pages = Pages(SERVICE, SUPPORT)
        self._answers = PageAnswers(pages, CookieJar(secure=False), secrets.token_bytes)
        self._static = {file.path: file for file in (pages.stylesheet, pages.icon)}
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        await send_answer(self._answer(str(scope["path"])), send)

    def _answer(self, path: str) -> Answer:
        if file := self._static.get(path):
            kind = (b"content-type", file.media_type.encode())
            return Answer(body=file.content, headers=(kind,))
        if path == "/landing":
            return Answer(body=LANDING, headers=((b"content-type", b"text/html"),))
        language, _, name = path.strip("/").partition("/")
        locale: Locale = "en" if language == "en" else "vi"
        nonce = self._answers.nonce()
        body = self.bodies(locale, nonce).get(name)
        if body is None:
            return Answer(status=404)
        return self._answers.page(body, nonce, form_targets=("https://dichvucong.example",))

    def bodies(self, locale: Locale, nonce: str) -> dict[str, bytes]:
        """Name of a page → its bytes."""
        pages = self._pages
        page = {
            "locale": locale,
            "nonce": nonce,
            "lang_links": {one: f"/{one}/login" for one in LOCALES},
        }
        portal = "Cổng Dịch vụ công của tỉnh" if locale == "vi" else "Provincial portal"
        form = {**page, "action": "/sign-in", "hidden": FLOW, "participant_name": portal}
        systems = (
            (portal, "http://127.0.0.1/"),
            ("Tổng đài 1022", "http://127.0.0.1/1022"),
            ("Sổ hộ tịch điện tử", ""),
        )
        agency = "Sở Nội vụ" if locale == "vi" else "Department of Home Affairs"
        of_agency = {"directory_name": agency, "back": "/sign-in?flow=f"}
        made = {
            "login": pages.login(LoginView(**form)),
            "login-wrong": pages.login(LoginView(**form, error="wrong_credentials")),
            "login-429": pages.login(LoginView(**form, error="too_many_attempts")),
            "login-sources": pages.login(LoginView(**form, sources=SOURCES[:2])),
            "login-outage": pages.login(LoginView(**form, sources=SOURCES)),
            "login-level": pages.login(
                LoginView(**form, sources=SOURCES[:1], password=False, level=2)
            ),
            "login-nothing": pages.login(LoginView(**form, sources=SOURCES[2:], password=False)),
            "directory": pages.directory(DirectoryView(**form, **of_agency)),
            "directory-wrong": pages.directory(
                DirectoryView(**form, **of_agency, error="wrong_credentials", username="hoa.lt")
            ),
            "source-refused": pages.notice(
                NoticeView(
                    **page, reason="upstream_refused", correlation="0" * 16, retry="/sign-in?flow=f"
                )
            ),
            "code": pages.otp(OtpView(**form, can_restart=True)),
            "code-wrong": pages.otp(OtpView(**form, error="wrong_otp")),
            "consent": pages.consent(
                ConsentView(**form, host="https://dichvucong.example", scopes=ASKED)
            ),
            "claim": pages.claim(ClaimView(**form)),
            "claim-wrong": pages.claim(ClaimView(**form, error="wrong_proof")),
            "claim-503": pages.claim(ClaimView(**form, error="verifier_unavailable")),
            "form-post": _waiting(
                pages.form_post(
                    FormPostView(
                        **page, target="https://dichvucong.example/cb", fields={"code": "x"},
                        participant_name=portal,
                    )
                )
            ),
            "logout-post": _waiting(
                pages.form_post(
                    FormPostView(
                        **page, target="/saml/slo", fields={"again": "1"}, participant_name=portal,
                        lead="logout_post.lead",
                    )
                )
            ),
            "go-on": pages.go_on(GoOnView(**page, target="/landing")),
            "home": pages.home(HomeView(**page, signed_in_name="Nguyễn Thị Lan", systems=systems)),
            "home-nobody": pages.home(HomeView(**page, signed_in_name=None, systems=systems)),
            "home-empty": pages.home(HomeView(**page, signed_in_name=None, systems=())),
            "notice-goes-on": pages.notice(
                NoticeView(**page, reason="no_account", action="/sign-in", hidden=FLOW)
            ),
            "notice-lacking": pages.notice(
                NoticeView(
                    **page, reason="required_missing", action="/sign-in", hidden=FLOW,
                    items=kinds_of_data(("phone", "tax_code"), locale),
                )
            ),
            "notice-signed-out-link": pages.notice(
                NoticeView(**page, reason="signed_out", items=(portal, "Tổng đài 1022"), link="/x")
            ),
            "notice-signed-out-above": pages.notice(
                NoticeView(
                    **page, reason="signed_out", items=(portal,), link="/x",
                    above=("VNeID", "https://vneid.example/logout"),
                )
            ),
        }  # fmt: skip
        for reason in sorted(REASONS):
            number = "0123456789abcdef" if reason in NUMBERED else None
            names = (portal, "Tổng đài 1022") if reason == "signed_out" else ()
            view = NoticeView(**page, reason=reason, correlation=number, items=names)
            made[f"notice-{reason.replace('_', '-')}"] = pages.notice(view)
        return made


def _waiting(page: bytes) -> bytes:
    """The page as it is without JavaScript: it waits for the button."""
    return re.sub(rb"<script.*?</script>", b"", page)


@contextmanager
def running_gallery() -> Iterator[Gallery]:
    """Served on loopback by a thread; stopped at the end."""
    walls, port = _Walls(), free_port()
    address = f"http://127.0.0.1:{port}"
    config = uvicorn.Config(walls, host="127.0.0.1", port=port, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    ends_at = time.monotonic() + 10
    while not server.started and time.monotonic() < ends_at:
        time.sleep(0.02)
    try:
        assert urlsplit(address).port == port
        yield Gallery(address, tuple(walls.bodies("vi", "")))
    finally:
        server.should_exit = True
        thread.join(10)

"""Views to bytes. The only module that knows the template engine."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

import jinja2

from connectors.contract import Locale, LocalText
from idp.web.texts import REASONS, scope_text, shown, text
from idp.web.views import (
    ClaimView,
    ConsentView,
    DirectoryView,
    FormPostView,
    FormView,
    GoOnView,
    HomeView,
    LoginView,
    NoticeView,
    OtpView,
    View,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """A file of ours; its name changes with its content, so that it is kept for ever."""

    path: str
    media_type: str
    content: bytes


def _static(name: str, media_type: str) -> StaticFile:
    content = (files("idp.web") / "static" / name).read_bytes()
    stem, _, ending = name.partition(".")
    digest = hashlib.sha256(content).hexdigest()[:12]
    return StaticFile(
        path=f"/static/{stem}.{digest}.{ending}", media_type=media_type, content=content
    )


class Pages:
    """Renders every page of the provider. Needs no JavaScript; escapes everything."""

    def __init__(self, service_name: LocalText, support: LocalText | None = None) -> None:
        self._service_name = service_name
        self._support = support
        self.stylesheet = _static("lienthong.css", "text/css")
        self.icon = _static("mark.svg", "image/svg+xml")
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("idp.web"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["shown"] = shown

    def login(self, view: LoginView) -> bytes:
        """User name and password."""
        return self._render("login.html", view)

    def directory(self, view: DirectoryView) -> bytes:
        """User name and password of a directory of staff."""
        return self._render("directory.html", view)

    def otp(self, view: OtpView) -> bytes:
        """The second factor."""
        return self._render("otp.html", view)

    def consent(self, view: ConsentView) -> bytes:
        """What will be released, and two buttons of equal weight."""
        return self._render("consent.html", view)

    def claim(self, view: ClaimView) -> bytes:
        """Claim your old account."""
        return self._render("claim.html", view)

    def notice(self, view: NoticeView) -> bytes:
        """Tell something: an error, a sign-out, a question with one button."""
        reason = view.reason if view.reason in REASONS else "invalid_request"
        return self._render("notice.html", view, reason=reason)

    def form_post(self, view: FormPostView) -> bytes:
        """An answer that the browser posts: by itself, or by the button.

        Spec: OAuth 2.0 Form Post Response Mode §2
        """
        return self._render("form_post.html", view)

    def go_on(self, view: GoOnView) -> bytes:
        """A page that leads on by itself, or by its link."""
        return self._render("go_on.html", view)

    def service_name(self, locale: Locale) -> str:
        """How this service is called."""
        return self._service_name.for_locale(locale)

    def home(self, view: HomeView) -> bytes:
        """The start page."""
        return self._render("home.html", view)

    def _render(self, template: str, view: View, **more: str) -> bytes:
        locale: Locale = view.locale
        wrong = isinstance(view, FormView) and view.error is not None
        return (
            self._templates.get_template(template)
            .render(
                view=view,
                t=lambda key: text(key, locale),
                scope_text=lambda scope: scope_text(scope, locale),
                service_name=self._service_name.for_locale(locale),
                support=self._support.for_locale(locale) if self._support else None,
                css_path=self.stylesheet.path,
                icon_path=self.icon.path,
                problem_title=f"{text('error.title', locale)}: " if wrong else "",
                **more,
            )
            .encode()
        )

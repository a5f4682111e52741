"""Which page belongs to which step."""

from connectors.contract import LOCALES, Locale
from idp.errors import PageRefused
from idp.protocol.next_step import (
    Claim,
    Consent,
    CreateAccount,
    Issue,
    LinkEnded,
    LinkHeldBack,
    Login,
    NoAccount,
    NotAdmitted,
    RequiredMissing,
    Step,
    StepUp,
)
from idp.web.doors import Reading, origin_of
from idp.web.flow_cookie import Flow
from idp.web.http import Answer, Header, HttpRequest
from idp.web.page_answers import PageAnswers
from idp.web.texts import kinds_of_data
from idp.web.views import ClaimView, ConsentView, LoginView, NoticeView, OtpView

SIGN_IN_PATH = "/sign-in"
_SCOPES = (
    "openid", "profile", "vn_identity", "vn_business", "vn_staff", "phone", "email", "address",
    "offline_access",
)  # fmt: skip

_NOTICES = {
    NotAdmitted: "not_admitted",
    NoAccount: "no_account",
    LinkHeldBack: "link_held_back",
    LinkEnded: "link_ended",
}


class SignInPages:
    """Fills the views of a sign-in."""

    def __init__(self, answers: PageAnswers) -> None:
        self._answers = answers

    def locale(self, request: HttpRequest, ui_locales: str | None) -> Locale:
        """See `PageAnswers.locale`."""
        return self._answers.locale(request, ui_locales)

    def remember(self, locale: Locale) -> Header:
        """See `PageAnswers.remember`."""
        return self._answers.remember(locale)

    def page_of(
        self,
        step: Step,
        flow: Flow,
        reading: Reading,
        error: str | None,
        status: int,
        typed: str = "",
    ) -> Answer:
        """The page of a step that needs one. `typed`: the name that was typed before, kept."""
        nonce = self._answers.nonce()
        pages, name = self._answers.pages, reading.sign_in.participant_name.for_locale(flow.locale)
        locale, links, hidden = flow.locale, _links(flow), _hidden(flow)
        match step:
            case Login() if flow.password_passed is None:
                body = pages.login(
                    LoginView(
                        locale=locale, nonce=nonce, lang_links=links, action=SIGN_IN_PATH, hidden=hidden,
                        participant_name=name, error=error, username=typed or reading.login_hint or "",
                    )
                )  # fmt: skip
            case Login() | StepUp():
                body = pages.otp(
                    OtpView(
                        locale=locale, nonce=nonce, lang_links=links, action=SIGN_IN_PATH, hidden=hidden,
                        participant_name=name, error=error,
                        can_restart=isinstance(step, Login),
                    )
                )  # fmt: skip
            case Claim():
                body = pages.claim(
                    ClaimView(
                        locale=locale, nonce=nonce, lang_links=links, action=SIGN_IN_PATH, hidden=hidden,
                        participant_name=name, error=error, account=typed,
                    )
                )  # fmt: skip
            case Consent(scopes):
                body = pages.consent(
                    ConsentView(
                        locale=locale, nonce=nonce, lang_links=links, action=SIGN_IN_PATH, hidden=hidden,
                        participant_name=name, error=error,
                        host=origin_of(reading.return_address),
                        scopes=tuple(sorted(scopes, key=_reading_order)),
                    )
                )  # fmt: skip
            case RequiredMissing(sources):
                kinds = kinds_of_data(sources, locale)
                return self.notice(flow, reading, "required_missing", kinds)
            case NotAdmitted() | NoAccount() | LinkHeldBack() | LinkEnded():
                return self.notice(flow, reading, _NOTICES[type(step)])
            case CreateAccount() | Issue():
                raise PageRefused("flow_unknown")
        return self._page(body, nonce, reading, status)

    def notice(
        self, flow: Flow, reading: Reading, reason: str, items: tuple[str, ...] = ()
    ) -> Answer:
        """Tell why it does not go on; the button leads back to the system."""
        nonce = self._answers.nonce()
        view = NoticeView(
            locale=flow.locale,
            nonce=nonce,
            lang_links=_links(flow),
            reason=reason,
            action=SIGN_IN_PATH,
            hidden=_hidden(flow),
            items=items,
        )
        return self._page(self._answers.pages.notice(view), nonce, reading, 200)

    def _page(self, body: bytes, nonce: str, reading: Reading, status: int) -> Answer:
        targets = (origin_of(reading.return_address),)
        return self._answers.page(body, nonce, status, form_targets=targets)


def _reading_order(scope: str) -> tuple[int, str]:
    """Who, then how to reach them, then for how long; made-up scopes last."""
    known = _SCOPES.index(scope) if scope in _SCOPES else len(_SCOPES)
    return known, scope


def _hidden(flow: Flow) -> dict[str, str]:
    return {"flow": flow.flow_id, "csrf": flow.csrf}


def page_path(flow: Flow) -> str:
    """Where the page of a flow is: whatever its next step is."""
    return f"{SIGN_IN_PATH}?flow={flow.flow_id}"


def _links(flow: Flow) -> dict[str, str]:
    return {lang: f"{page_path(flow)}&lang={lang}" for lang in LOCALES}

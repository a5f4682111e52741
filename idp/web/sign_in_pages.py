"""Which page belongs to which step."""

from connectors.contract import LOCALES, Locale
from connectors.sources.ldap.directory import Directory
from idp.errors import PageRefused
from idp.flows.upstream_ways import UpstreamWays
from idp.ports import Entropy
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
from idp.web.cookies import LAST_SOURCE, CookieJar
from idp.web.doors import Reading, origin_of
from idp.web.flow_cookie import Flow
from idp.web.http import Answer, Header, HttpRequest, Refusal
from idp.web.page_answers import PageAnswers
from idp.web.texts import kinds_of_data
from idp.web.views import (
    ClaimView,
    ConsentView,
    DirectoryView,
    LoginView,
    NoticeView,
    OtpView,
    SourceLink,
)

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

    def __init__(
        self, answers: PageAnswers, ways: UpstreamWays, cookies: CookieJar, entropy: Entropy
    ) -> None:
        self._answers = answers
        self._ways = ways
        self._cookies = cookies
        self._entropy = entropy

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
        last_source: str = "",
    ) -> Answer:
        """The page of a step that needs one. `typed`: the name that was typed before, kept;
        `last_source`: how this browser signed in before.
        """
        nonce = self._answers.nonce()
        pages, name = self._answers.pages, reading.sign_in.participant_name.for_locale(flow.locale)
        locale, links, hidden = flow.locale, _links(flow), _hidden(flow)
        match step:
            case Login() if flow.password_passed is None:
                body = pages.login(
                    LoginView(
                        locale=locale, nonce=nonce, lang_links=links, action=SIGN_IN_PATH, hidden=hidden,
                        participant_name=name, error=error, username=typed or reading.login_hint or "",
                        password=self._ways.password, sources=self.sources(flow, reading, last_source),
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

    def sources(self, flow: Flow, reading: Reading, last: str = "") -> tuple[SourceLink, ...]:
        """The sources that may lead where the person wants to go; the one of last time first."""
        ways = self._ways.to(reading.entered, reading.sign_in.required_assurance)
        return tuple(
            SourceLink(
                source_id=way.source_id,
                name=way.name.for_locale(flow.locale),
                link=f"/upstream/{way.source_id}/start?flow={flow.flow_id}",
                level=int(way.level),
                down=way.down,
            )
            for way in sorted(ways, key=lambda way: way.source_id != last)
        )

    def first_page(self, flow: Flow, reading: Reading, step: Step) -> str:
        """Where a flow begins: at our pages, or at once at the source that a hand-off names.

        A source that may not lead there, or is down, is told on our pages, beside the other ways.
        """
        if isinstance(step, Login | StepUp):
            for source in self.sources(flow, reading):
                if source.source_id == reading.source_hint and not source.down:
                    return source.link
        return page_path(flow)

    def last_source(self, request: HttpRequest) -> str:
        """How this browser signed in the last time; a name of ours, or nothing."""
        return self._cookies.read(request, LAST_SOURCE) or ""

    def other_way_up(self, flow: Flow, reading: Reading) -> Answer | None:
        """For a person without a second factor of ours: the sources that reach the level, if any."""
        sources = self.sources(flow, reading)
        if not sources:
            return None
        nonce = self._answers.nonce()
        view = LoginView(
            locale=flow.locale, nonce=nonce, lang_links=_links(flow), action=SIGN_IN_PATH,
            hidden=_hidden(flow), participant_name=reading.sign_in.participant_name.for_locale(flow.locale),
            password=False, sources=sources, level=int(reading.sign_in.required_assurance),
        )  # fmt: skip
        return self._page(self._answers.pages.login(view), nonce, reading, 200)

    def directory(
        self,
        flow: Flow,
        reading: Reading,
        directory: Directory,
        error: str | None,
        status: int,
        typed: str,
    ) -> Answer:
        """Where staff type what a directory proves."""
        nonce, locale = self._answers.nonce(), flow.locale
        start = f"/upstream/{directory.source_id}/start?flow={flow.flow_id}"
        view = DirectoryView(
            locale=locale, nonce=nonce, lang_links={lang: f"{start}&lang={lang}" for lang in LOCALES},
            action=directory.sign_in_path,
            hidden=_hidden(flow), participant_name=reading.sign_in.participant_name.for_locale(locale),
            error=error, directory_name=directory.name.for_locale(locale), back=page_path(flow),
            username=typed or reading.login_hint or "",
        )  # fmt: skip
        return self._page(self._answers.pages.directory(view), nonce, reading, status)

    def upstream_notice(self, flow: Flow, reason: str, status: int) -> Answer:
        """What became of a sign-in by a source, under a number, and back to the other ways."""
        nonce, number = self._answers.nonce(), self._entropy(8).hex()
        view = NoticeView(
            locale=flow.locale, nonce=nonce, lang_links={}, reason=reason, correlation=number,
            retry=page_path(flow),
        )  # fmt: skip
        page = self._answers.page(self._answers.pages.notice(view), nonce, status)
        return page.refused(Refusal(reason=reason, correlation=number))

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

"""The way in: every dialect's entry, and the requests of the sign-in page."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace

from connectors.contract import Dialect, Prompt
from idp.errors import (
    AccessDenied,
    ConsentRequired,
    InteractionRequired,
    LoginRequired,
    OAuthError,
    PageRefused,
    UnmetAuthenticationRequirements,
)
from idp.flows.sign_in import SignIn
from idp.protocol.form import parse_form
from idp.protocol.languages import named
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
from idp.web.cookies import SESSION, CookieJar
from idp.web.doors import AnsweredRefusal, Door, Reading
from idp.web.flow_cookie import FlowCookies
from idp.web.http import Answer, Header, HttpRequest, see_other
from idp.web.sign_in_pages import SignInPages
from idp.web.stages.claim import ClaimStage
from idp.web.stages.consent import ConsentStage
from idp.web.stages.password import PasswordStage
from idp.web.stages.second_factor import SecondFactorStage
from idp.web.turn import Turn, Visit
from idp.web.way_on import WayOn, give_answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """Everything that a person may be asked."""

    password: PasswordStage
    second_factor: SecondFactorStage
    claim: ClaimStage
    consent: ConsentStage


class Interaction:
    """Drives every dialect through the same pages. It decides nothing itself."""

    def __init__(
        self,
        *,
        doors: Mapping[Dialect, Door],
        sign_in: SignIn,
        flows: FlowCookies,
        cookies: CookieJar,
        pages: SignInPages,
        way_on: WayOn,
        stages: Stages,
    ) -> None:
        self._doors = doors
        self._sign_in = sign_in
        self._flows = flows
        self._cookies = cookies
        self._pages = pages
        self._way_on = way_on
        self._stages = stages

    async def enter(self, request: HttpRequest, dialect: Dialect) -> Answer:
        """A dialect's own endpoint: answer at once, or begin a flow.

        Spec: OIDC Core §3.1.2.1, §3.1.2.6
        """
        door, now = self._doors[dialect], int(request.received_at)
        handle = self._cookies.read(request, SESSION)
        if request.method == "POST":
            posted = request.body().decode("utf-8", "replace")
            if handle is None:
                # Another site's POST carries no cookies (SameSite=Lax); our own redirect does.
                return see_other(f"{request.path}?{_header_safe(posted)}")
            raw = posted
        else:
            raw = request.query.decode("latin-1")
        try:
            reading = door.read(request, raw, now)
        except AnsweredRefusal as refusal:
            return refusal.answer
        decision = await self._sign_in.decide(handle, now, lambda _: reading.sign_in)
        if isinstance(decision.step, Issue):
            return await give_answer(request, door, reading, decision, now)
        if Prompt.NONE in reading.sign_in.prompts:
            return door.refuse(request, reading, _silent_refusal(decision.step))
        locale = self._pages.locale(request, reading.ui_locales)
        flow = self._flows.begin(dialect, reading.raw, locale, now)
        first = self._pages.first_page(flow, reading, decision.step)
        return see_other(first, self._flows.header(flow))

    async def show(self, request: HttpRequest) -> Answer:
        """GET /sign-in: the page of the step that comes next."""
        form, now = parse_form(request.query), int(request.received_at)
        flow = self._flows.read(request, form.get("flow", ""), now)
        headers: tuple[Header, ...] = ()
        if chosen := named(form.get("lang")):
            flow = replace(flow, locale=chosen)
            headers = (self._flows.header(flow), self._pages.remember(flow.locale))
        # What the page itself has to say of the flow is set last, and so is what stays.
        page = await self._way_on.go_on(Visit(request=request, flow=flow, now=now), *headers)
        return page

    async def submit(self, request: HttpRequest) -> Answer:
        """POST /sign-in: one stage; which one is what `next_step` says, not what was sent."""
        form, now = request.form(), int(request.received_at)
        form.refuse_repeated()
        flow = self._flows.read(request, form.get("flow", ""), now)
        if not hmac.compare_digest(form.get("csrf", "").encode(), flow.csrf.encode()):
            raise PageRefused("flow_unknown", status=403, detail="csrf")
        visit = Visit(request=request, flow=flow, now=now)
        door, reading = self._way_on.reread(visit)
        if form.get("decision") in ("cancel", "deny", "continue"):
            return await self._leave(visit, door, reading)
        if form.get("decision") == "restart":
            fresh = replace(flow, password_passed=None)
            return await self._way_on.passed(replace(visit, flow=fresh))
        decision = await self._way_on.decide(visit, reading)
        return await self._stage(
            Turn(request=request, flow=flow, now=now, reading=reading, form=form, decision=decision)
        )

    async def _stage(self, turn: Turn) -> Answer:
        """The list of stages. `next_step` has chosen; the form only fills in the answer."""
        match turn.decision.step:
            case Login() if turn.flow.password_passed is not None and "otp" in turn.form:
                return await self._stages.second_factor.submit(turn, turn.flow.password_passed)
            case Login():
                return await self._stages.password.submit(turn)
            case StepUp():
                session = turn.decision.session
                subject = session.subject if session else None
                return await self._stages.second_factor.submit(turn, subject)
            case Claim():
                return await self._stages.claim.submit(turn)
            case Consent(scopes):
                return await self._stages.consent.submit(turn, scopes)
            case (
                RequiredMissing()
                | NotAdmitted()
                | NoAccount()
                | LinkHeldBack()
                | LinkEnded()
                | CreateAccount()
                | Issue()
            ):
                return await self._way_on.go_on(turn)

    async def _leave(self, visit: Visit, door: Door, reading: Reading) -> Answer:
        """The person stops: the system is told, nothing was released or opened."""
        decision = await self._way_on.decide(visit, reading, leaving=True)
        refusal = door.refuse(visit.request, reading, _refusal_at(decision.step))
        return refusal.with_headers(self._flows.clear(visit.flow))


def _refusal_at(step: Step) -> OAuthError:
    """What the system is told of a person who went no further than this step."""
    match step:
        case StepUp():
            return UnmetAuthenticationRequirements("the level asked for was not reached")
        case RequiredMissing(sources):
            return AccessDenied(
                "the system requires a claim that is not known of the person",
                detail=f"required and missing: {', '.join(sorted(sources))}",
            )
        case NotAdmitted():
            return AccessDenied("the system does not admit this person")
        case Login() | Claim() | NoAccount() | LinkHeldBack() | LinkEnded() | Consent():
            return AccessDenied("the person stopped")
        case CreateAccount() | Issue():  # signed in meanwhile, in another tab
            return AccessDenied("the person stopped")


def _silent_refusal(step: Step) -> OAuthError:
    """What the system is told that asked not to show any page.

    Spec: OIDC Core §3.1.2.6
    """
    match step:
        case Login() | StepUp():
            return LoginRequired("the person is not signed in at this level")
        case Consent():
            return ConsentRequired("the person has not consented yet")
        case NotAdmitted():
            return AccessDenied("the system does not admit this person")
        case RequiredMissing() | Claim() | NoAccount() | LinkHeldBack() | LinkEnded():
            return InteractionRequired("the person has to be told or asked something first")
        case CreateAccount() | Issue():
            raise ValueError("nothing to refuse")


def _header_safe(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise PageRefused("invalid_request")
    return text

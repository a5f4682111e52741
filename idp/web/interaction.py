"""From a request to an answer: what `next_step` decides becomes a page, or the dialect's answer."""

import hmac
from collections.abc import Mapping
from dataclasses import replace

from connectors.contract import Assurance, Dialect, Prompt, SignInRequest
from connectors.links.account_opening import (
    AccountOpening,
    Claimed,
    Unavailable,
    Withheld,
    WrongProof,
)
from idp.authn.authenticator import Authenticator, PasswordPassed, Rejected
from idp.authn.throttle import Attempt, Throttle
from idp.authn.usernames import UsernameRefused, fold
from idp.errors import (
    AccessDenied,
    ConsentRequired,
    InteractionRequired,
    LoginRequired,
    OAuthError,
    PageRefused,
    TooManyAttempts,
    UnmetAuthenticationRequirements,
)
from idp.flows.sign_in import Decision, SignIn
from idp.model import ClientId, Session
from idp.ports import Accounts, Audit, Grants
from idp.protocol.form import Form, parse_form
from idp.protocol.next_step import (
    Claim,
    Consent,
    CreateAccount,
    Issue,
    LinkEnded,
    LinkHeldBack,
    Login,
    NoAccount,
    Step,
    StepUp,
)
from idp.web.cookies import CookieJar
from idp.web.devices import DeviceCookies
from idp.web.doors import AnsweredRefusal, Door, Reading
from idp.web.flow_cookie import Flow, FlowCookies
from idp.web.http import Answer, Header, HttpRequest, see_other
from idp.web.sign_in_pages import SignInPages

SESSION = "session"
SIGN_IN_PATH = "/sign-in"
PASSWORD_AMR = ("pwd",)
TWO_FACTOR_AMR = ("pwd", "otp", "mfa")


class Interaction:
    """Drives every dialect through the same pages. It decides nothing itself."""

    def __init__(
        self,
        *,
        doors: Mapping[Dialect, Door],
        sign_in: SignIn,
        grants: Grants,
        accounts: Accounts,
        authenticator: Authenticator,
        opening: AccountOpening,
        flows: FlowCookies,
        devices: DeviceCookies,
        cookies: CookieJar,
        pages: SignInPages,
        audit: Audit,
        throttle: Throttle,
        second_factor_always: bool,
    ) -> None:
        self._doors = doors
        self._sign_in = sign_in
        self._grants = grants
        self._accounts = accounts
        self._authenticator = authenticator
        self._opening = opening
        self._flows = flows
        self._devices = devices
        self._cookies = cookies
        self._pages = pages
        self._audit = audit
        self._throttle = throttle
        self._second_factor_always = second_factor_always

    # --- the way in -----------------------------------------------------------------------

    async def enter(self, request: HttpRequest, dialect: Dialect) -> Answer:
        """A dialect's own endpoint: answer at once, or begin a flow.

        Spec: OIDC Core §3.1.2.1, §3.1.2.6
        """
        door, now = self._doors[dialect], int(request.received_at)
        handle = self._cookies.read(request, SESSION)
        if request.method == "POST":
            posted = (await request.body()).decode("utf-8", "replace")
            if handle is None:
                # Another site's POST carries no cookies (SameSite=Lax); our own redirect does.
                return see_other(f"{request.scope['path']}?{_header_safe(posted)}")
            raw = posted
        else:
            raw = request.query.decode("latin-1")
        try:
            reading = door.read(request, raw, now)
        except AnsweredRefusal as refusal:
            return refusal.answer
        decision = await self._sign_in.decide(handle, now, lambda _: reading.sign_in)
        if isinstance(decision.step, Issue):
            return await self._answer(request, door, reading, decision, now)
        if Prompt.NONE in reading.sign_in.prompts:
            return door.refuse(request, reading, _silent_refusal(decision.step))
        locale = self._pages.locale(request, reading.ui_locales)
        flow = self._flows.begin(dialect, raw, locale, now)
        return see_other(f"{SIGN_IN_PATH}?flow={flow.flow_id}", self._flows.header(flow))

    async def _answer(
        self, request: HttpRequest, door: Door, reading: Reading, decision: Decision, now: int
    ) -> Answer:
        if (
            decision.session is None
            or decision.standing is None
            or not isinstance(decision.step, Issue)
        ):
            raise PageRefused("flow_unknown")
        try:
            return await door.answer(
                request, reading, decision.session, decision.standing, decision.step, now
            )
        except OAuthError as error:
            return door.refuse(request, reading, error)

    # --- the pages ------------------------------------------------------------------------

    async def show(self, request: HttpRequest) -> Answer:
        """GET /sign-in: the page of the step that comes next."""
        form, now = parse_form(request.query), int(request.received_at)
        flow = self._flows.read(request, form.get("flow", ""), now)
        headers: tuple[Header, ...] = ()
        if (language := form.get("lang")) in ("vi", "en"):
            flow = replace(flow, locale="en" if language == "en" else "vi")
            headers = (self._flows.header(flow), self._pages.remember(flow.locale))
        return (await self._continue(request, flow, now)).with_headers(*headers)

    async def submit(self, request: HttpRequest) -> Answer:
        """POST /sign-in: one stage; which one is what `next_step` says, not what was sent."""
        form, now = await request.form(), int(request.received_at)
        form.refuse_repeated()
        flow = self._flows.read(request, form.get("flow", ""), now)
        if not hmac.compare_digest(form.get("csrf", "").encode(), flow.csrf.encode()):
            raise PageRefused("flow_unknown", status=403, detail="csrf")
        door, reading = self._reread(request, flow, now)
        if form.get("decision") in ("cancel", "deny", "continue"):
            return await self._leave(request, flow, door, reading, now)
        decision = await self._decide(request, flow, reading, now)
        match decision.step:
            case Login():
                return await self._login(request, flow, reading, form, now)
            case StepUp():
                return await self._step_up(request, flow, reading, form, decision, now)
            case Claim():
                return await self._claim(request, flow, reading, form, decision, now)
            case Consent(scopes):
                return await self._consent(request, flow, reading, form, decision, scopes, now)
            case Issue() | NoAccount() | CreateAccount() | LinkHeldBack() | LinkEnded():
                return await self._continue(request, flow, now)

    def _reread(self, request: HttpRequest, flow: Flow, now: int) -> tuple[Door, Reading]:
        """The request again, through the same checks: nothing of it is taken on trust."""
        door = self._doors[flow.dialect]
        try:
            return door, door.read(request, flow.raw, now)
        except AnsweredRefusal:
            raise PageRefused("flow_unknown") from None

    async def _decide(
        self,
        request: HttpRequest,
        flow: Flow,
        reading: Reading,
        now: int,
        handle: str | None = None,
    ) -> Decision:
        handle = handle or self._cookies.read(request, SESSION)
        return await self._sign_in.decide(
            handle, now, lambda session: _adapted(reading.sign_in, flow, session)
        )

    async def _continue(
        self,
        request: HttpRequest,
        flow: Flow,
        now: int,
        *headers: Header,
        handle: str | None = None,
        error: str | None = None,
        status: int = 200,
    ) -> Answer:
        """The page of the next step, or the dialect's answer and the end of the flow."""
        door, reading = self._reread(request, flow, now)
        decision = await self._decide(request, flow, reading, now, handle)
        step = decision.step
        if isinstance(step, Issue):
            answer = await self._answer(request, door, reading, decision, now)
            return answer.with_headers(self._flows.clear(flow), *headers)
        if isinstance(step, Login) and flow.signed_in_sid is not None:
            # Signed in just now, and still not the person who was hinted at.
            answer = door.refuse(request, reading, LoginRequired("another person signed in"))
            return answer.with_headers(self._flows.clear(flow), *headers)
        if isinstance(step, StepUp) and not await self._can_step_up(decision.session):
            page = self._pages.notice(flow, reading, "assurance_not_reachable")
        else:
            page = self._pages.page_of(step, flow, reading, error, status)
        return page.with_headers(*headers)

    async def _can_step_up(self, session: Session | None) -> bool:
        account = await self._accounts.by_subject(session.subject) if session else None
        return account is not None and account.totp_secret is not None

    # --- the stages -----------------------------------------------------------------------

    async def _login(
        self, request: HttpRequest, flow: Flow, reading: Reading, form: Form, now: int
    ) -> Answer:
        if flow.password_passed is not None and "otp" in form:
            return await self._second_stage(request, flow, form, now)
        if "username" not in form or "password" not in form:
            return await self._continue(request, flow, now)
        device = self._devices.read(request)
        try:
            outcome = await self._authenticator.check_password(
                form["username"], form["password"], request.address, device
            )
        except TooManyAttempts:
            self._audit.record("sign_in_throttled", {"participant": reading.sign_in.participant})
            return await self._again(request, flow, now, "too_many_attempts", 429)
        if isinstance(outcome, Rejected):
            self._audit.record("sign_in_rejected", {"participant": reading.sign_in.participant})
            return await self._again(request, flow, now, "wrong_credentials")
        if self._needs_second(outcome, reading):
            flow = replace(flow, password_passed=outcome.subject)
            return await self._continue(request, flow, now, self._flows.header(flow))
        return await self._signed_in(request, flow, outcome, Assurance.LEVEL_1, PASSWORD_AMR, now)

    def _needs_second(self, outcome: PasswordPassed, reading: Reading) -> bool:
        required = reading.sign_in.required_assurance is Assurance.LEVEL_2
        return outcome.second_factor_available and (self._second_factor_always or required)

    async def _second_stage(self, request: HttpRequest, flow: Flow, form: Form, now: int) -> Answer:
        if flow.password_passed is None:
            raise PageRefused("flow_unknown")
        passed = PasswordPassed(subject=flow.password_passed, second_factor_available=True)
        try:
            outcome = await self._authenticator.check_otp(
                passed.subject, form["otp"], request.address, self._devices.read(request)
            )
        except TooManyAttempts:
            return await self._again(request, flow, now, "too_many_attempts", 429)
        if isinstance(outcome, Rejected):
            self._audit.record("otp_rejected", {})
            return await self._again(request, flow, now, "wrong_otp")
        return await self._signed_in(request, flow, passed, Assurance.LEVEL_2, TWO_FACTOR_AMR, now)

    async def _step_up(
        self,
        request: HttpRequest,
        flow: Flow,
        reading: Reading,
        form: Form,
        decision: Decision,
        now: int,
    ) -> Answer:
        """The second factor of whoever is signed in; never of anybody else."""
        del reading
        if decision.session is None or "otp" not in form:
            return await self._continue(request, flow, now)
        flow = replace(flow, password_passed=decision.session.subject)
        return await self._second_stage(request, flow, form, now)

    async def _signed_in(
        self,
        request: HttpRequest,
        flow: Flow,
        passed: PasswordPassed,
        assurance: Assurance,
        amr: tuple[str, ...],
        now: int,
    ) -> Answer:
        previous = self._cookies.read(request, SESSION)
        handle, session = await self._sign_in.open_session(
            passed.subject, assurance, amr, now, previous
        )
        flow = replace(flow, password_passed=None, signed_in_sid=session.sid)
        headers = (
            self._cookies.set(SESSION, handle),
            self._devices.header(request, passed.subject),
        )
        return await self._after(request, flow, now, handle, *headers)

    async def _after(
        self, request: HttpRequest, flow: Flow, now: int, handle: str | None, *headers: Header
    ) -> Answer:
        """A stage was passed: answer, or show the next page with the flow brought up to date."""
        answer = await self._continue(request, flow, now, *headers, handle=handle)
        if answer.status == 200 and self._flows.clear(flow) not in answer.headers:
            return answer.with_headers(self._flows.header(flow))
        return answer

    async def _claim(
        self,
        request: HttpRequest,
        flow: Flow,
        reading: Reading,
        form: Form,
        decision: Decision,
        now: int,
    ) -> Answer:
        """The old account is proved with its old password, once; guesses are limited like ours."""
        system = reading.sign_in.system
        if decision.session is None or system is None or "account" not in form:
            return await self._continue(request, flow, now)
        try:
            folded = fold(form["account"])
        except UsernameRefused:
            return await self._again(request, flow, now, "wrong_proof")
        attempt = Attempt(
            folded_username=f"{system}\0{folded}",
            address=request.address,
            factor="claim",
        )
        try:
            admission = await self._throttle.admit(attempt)
        except TooManyAttempts:
            return await self._again(request, flow, now, "too_many_attempts", 429)
        outcome = await self._opening.claim(
            decision.session.subject, system, form["account"], form.get("password", ""), now
        )
        match outcome:
            case Claimed():
                await self._throttle.succeeded(admission)
                self._audit.record("account_claimed", {"system": system})
                return await self._after(request, flow, now, None)
            case Unavailable():
                await self._throttle.unjudged(admission)
                return await self._again(request, flow, now, "verifier_unavailable", 503)
            case Withheld():
                await self._throttle.succeeded(admission)
                self._audit.record("account_withheld", {"system": system})
                return await self._again(request, flow, now, "withheld")
            case WrongProof():
                self._audit.record("claim_rejected", {"system": system})
                return await self._again(request, flow, now, "wrong_proof")

    async def _consent(
        self,
        request: HttpRequest,
        flow: Flow,
        reading: Reading,
        form: Form,
        decision: Decision,
        scopes: frozenset[str],
        now: int,
    ) -> Answer:
        if form.get("decision") != "allow" or decision.session is None:
            return await self._continue(request, flow, now)
        participant = reading.sign_in.participant
        await self._grants.consent(decision.session.subject, ClientId(participant), scopes, now)
        self._audit.record("consent_given", {"participant": participant})
        return await self._after(request, replace(flow, consented=True), now, None)

    async def _again(
        self, request: HttpRequest, flow: Flow, now: int, error: str, status: int = 200
    ) -> Answer:
        """The same page with what was wrong."""
        return await self._continue(request, flow, now, error=error, status=status)

    async def _leave(
        self, request: HttpRequest, flow: Flow, door: Door, reading: Reading, now: int
    ) -> Answer:
        """The person stops: the system is told, nothing was released."""
        decision = await self._decide(request, flow, reading, now)
        error: OAuthError = AccessDenied("the person stopped")
        if isinstance(decision.step, StepUp):
            error = UnmetAuthenticationRequirements("the level asked for was not reached")
        return door.refuse(request, reading, error).with_headers(self._flows.clear(flow))


def _adapted(request: SignInRequest, flow: Flow, session: Session | None) -> SignInRequest:
    """The request without the prompts that this very flow has satisfied in this very session."""
    satisfied: frozenset[Prompt] = frozenset()
    max_age = request.max_age_seconds
    if session is not None and session.sid == flow.signed_in_sid:
        satisfied |= {Prompt.LOGIN, Prompt.SELECT_ACCOUNT}
        max_age = None
    if flow.consented:
        satisfied |= {Prompt.CONSENT}
    return replace(request, prompts=request.prompts - satisfied, max_age_seconds=max_age)


def _silent_refusal(step: Step) -> OAuthError:
    match step:
        case Login() | StepUp():
            return LoginRequired("the person is not signed in at this level")
        case Consent():
            return ConsentRequired("the person has not consented yet")
        case _:
            return InteractionRequired("the person has to answer a question first")


def _header_safe(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise PageRefused("invalid_request")
    return text

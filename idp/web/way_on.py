"""From a decision to what the browser sees: the page of the next step, or the dialect's answer."""

from collections.abc import Mapping
from dataclasses import replace

from connectors.contract import Dialect, Prompt, SignInRequest
from idp.errors import LoginRequired, OAuthError, PageRefused
from idp.flows.sign_in import Decision, SignIn
from idp.model import Session
from idp.ports import Accounts
from idp.protocol.next_step import Issue, Login, StepUp
from idp.web.cookies import SESSION, CookieJar
from idp.web.doors import AnsweredRefusal, Door, Reading
from idp.web.flow_cookie import Flow, FlowCookies
from idp.web.http import Answer, Header, HttpRequest, Refusal, see_other
from idp.web.sign_in_pages import SignInPages, page_path
from idp.web.turn import Turn, Visit


class WayOn:
    """Asks `next_step` again after every stage, and shows what it says. It decides nothing."""

    def __init__(
        self,
        *,
        doors: Mapping[Dialect, Door],
        sign_in: SignIn,
        accounts: Accounts,
        flows: FlowCookies,
        cookies: CookieJar,
        pages: SignInPages,
    ) -> None:
        self._doors = doors
        self._sign_in = sign_in
        self._accounts = accounts
        self._flows = flows
        self._cookies = cookies
        self._pages = pages

    def reread(self, visit: Visit) -> tuple[Door, Reading]:
        """The request again, through the same checks: nothing of it is taken on trust.

        Raises: PageRefused where it would not be let in any more.
        """
        door = self._doors[visit.flow.dialect]
        try:
            reading = door.read(visit.request, visit.flow.raw, visit.now)
        except AnsweredRefusal:
            raise PageRefused("flow_unknown") from None
        # The person may have chosen another language than the application did: theirs goes on.
        return door, replace(reading, ui_locales=visit.flow.locale)

    async def decide(
        self, visit: Visit, reading: Reading, handle: str | None = None, *, leaving: bool = False
    ) -> Decision:
        """What comes next for this browser, or for the session that it is just being given.

        `leaving`: what would have come next for a person who stops.
        """
        handle = handle or self._cookies.read(visit.request, SESSION)
        return await self._sign_in.decide(
            handle,
            visit.now,
            lambda session: _adapted(reading.sign_in, visit.flow, session),
            leaving=leaving,
        )

    async def go_on(
        self,
        visit: Visit,
        *headers: Header,
        handle: str | None = None,
        error: str | None = None,
        status: int = 200,
        typed: str = "",
    ) -> Answer:
        """The page of the next step, or the dialect's answer and the end of the flow."""
        door, reading = self.reread(visit)
        decision = await self.decide(visit, reading, handle)
        step, flow = decision.step, visit.flow
        if isinstance(step, Issue):
            answer = await give_answer(visit.request, door, reading, decision, visit.now)
            return answer.with_headers(self._flows.clear(flow), *headers)
        if isinstance(step, Login) and flow.signed_in_sid is not None:
            # Signed in just now, and still not the person who was hinted at.
            answer = door.refuse(visit.request, reading, LoginRequired("another person signed in"))
            return answer.with_headers(self._flows.clear(flow), *headers)
        if isinstance(step, StepUp) and not await self._can_step_up(decision.session):
            page = self._pages.other_way_up(flow, reading) or self._pages.notice(
                flow, reading, "assurance_not_reachable"
            )
        else:
            last = self._pages.last_source(visit.request)
            page = self._pages.page_of(step, flow, reading, error, status, typed, last)
        return page.with_headers(*headers)

    async def again(self, turn: Turn, error: str, event: str) -> Answer:
        """The same page with what was wrong; the name that was typed stays, a secret never.

        The stage was refused: the edge records `event`.
        """
        page = await self.go_on(turn, error=error, typed=_name_in(turn))
        return page.refused(_refusal(turn, error, event))

    async def not_now(
        self,
        turn: Turn,
        error: str,
        status: int,
        wait_seconds: int,
        event: str = "sign_in_throttled",
    ) -> Answer:
        """The same page, and when to try again.

        Spec: RFC 6585 §4, RFC 9110 §10.2.3
        """
        retry = (b"retry-after", str(wait_seconds).encode("ascii"))
        page = await self.go_on(turn, retry, error=error, status=status, typed=_name_in(turn))
        return page.refused(_refusal(turn, error, event))

    async def passed(self, visit: Visit, *headers: Header, handle: str | None = None) -> Answer:
        """A stage was passed: the dialect's answer, or on to the next page by a redirect.

        Why: a page that answered a POST cannot be reloaded or gone back to without sending the
        password again; what a redirect led to can.
        """
        door, reading = self.reread(visit)
        decision = await self.decide(visit, reading, handle)
        if isinstance(decision.step, Issue):
            answer = await give_answer(visit.request, door, reading, decision, visit.now)
            return answer.with_headers(self._flows.clear(visit.flow), *headers)
        return see_other(page_path(visit.flow), self._flows.header(visit.flow), *headers)

    async def _can_step_up(self, session: Session | None) -> bool:
        account = await self._accounts.by_subject(session.subject) if session else None
        return account is not None and account.totp_secret is not None


async def give_answer(
    request: HttpRequest, door: Door, reading: Reading, decision: Decision, now: int
) -> Answer:
    """The dialect's positive answer, or its refusal where the last look finds a reason.

    Raises: PageRefused where nothing was decided that could be answered.
    """
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


def _refusal(turn: Turn, error: str, event: str) -> Refusal:
    return Refusal(event=event, reason=error, client=turn.reading.sign_in.participant)


def _name_in(turn: Turn) -> str:
    return turn.form.get("username") or turn.form.get("account") or ""


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

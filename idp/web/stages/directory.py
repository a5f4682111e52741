"""Signing in by a directory of staff: our page, and what was typed on it."""

import hmac
from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from connectors.errors import UpstreamRefused
from connectors.sources.ldap.directory import Directory
from connectors.sources.ldap.verdicts import Verdict
from connectors.sources.model import SourceId
from connectors.sources.outcomes import ClosedAccount, Differs
from idp.authn.upstream_keys import UpstreamSilent
from idp.errors import PageRefused, TooManyAttempts
from idp.flows.directory_sign_in import DirectorySignIn
from idp.flows.upstream_arrival import CameBack, UpstreamArrival
from idp.flows.upstream_ways import UpstreamWays
from idp.protocol.form import Form, parse_form
from idp.protocol.languages import named
from idp.protocol.next_step import Login, StepUp
from idp.web.cookies import CookieJar
from idp.web.doors import Reading
from idp.web.flow_cookie import Flow, FlowCookies
from idp.web.http import Answer, Header, HttpRequest, Refusal
from idp.web.sign_in_pages import SignInPages
from idp.web.stages.opening import SessionOpening
from idp.web.stages.upstream import HALF_YEAR_SECONDS, LAST_SOURCE, RETRY_SECONDS
from idp.web.turn import Visit
from idp.web.way_on import WayOn

_PAGES = {
    Verdict.CLOSED: "directory_closed",
    Verdict.PASSWORD_EXPIRED: "directory_password",
    Verdict.NOT_A_MEMBER: "directory_not_admitted",
}


class DirectoryStage:
    """`/upstream/<directory>/start` and `/upstream/<directory>/sign-in`.

    Why pages of their own: what was typed for a directory goes there and nowhere else, and what was
    typed for an account of ours never goes to a directory.
    """

    def __init__(
        self,
        *,
        directories: Mapping[SourceId, Directory],
        directory_sign_in: DirectorySignIn,
        arrival: UpstreamArrival,
        ways: UpstreamWays,
        flows: FlowCookies,
        cookies: CookieJar,
        pages: SignInPages,
        opening: SessionOpening,
        way_on: WayOn,
    ) -> None:
        self._directories = directories
        self._directory_sign_in = directory_sign_in
        self._arrival = arrival
        self._ways = ways
        self._flows = flows
        self._cookies = cookies
        self._pages = pages
        self._opening = opening
        self._way_on = way_on

    async def start(self, request: HttpRequest, source_id: SourceId) -> Answer:
        """GET: the page, where the next step is a sign-in."""
        form, now = parse_form(request.query), int(request.received_at)
        visit = self._visit(request, form, now)
        headers: tuple[Header, ...] = ()
        if chosen := named(form.get("lang")):
            visit = replace(visit, flow=replace(visit.flow, locale=chosen))
            headers = (self._flows.header(visit.flow), self._pages.remember(chosen))
        _, reading = self._way_on.reread(visit)
        answer = await self._closed(visit, reading, source_id)
        # What the page itself has to say of the flow is set last, and so is what stays.
        return answer or self._page(visit.flow, reading, source_id, before=headers)

    async def submit(self, request: HttpRequest, source_id: SourceId) -> Answer:
        """POST: name and password, checked once."""
        form, now = request.form(), int(request.received_at)
        form.refuse_repeated()
        visit = self._visit(request, form, now)
        if not hmac.compare_digest(form.get("csrf", "").encode(), visit.flow.csrf.encode()):
            raise PageRefused("flow_unknown", status=403, detail="csrf")
        _, reading = self._way_on.reread(visit)
        closed = await self._closed(visit, reading, source_id)
        return closed or await self._proved(visit, reading, self._directories[source_id], form)

    def _visit(self, request: HttpRequest, form: Form, now: int) -> Visit:
        flow = self._flows.read(request, form.get("flow", ""), now)
        return Visit(request=request, flow=flow, now=now)

    async def _closed(self, visit: Visit, reading: Reading, source_id: SourceId) -> Answer | None:
        """Why nobody is asked for a password here now; None where somebody is."""
        decision = await self._way_on.decide(visit, reading)
        if not isinstance(decision.step, Login | StepUp):
            return await self._way_on.go_on(visit)
        directory = self._directories[source_id]
        if not directory.serves(reading.entered, reading.sign_in.required_assurance):
            return self._told(visit.flow, reading, "upstream_refused", "not_allowed_here", 400)
        if self._ways.is_down(source_id):
            return self._told(visit.flow, reading, "upstream_unavailable", "down", 503)
        return None

    async def _proved(
        self, visit: Visit, reading: Reading, directory: Directory, form: Form
    ) -> Answer:
        username, address = form.get("username", ""), visit.request.address
        try:
            outcome = await self._directory_sign_in.prove(
                directory, username, form.get("password", ""), address, visit.now
            )
        except TooManyAttempts as limit:
            return self._throttled(visit, reading, directory, username, limit.retry_after_seconds)
        except UpstreamRefused as refused:
            return self._told(visit.flow, reading, "upstream_refused", str(refused), 400)
        except UpstreamSilent:
            return self._told(visit.flow, reading, "upstream_unavailable", "silent", 503)
        match outcome:
            case CameBack():
                return await self._enter(visit, directory, outcome)
            case Verdict.NOT_PROVED:
                return self._wrong(visit, reading, directory, username)
            case Verdict.CLOSED | Verdict.PASSWORD_EXPIRED | Verdict.NOT_A_MEMBER:
                reason = outcome.name.lower()
                return self._told(visit.flow, reading, _PAGES[outcome], reason, 403)
            case Differs(what):
                return self._told(visit.flow, reading, "upstream_differs", f"differs: {what}", 403)
            case ClosedAccount():
                return self._told(visit.flow, reading, "upstream_closed", "disabled", 403)
            case _:
                assert_never(outcome)

    async def _enter(self, visit: Visit, directory: Directory, came: CameBack) -> Answer:
        told = came.authentication
        answer = await self._opening.open(
            visit,
            came.subject,
            told.assurance,
            told.amr,
            opened=lambda sid: self._arrival.opened(came, sid, directory, visit.now),
        )
        remembered = self._cookies.set(LAST_SOURCE, directory.source_id, HALF_YEAR_SECONDS)
        return answer.with_headers(remembered)

    def _wrong(self, visit: Visit, reading: Reading, directory: Directory, username: str) -> Answer:
        source_id = directory.source_id
        page = self._page(visit.flow, reading, source_id, error="wrong_credentials", typed=username)
        return page.refused(_refusal(reading, "sign_in_rejected", "wrong_credentials"))

    def _throttled(
        self, visit: Visit, reading: Reading, directory: Directory, username: str, wait: int
    ) -> Answer:
        """Spec: RFC 6585 §4, RFC 9110 §10.2.3."""
        page = self._page(
            visit.flow, reading, directory.source_id, "too_many_attempts", 429, username
        )
        page = page.with_headers((b"retry-after", str(wait).encode("ascii")))
        return page.refused(_refusal(reading, "sign_in_throttled", "too_many_attempts"))

    def _page(
        self,
        flow: Flow,
        reading: Reading,
        source_id: SourceId,
        error: str | None = None,
        status: int = 200,
        typed: str = "",
        before: tuple[Header, ...] = (),
    ) -> Answer:
        directory = self._directories[source_id]
        page = self._pages.directory(flow, reading, directory, error, status, typed)
        return page.with_headers(*before, *self._flows.page_shown(flow, measured=reading.measured))

    def _told(self, flow: Flow, reading: Reading, page: str, reason: str, status: int) -> Answer:
        """What to do now; the flow stays, so that another way can be taken."""
        answer = self._pages.upstream_notice(flow, page, status)
        if status == 503:
            answer = answer.with_headers((b"retry-after", str(RETRY_SECONDS).encode("ascii")))
        refusal = answer.refusal or Refusal(reason=page)
        answer = answer.with_headers(*self._flows.page_shown(flow, measured=reading.measured))
        client = reading.sign_in.participant
        return answer.refused(
            replace(refusal, event="upstream_refused", client=client, detail=f"upstream: {reason}")
        )


def _refusal(reading: Reading, event: str, reason: str) -> Refusal:
    return Refusal(event=event, reason=reason, client=reading.sign_in.participant)

"""Signing in by a directory of staff: our page, and what was typed on it."""

import hmac
from collections.abc import Mapping
from dataclasses import replace

from connectors.errors import UpstreamRefused
from connectors.sources.ldap.directory import Directory
from connectors.sources.ldap.verdicts import Verdict
from connectors.sources.model import SourceId
from idp.authn.upstream_keys import UpstreamSilent
from idp.errors import PageRefused, TooManyAttempts
from idp.flows.directory_sign_in import DirectorySignIn
from idp.flows.upstream_ways import UpstreamWays
from idp.protocol.form import Form, parse_form
from idp.protocol.languages import named
from idp.protocol.next_step import Login, StepUp
from idp.web.doors import Reading
from idp.web.flow_cookie import Flow, FlowCookies
from idp.web.http import Answer, Header, HttpRequest, Refusal
from idp.web.sign_in_pages import SignInPages
from idp.web.stages.source_outcomes import SourceOutcomes
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
        outcomes: SourceOutcomes,
        ways: UpstreamWays,
        flows: FlowCookies,
        pages: SignInPages,
        way_on: WayOn,
    ) -> None:
        self._directories = directories
        self._directory_sign_in = directory_sign_in
        self._outcomes = outcomes
        self._ways = ways
        self._flows = flows
        self._pages = pages
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
            return self._outcomes.told(
                visit.flow, reading, "upstream_refused", "not_allowed_here", 400
            )
        if self._ways.is_down(source_id):
            return self._outcomes.down(visit.flow, reading)
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
        except (UpstreamRefused, UpstreamSilent) as fault:
            return self._outcomes.failed(visit.flow, reading, fault)
        match outcome:
            case Verdict.NOT_PROVED:
                return self._wrong(visit, reading, directory, username)
            case Verdict.CLOSED | Verdict.PASSWORD_EXPIRED | Verdict.NOT_A_MEMBER:
                reason = outcome.name.lower()
                return self._outcomes.told(visit.flow, reading, _PAGES[outcome], reason, 403)
            case _:
                answer = await self._outcomes.answered(visit, reading, directory, outcome)
                return answer.with_headers(self._outcomes.remembered(directory.source_id))

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


def _refusal(reading: Reading, event: str, reason: str) -> Refusal:
    return Refusal(event=event, reason=reason, client=reading.sign_in.participant)

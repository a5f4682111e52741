"""Signing in by a source: the way there, and the one way back."""

from collections.abc import Callable, Mapping

from connectors.contract import Prompt
from connectors.errors import UpstreamRefused
from connectors.sources.callback import Answer as UpstreamAnswer
from connectors.sources.callback import Answered, Declined, Posted, as_sent, check_answer
from connectors.sources.model import Source, SourceId
from idp.authn.upstream_keys import UpstreamSilent
from idp.errors import PageRefused
from idp.flows.upstream_arrival import Outcome
from idp.flows.upstream_sign_in import Pending, UpstreamSignIn
from idp.flows.upstream_ways import UpstreamWays
from idp.protocol.form import parse_form
from idp.protocol.next_step import Login, StepUp
from idp.web.doors import Reading
from idp.web.flow_cookie import Flow, FlowCookies
from idp.web.http import Answer, HttpRequest, see_other
from idp.web.stages.source_outcomes import SourceOutcomes
from idp.web.turn import Visit
from idp.web.way_on import WayOn


class UpstreamStage:
    """`/upstream/<source>/start` and `/upstream/<source>/callback`, for one browser at a time.

    An answer that is late, doubled, for somebody else or nonsense gets a page that says what to do,
    an audit record, and nothing else: no session, no redirect, no second try with the same state.
    """

    def __init__(
        self,
        *,
        sources: Mapping[SourceId, Source],
        upstream: UpstreamSignIn,
        outcomes: SourceOutcomes,
        ways: UpstreamWays,
        flows: FlowCookies,
        way_on: WayOn,
    ) -> None:
        self._sources = sources
        self._upstream = upstream
        self._outcomes = outcomes
        self._ways = ways
        self._flows = flows
        self._way_on = way_on

    async def start(self, request: HttpRequest, source_id: SourceId) -> Answer:
        """GET: send the browser to the source, where the next step is a sign-in.

        Why: a link, not a form: the browser may be led on by the source over several hosts, and a
        form's policy (CSP `form-action`) would stop it at the second.
        """
        form, now = parse_form(request.query), int(request.received_at)
        flow = self._flows.read(request, form.get("flow", ""), now)
        visit = Visit(request=request, flow=flow, now=now)
        _, reading = self._way_on.reread(visit)
        decision = await self._way_on.decide(visit, reading)
        if not isinstance(decision.step, Login | StepUp):
            return await self._way_on.go_on(visit)
        return await self.send(self._sources[source_id], flow, reading, now)

    async def send(self, source: Source, flow: Flow, reading: Reading, now: int) -> Answer:
        """The redirect to a source; also for a door that knows already where the person comes from."""
        sign_in = reading.sign_in
        if not source.serves(reading.entered, sign_in.required_assurance):
            return self._outcomes.told(flow, reading, "upstream_refused", "not_allowed_here", 400)
        if self._ways.is_down(source.source_id):
            return self._outcomes.down(flow, reading)
        anew = {Prompt.LOGIN, Prompt.SELECT_ACCOUNT} & sign_in.prompts
        try:
            address = await self._upstream.begin(
                source,
                flow_id=flow.flow_id,
                secret=flow.csrf,
                level=sign_in.required_assurance,
                fresh=bool(anew) or sign_in.max_age_seconds is not None,
                locale=flow.locale,
                now=now,
            )
        except (UpstreamRefused, UpstreamSilent) as fault:
            return self._outcomes.failed(flow, reading, fault)
        return see_other(
            address, self._flows.header(flow), self._outcomes.remembered(source.source_id)
        )

    async def callback(self, request: HttpRequest, source_id: SourceId) -> Answer:
        """GET: the answer of the source, in the browser that was sent there."""
        source, now = self._sources[source_id], int(request.received_at)
        form = parse_form(as_sent(source, request.query))
        state = form.get("state", "")
        return await self.answered(
            request, source, state, lambda: check_answer(source, form, form.repeated), now
        )

    async def answered(
        self,
        request: HttpRequest,
        source: Source,
        state: str,
        read: Callable[[], UpstreamAnswer],
        now: int,
    ) -> Answer:
        """An answer that names this state, in the browser that holds its flow, taken once.

        Raises: PageRefused.
        """
        try:
            pending = self._upstream.pending(source, state, now)
        except UpstreamRefused as refused:
            raise PageRefused("upstream_refused", detail=f"upstream: {refused}") from None
        flow = self._flows.read(request, pending.flow_id, now)
        visit = Visit(request=request, flow=flow, now=now)
        _, reading = self._way_on.reread(visit)
        try:
            await self._upstream.take(pending)
            return await self._judged(visit, reading, source, pending, read())
        except (UpstreamRefused, UpstreamSilent) as fault:
            return self._outcomes.failed(flow, reading, fault)

    async def _judged(
        self,
        visit: Visit,
        reading: Reading,
        source: Source,
        pending: Pending,
        answer: UpstreamAnswer,
    ) -> Answer:
        sign_in = reading.sign_in
        if not source.serves(reading.entered, sign_in.required_assurance):
            raise UpstreamRefused("not_allowed_here")
        if isinstance(answer, Declined):
            reason = f"declined: {answer.why}" if answer.why else "declined"
            return self._outcomes.told(visit.flow, reading, "upstream_declined", reason, 400)
        outcome = await self._outcome(visit, source, pending, answer)
        return await self._outcomes.answered(visit, reading, source, outcome)

    async def _outcome(
        self, visit: Visit, source: Source, pending: Pending, answer: Answered | Posted
    ) -> Outcome:
        if isinstance(answer, Answered):
            return await self._upstream.finish(
                source, pending, visit.flow.csrf, answer.code, visit.now
            )
        if source.saml is None:
            raise UpstreamRefused("saml: the source does not speak it")
        return await self._upstream.finish_posted(
            source, source.saml, pending, answer.raw, visit.now
        )

"""What any source's word comes to in the browser: a session, or a page that says what to do."""

from dataclasses import replace

from connectors.errors import UpstreamRefused
from connectors.sources.ldap.directory import Directory
from connectors.sources.model import Source, SourceId
from connectors.sources.outcomes import ClosedAccount, Differs
from idp.authn.upstream_keys import UpstreamSilent
from idp.flows.upstream_arrival import CameBack, Outcome, UpstreamArrival
from idp.web.cookies import LAST_SOURCE, CookieJar
from idp.web.doors import Reading
from idp.web.flow_cookie import Flow, FlowCookies
from idp.web.http import Answer, Header, Refusal
from idp.web.sign_in_pages import SignInPages
from idp.web.stages.opening import SessionOpening
from idp.web.turn import Visit

HALF_YEAR_SECONDS = 180 * 86400
RETRY_SECONDS = 30


class SourceOutcomes:
    """The same for a source that browsers are sent to, and for a directory that we ask ourselves."""

    def __init__(
        self,
        *,
        arrival: UpstreamArrival,
        flows: FlowCookies,
        cookies: CookieJar,
        pages: SignInPages,
        opening: SessionOpening,
    ) -> None:
        self._arrival = arrival
        self._flows = flows
        self._cookies = cookies
        self._pages = pages
        self._opening = opening

    async def answered(
        self, visit: Visit, reading: Reading, source: Source | Directory, outcome: Outcome
    ) -> Answer:
        """Who came is signed in; who may not come is told so."""
        match outcome:
            case CameBack() as came:
                return await self._entered(visit, source, came)
            case Differs(what):
                return self.told(visit.flow, reading, "upstream_differs", f"differs: {what}", 403)
            case ClosedAccount():
                return self.told(visit.flow, reading, "upstream_closed", "disabled", 403)

    async def _entered(self, visit: Visit, source: Source | Directory, came: CameBack) -> Answer:
        told = came.authentication
        return await self._opening.open(
            visit,
            came.subject,
            told.assurance,
            told.amr,
            authenticated_at=told.at,
            opened=lambda sid: self._arrival.opened(came, sid, source, visit.now),
        )

    def failed(
        self, flow: Flow, reading: Reading, fault: UpstreamRefused | UpstreamSilent
    ) -> Answer:
        """An answer that is none, or none at all."""
        if isinstance(fault, UpstreamSilent):
            return self.told(flow, reading, "upstream_unavailable", "silent", 503)
        return self.told(flow, reading, "upstream_refused", str(fault), 400)

    def down(self, flow: Flow, reading: Reading) -> Answer:
        """Nobody is sent there now."""
        return self.told(flow, reading, "upstream_unavailable", "down", 503)

    def told(self, flow: Flow, reading: Reading, page: str, reason: str, status: int) -> Answer:
        """What to do now; the flow stays, so that another way can be taken."""
        answer = self._pages.upstream_notice(flow, page, status)
        if status == 503:
            answer = answer.with_headers((b"retry-after", str(RETRY_SECONDS).encode("ascii")))
        refusal = answer.refusal or Refusal(reason=page)
        client = reading.sign_in.participant
        answer = answer.with_headers(*self._flows.page_shown(flow, measured=reading.measured))
        return answer.refused(
            replace(refusal, event="upstream_refused", client=client, detail=f"upstream: {reason}")
        )

    def remembered(self, source_id: SourceId) -> Header:
        """The way that was taken last stands first the next time; it names no person."""
        return self._cookies.set(LAST_SOURCE, source_id, HALF_YEAR_SECONDS)

"""The sign-in of forward-auth: GET /forward-auth/start?state=…, at our own host."""

from connectors.contract import Dialect
from connectors.errors import ReturnAddressRefused
from connectors.systems.forward_auth.hosts import ProtectedHosts, verify_host
from idp.errors import LoginRequired, OAuthError, PageRefused
from idp.flows.sign_in import SignIn
from idp.model import Session, Standing
from idp.ports import Audit, SessionEnds
from idp.protocol.form import parse_form
from idp.protocol.next_step import Issue
from idp.web.dialects.forward_auth.handles import Handles, Start
from idp.web.dialects.forward_auth.request import asked_for
from idp.web.doors import Reading
from idp.web.error_pages import ErrorPages
from idp.web.http import Answer, HttpRequest, Refusal, see_other


class ForwardAuthDoor:
    """Answers with a hand-over to the one callback of the protected host."""

    dialect = Dialect.FORWARD_AUTH

    def __init__(
        self,
        *,
        hosts: ProtectedHosts,
        handles: Handles,
        sign_in: SignIn,
        ends: SessionEnds,
        errors: ErrorPages,
        audit: Audit,
    ) -> None:
        self._hosts = hosts
        self._handles = handles
        self._sign_in = sign_in
        self._ends = ends
        self._errors = errors
        self._audit = audit

    def read(self, request: HttpRequest, raw: str, now: int) -> Reading:
        """See `Door.read`: the host was sealed by us, and has to be registered still."""
        del request
        start, ui_locales = self._start(raw, now)
        try:
            host = verify_host(self._hosts, start.host)
        except ReturnAddressRefused:
            raise PageRefused("client_unknown") from None
        return Reading(
            sign_in=asked_for(host.system),
            raw=raw,
            return_address=host.callback,
            ui_locales=ui_locales,
        )

    def _start(self, raw: str, now: int) -> tuple[Start, str | None]:
        try:
            form = parse_form(raw.encode())
            form.refuse_repeated()
        except OAuthError as error:
            raise PageRefused("invalid_request", detail=error.description) from None
        return self._handles.open_start(form.get("state", ""), now), form.get("ui_locales")

    async def answer(
        self,
        request: HttpRequest,
        reading: Reading,
        session: Session,
        standing: Standing,
        issue: Issue,
        now: int,
    ) -> Answer:
        """See `Door.answer`: joins the session, and hands it over."""
        del request
        start, _ = self._start(reading.raw, now)
        result = await self._sign_in.result(reading.sign_in, session, standing, issue, now)
        participant = reading.sign_in.participant
        joined = await self._ends.join(
            session.sid, session.subject, participant, result.identity.sub, now
        )
        if not joined:
            raise LoginRequired("please sign in")
        ticket = self._handles.seal_hand_over(start, session, now)
        fields = {"system": str(reading.sign_in.system), "sid": session.sid}
        self._audit.record("handed_over", fields)
        return see_other(f"{reading.return_address}?ticket={ticket}")

    def refuse(self, request: HttpRequest, reading: Reading, error: OAuthError) -> Answer:
        """See `Door.refuse`: told on our own page, since the system knows of no errors of ours."""
        refusal = Refusal(
            reason=error.code, client=reading.sign_in.participant, detail=error.detail
        )
        return self._errors.refused(request, refusal, 403)

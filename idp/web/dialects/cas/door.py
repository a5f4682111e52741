"""The CAS dialect: /cas/login?service=…"""

from collections.abc import Mapping

from connectors.contract import Dialect, Prompt, SystemId
from connectors.errors import ReturnAddressRefused
from connectors.registry import System
from connectors.systems.cas.service import VerifiedService, verify_service
from connectors.systems.cas.ticket import (
    TICKET_SECONDS,
    CasTicket,
    TicketKind,
    digest_of_address,
    seal_ticket,
)
from idp.errors import OAuthError, PageRefused
from idp.flows.cas_requests import sign_in_request
from idp.flows.cas_validation import asked_for
from idp.flows.sign_in import SignIn
from idp.model import Session, Standing
from idp.ports import Audit
from idp.protocol.form import parse_form
from idp.protocol.next_step import Issue
from idp.web.answers import ErrorPage
from idp.web.doors import Reading, origin_of
from idp.web.http import Answer, HttpRequest, Refusal, see_other
from idp.web.page_answers import PageAnswers
from idp.web.views import FormPostView
from keys.seal import Sealer
from keys.values import hot_value


@hot_value
class CasReading(Reading):
    """A login request, checked once and carried to its answer."""

    service: VerifiedService
    by_form: bool
    """Whether the ticket is to travel in a form (`method=POST`)."""


class CasDoor:
    """Answers with a ticket that the browser carries to the service."""

    dialect = Dialect.CAS

    def __init__(
        self,
        *,
        systems: Mapping[SystemId, System],
        sealer: Sealer,
        sign_in: SignIn,
        pages: PageAnswers,
        error_page: ErrorPage,
        audit: Audit,
    ) -> None:
        self._systems = systems
        self._sealer = sealer
        self._sign_in = sign_in
        self._pages = pages
        self._error_page = error_page
        self._audit = audit

    def read(self, request: HttpRequest, raw: str, now: int) -> Reading:
        """See `Door.read`.

        Spec: CAS Protocol 3.0 §2.1.1
        """
        del request, now
        try:
            form = parse_form(raw.encode())
            form.refuse_repeated()
        except OAuthError as error:
            raise PageRefused("invalid_request", detail=error.description) from None
        try:
            service = verify_service(self._systems, form.get("service"))
        except ReturnAddressRefused:
            raise PageRefused("redirect_uri_unknown", status=403) from None
        prompts: frozenset[Prompt] = frozenset()
        if asked_for(form, "renew"):
            prompts = frozenset({Prompt.LOGIN})  # and `gateway` counts no more
        elif asked_for(form, "gateway"):
            prompts = frozenset({Prompt.NONE})
        return CasReading(
            sign_in=sign_in_request(service.system, prompts),
            raw=raw,
            return_address=service.url,
            service=service,
            by_form=form.get("method") == "POST",
        )

    async def answer(
        self,
        request: HttpRequest,
        reading: Reading,
        session: Session,
        standing: Standing,
        issue: Issue,
        now: int,
    ) -> Answer:
        """See `Door.answer`: a ticket says nothing of the person, so nobody is read for it.

        Spec: CAS Protocol 3.0 §2.2.4, §3.1
        """
        del issue  # asked again when the ticket is redeemed, as it stands then
        own = _own(reading)
        await self._sign_in.sub(own.sign_in, standing, now)  # so that a question makes no record
        ticket = seal_ticket(
            self._sealer,
            CasTicket(
                kind=TicketKind.SERVICE,
                sid=session.sid,
                subject=session.subject,
                address=digest_of_address(own.service.url),
                fresh=Prompt.LOGIN in own.sign_in.prompts or session.authenticated_at == now,
                assurance=session.assurance,
                authenticated_at=session.authenticated_at,
                session_expires_at=session.expires_at,
                expires_at=now + TICKET_SECONDS,
            ),
        )
        self._audit.record(
            "ticket_issued", {"system": own.service.system.system_id, "sid": session.sid}
        )
        if own.by_form:
            return self._post(request, own, ticket)
        return see_other(own.service.with_ticket(ticket))

    def refuse(self, request: HttpRequest, reading: Reading, error: OAuthError) -> Answer:
        """See `Door.refuse`: CAS knows no error, so a service that did not say `gateway` would
        only send the person here again; they are told so themselves.

        Spec: CAS Protocol 3.0 §2.1.1 (`gateway`)
        """
        participant = reading.sign_in.participant
        if Prompt.NONE in reading.sign_in.prompts:
            kept = Refusal(reason=error.code, client=participant, detail=error.detail)
            return see_other(reading.return_address).refused(kept)
        kept = Refusal(reason="access_denied", client=participant, detail=error.code)
        return self._error_page(request, kept, 403)

    def _post(self, request: HttpRequest, own: CasReading, ticket: str) -> Answer:
        nonce = self._pages.nonce()
        locale = self._pages.locale(request, own.ui_locales)
        view = FormPostView(
            locale=locale,
            nonce=nonce,
            target=own.return_address,
            fields={"ticket": ticket},
            participant_name=own.sign_in.participant_name.for_locale(locale),
        )
        body = self._pages.pages.form_post(view)
        return self._pages.page(body, nonce, form_targets=(origin_of(own.return_address),))


def _own(reading: Reading) -> CasReading:
    if isinstance(reading, CasReading):
        return reading
    raise TypeError("a reading of another door")

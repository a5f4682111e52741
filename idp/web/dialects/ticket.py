"""The signed-ticket dialect: /ticket?system=…&return_url=…&state=…"""

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.contract import Dialect, SignInRequest, SystemId
from connectors.errors import ReturnAddressRefused, StateRefused
from connectors.mapping import required_claims
from connectors.registry import System
from connectors.systems.signed_ticket import (
    VerifiedReturn,
    ticket_form,
    verify_return,
    verify_state,
)
from idp.errors import LoginRequired, OAuthError, PageRefused
from idp.flows.notices import participant_of
from idp.flows.released_claims import claims_of_sign_in
from idp.flows.sign_in import SignIn
from idp.model import Session, Standing
from idp.ports import Audit, Entropy, SessionEnds
from idp.protocol.form import Form, parse_form
from idp.protocol.next_step import Issue
from idp.web.doors import Reading, origin_of
from idp.web.http import Answer, HttpRequest, Refusal
from idp.web.page_answers import PageAnswers
from idp.web.views import FormPostView


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What was asked for, checked."""

    system: System
    return_address: VerifiedReturn
    state: str | None
    ui_locales: str | None


class TicketDoor:
    """Answers with a ticket that the browser posts to the system."""

    dialect = Dialect.SIGNED_TICKET

    def __init__(
        self,
        *,
        issuer: str,
        systems: Mapping[SystemId, System],
        sign_in: SignIn,
        ends: SessionEnds,
        pages: PageAnswers,
        audit: Audit,
        entropy: Entropy,
    ) -> None:
        self._issuer = issuer
        self._systems = systems
        self._sign_in = sign_in
        self._ends = ends
        self._pages = pages
        self._audit = audit
        self._entropy = entropy

    def read(self, request: HttpRequest, raw: str, now: int) -> Reading:
        """See `Door.read`."""
        del request, now
        asked = self._asked(raw)
        system = asked.system
        scopes = frozenset(rule.scope for rule in system.claims)
        return Reading(
            sign_in=SignInRequest(
                dialect=Dialect.SIGNED_TICKET,
                participant=participant_of(system),
                participant_name=system.name,
                system=system.system_id,
                sector=system.sector,
                required_assurance=system.required_assurance,
                when_unlinked=system.when_unlinked,
                consent=system.consent,
                releases=scopes,
                required_claims=required_claims(system.claims, scopes, frozenset()),
            ),
            raw=raw,
            return_address=asked.return_address.url,
            ui_locales=asked.ui_locales,
        )

    def _asked(self, raw: str) -> _Request:
        try:
            form = parse_form(raw.encode())
            form.refuse_repeated()
        except OAuthError as error:
            raise PageRefused("invalid_request", detail=error.description) from None
        system, verified = self._resolve(form)
        try:
            state = verify_state(form.get("state"))
        except StateRefused as error:
            raise PageRefused("invalid_request", detail=str(error)) from None
        return _Request(
            system=system,
            return_address=verified,
            state=state,
            ui_locales=form.get("ui_locales"),
        )

    def _resolve(self, form: Form) -> tuple[System, VerifiedReturn]:
        system = self._systems.get(SystemId(form.get("system", "")))
        if system is None or system.dialect is not Dialect.SIGNED_TICKET:
            raise PageRefused("client_unknown")
        try:
            return system, verify_return(system, form.get("return_url"))
        except ReturnAddressRefused:
            raise PageRefused("redirect_uri_unknown") from None

    async def answer(
        self,
        request: HttpRequest,
        reading: Reading,
        session: Session,
        standing: Standing,
        issue: Issue,
        now: int,
    ) -> Answer:
        """See `Door.answer`: joins the session, so that logout reaches the system too."""
        asked = self._asked(reading.raw)
        system = asked.system
        result = await self._sign_in.result(reading.sign_in, session, standing, issue, now)
        claims = claims_of_sign_in(system, result, reading.sign_in.releases)
        participant = reading.sign_in.participant
        joined = await self._ends.join(
            session.sid, session.subject, participant, result.identity.sub, now
        )
        if not joined:
            raise LoginRequired("please sign in")
        form = ticket_form(
            system,
            result,
            claims,
            issuer=self._issuer,
            now=now,
            jti=self._entropy(16).hex(),
            state=asked.state,
        )
        self._audit.record("ticket_issued", {"system": system.system_id, "sid": session.sid})
        return self._post(request, reading, form)

    def refuse(self, request: HttpRequest, reading: Reading, error: OAuthError) -> Answer:
        """See `Door.refuse`."""
        state = self._asked(reading.raw).state
        told = {"error": error.code} if state is None else {"error": error.code, "state": state}
        refusal = Refusal(
            reason=error.code, client=reading.sign_in.participant, detail=error.detail
        )
        return self._post(request, reading, told).refused(refusal)

    def _post(self, request: HttpRequest, reading: Reading, fields: dict[str, str]) -> Answer:
        nonce = self._pages.nonce()
        locale = self._pages.locale(request, reading.ui_locales)
        view = FormPostView(
            locale=locale,
            nonce=nonce,
            target=reading.return_address,
            fields=fields,
            participant_name=reading.sign_in.participant_name.for_locale(locale),
        )
        body = self._pages.pages.form_post(view)
        return self._pages.page(body, nonce, form_targets=(origin_of(reading.return_address),))

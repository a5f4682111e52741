"""A service redeems its ticket: the ticket is burnt first, and everything is asked again."""

from collections.abc import Mapping

from connectors.contract import SignInResult, SystemId
from connectors.errors import RequiredClaimMissing, ReturnAddressRefused
from connectors.mapping import Claim, claims_for
from connectors.registry import System
from connectors.systems.cas.answers import Success
from connectors.systems.cas.failures import CasRefused, FailureCode
from connectors.systems.cas.logout import known_as
from connectors.systems.cas.service import VerifiedService, verify_service
from connectors.systems.cas.ticket import (
    CasTicket,
    TicketKind,
    digest_of_address,
    open_ticket,
)
from idp.errors import LoginRequired
from idp.flows.cas_granting import CasGranting
from idp.flows.cas_requests import proxies_of, session_of, sign_in_request
from idp.flows.sign_in import SignIn
from idp.ports import Audit, Fences, SessionEnds
from idp.protocol.form import Form
from idp.protocol.next_step import Issue
from keys.seal import Sealer

TICKET_FENCE = "cas_ticket"


class CasValidation:
    """Answers who a ticket stands for, once, to the service that it was made for."""

    def __init__(
        self,
        *,
        systems: Mapping[SystemId, System],
        sealer: Sealer,
        fences: Fences,
        sign_in: SignIn,
        ends: SessionEnds,
        granting: CasGranting,
        audit: Audit,
    ) -> None:
        self._systems = systems
        self._requests = {name: sign_in_request(system) for name, system in systems.items()}
        self._proxies = proxies_of(systems.values())
        self._sealer = sealer
        self._fences = fences
        self._sign_in = sign_in
        self._ends = ends
        self._granting = granting
        self._audit = audit

    async def validate(self, form: Form, accepted: frozenset[TicketKind], now: int) -> Success:
        """Who entered. The steps of CAS Protocol 3.0 §2.5, in order; the first one is final.

        Raises: CasRefused.
        """
        ticket = await self._take(form.get("ticket"), now)
        if form.repeated or ticket is None or "service" not in form:
            raise CasRefused(FailureCode.INVALID_REQUEST)
        service = self._service(ticket, form["service"])
        self._fits(ticket, accepted, renew=asked_for(form, "renew"))
        chain = self._chain(ticket)
        result = await self._person(ticket, service.system, now)
        claims = self._claims(service.system, result)
        iou = await self._granting.grant(form.get("pgtUrl"), service.system, ticket, now)
        await self._join(form["ticket"], service, result, now)
        return Success(
            user=result.account.account if result.account else result.identity.sub,
            claims=claims,
            authenticated_at=ticket.authenticated_at,
            fresh=ticket.fresh,
            granting_iou=iou,
            proxies=chain,
        )

    async def _take(self, text: str | None, now: int) -> CasTicket | None:
        """The single use, before anything else is looked at: a wrong question burns it as well."""
        if text is None:
            return None
        opened = open_ticket(self._sealer, text)
        if opened is None or opened.ticket.kind is TicketKind.PROXY_GRANTING:
            raise CasRefused(FailureCode.INVALID_TICKET, detail="not a ticket")
        ticket = opened.ticket
        if now >= ticket.expires_at:
            raise CasRefused(FailureCode.INVALID_TICKET, detail="expired")
        if not await self._fences.once(TICKET_FENCE, opened.fence, ticket.expires_at):
            self._audit.record("ticket_replayed", {"sid": ticket.sid})
            raise CasRefused(FailureCode.INVALID_TICKET, detail="used before")
        return ticket

    def _service(self, ticket: CasTicket, asked: str) -> VerifiedService:
        try:
            service = verify_service(self._systems, asked)
        except ReturnAddressRefused:
            raise CasRefused(FailureCode.INVALID_SERVICE, detail="not registered") from None
        if digest_of_address(service.url) != ticket.address:
            raise CasRefused(FailureCode.INVALID_SERVICE, detail="another service")
        return service

    def _fits(self, ticket: CasTicket, accepted: frozenset[TicketKind], *, renew: bool) -> None:
        if ticket.kind not in accepted:
            raise CasRefused(FailureCode.INVALID_TICKET_SPEC, detail="a proxy ticket")
        if renew and not ticket.fresh:
            raise CasRefused(FailureCode.INVALID_TICKET_SPEC, detail="not from a new login")

    def _chain(self, ticket: CasTicket) -> tuple[str, ...]:
        if not self._proxies.keys() >= set(ticket.proxies):
            raise CasRefused(FailureCode.INVALID_TICKET, detail="a proxy has left")
        return tuple(self._proxies[proxy].url for proxy in ticket.proxies)

    async def _person(self, ticket: CasTicket, system: System, now: int) -> SignInResult:
        """The gate and the link, as they stand at this moment."""
        request, session = self._requests[system.system_id], session_of(ticket, now)
        decision = await self._sign_in.decide_for(session, request, now, leaving=True)
        if not isinstance(decision.step, Issue) or decision.standing is None:
            raise CasRefused(FailureCode.INVALID_TICKET, detail="may not enter any more")
        try:
            return await self._sign_in.result(
                request, session, decision.standing, decision.step, now
            )
        except LoginRequired:
            raise CasRefused(FailureCode.INVALID_TICKET, detail="gate closed") from None

    def _claims(self, system: System, result: SignInResult) -> Mapping[str, Claim]:
        try:
            return claims_for(
                system.claims,
                result.identity,
                result.account,
                self._requests[system.system_id].releases,
                frozenset(),
            )
        except RequiredClaimMissing:
            raise CasRefused(FailureCode.INVALID_TICKET, detail="required claim") from None

    async def _join(
        self, text: str, service: VerifiedService, result: SignInResult, now: int
    ) -> None:
        """From here on the service keeps a session of its own, by the name of the ticket."""
        system, identity = service.system, result.identity
        joined = await self._ends.join(
            result.session,
            identity.subject,
            self._requests[system.system_id].participant,
            identity.sub,
            now,
            known_as(text, service.url),
        )
        if not joined:
            raise CasRefused(FailureCode.INVALID_TICKET, detail="gate closed")
        self._audit.record("ticket_redeemed", {"system": system.system_id, "sid": result.session})


def asked_for(form: Form, name: str) -> bool:
    """Whether a switch of CAS is set.

    Spec: CAS Protocol 3.0 §2.1.1 (set at all, and best to `true`)
    """
    return form.get(name, "false") != "false"

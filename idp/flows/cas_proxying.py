"""A system acts for a person at another one: proxy tickets."""

from collections.abc import Mapping
from dataclasses import replace

from connectors.contract import SystemId
from connectors.errors import ReturnAddressRefused
from connectors.registry import System
from connectors.systems.cas.failures import CasRefused, FailureCode
from connectors.systems.cas.service import VerifiedService, verify_service
from connectors.systems.cas.ticket import (
    TICKET_SECONDS,
    CasTicket,
    TicketKind,
    digest_of_address,
    open_ticket,
    seal_ticket,
)
from idp.flows.cas_granting import VOID_FENCE
from idp.flows.cas_requests import proxies_of, session_of, sign_in_request
from idp.flows.sign_in import SignIn
from idp.ports import Audit, Fences
from idp.protocol.form import Form
from idp.protocol.next_step import Issue, Login
from keys.seal import Sealer


class CasProxying:
    """Gives proxy tickets: to whom the other system admits, for whom could enter there."""

    def __init__(
        self,
        *,
        systems: Mapping[SystemId, System],
        sealer: Sealer,
        fences: Fences,
        sign_in: SignIn,
        audit: Audit,
    ) -> None:
        self._systems = systems
        self._proxies = proxies_of(systems.values())
        self._sealer = sealer
        self._fences = fences
        self._sign_in = sign_in
        self._audit = audit

    async def ticket(self, form: Form, now: int) -> str:
        """A ticket that the other system may redeem at `/cas/proxyValidate`, once.

        Spec: CAS Protocol 3.0 §2.7
        Raises: CasRefused.
        """
        form.refuse_repeated()
        if "pgt" not in form or "targetService" not in form:
            raise CasRefused(FailureCode.INVALID_REQUEST)
        granting = await self._granting(form["pgt"], now)
        target = self._target(granting, form["targetService"])
        await self._may_enter(granting, target.system, now)
        self._audit.record(
            "ticket_issued", {"system": target.system.system_id, "sid": granting.sid}
        )
        return seal_ticket(
            self._sealer,
            replace(
                granting,
                kind=TicketKind.PROXY,
                address=digest_of_address(target.url),
                expires_at=now + TICKET_SECONDS,
            ),
        )

    async def _granting(self, text: str, now: int) -> CasTicket:
        opened = open_ticket(self._sealer, text)
        if opened is None or opened.ticket.kind is not TicketKind.PROXY_GRANTING:
            raise CasRefused(FailureCode.INVALID_TICKET, detail="not a granting ticket")
        if now >= opened.ticket.expires_at or await self._fences.taken(VOID_FENCE, opened.fence):
            raise CasRefused(FailureCode.INVALID_TICKET, detail="expired, or never accepted")
        return opened.ticket

    def _target(self, granting: CasTicket, asked: str) -> VerifiedService:
        proxy = self._proxies.get(granting.proxies[0]) if granting.proxies else None
        if proxy is None:
            raise CasRefused(FailureCode.INVALID_TICKET, detail="the proxy has left")
        try:
            target = verify_service(self._systems, asked)
        except ReturnAddressRefused:
            raise CasRefused(FailureCode.UNAUTHORIZED_SERVICE, detail="not registered") from None
        admitted = target.system.cas.proxied_by if target.system.cas else ()
        if proxy.system.system_id not in admitted:
            raise CasRefused(FailureCode.UNAUTHORIZED_SERVICE, detail="not admitted there")
        return target

    async def _may_enter(self, granting: CasTicket, system: System, now: int) -> None:
        """The same decision as for a browser; nobody can be asked anything here."""
        session, request = session_of(granting, now), sign_in_request(system)
        decision = await self._sign_in.decide_for(session, request, now)
        match decision.step:
            case Issue() if decision.standing is not None:
                await self._sign_in.sub(request, decision.standing, now)
            case Login():
                raise CasRefused(FailureCode.INVALID_TICKET, detail="gate closed")
            case _:
                raise CasRefused(FailureCode.UNAUTHORIZED_SERVICE, detail="needs the person")

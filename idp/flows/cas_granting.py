"""A service asks to act for a person elsewhere: its registered call-back is given a ticket."""

import base64
from dataclasses import replace
from typing import Protocol
from urllib.parse import urlencode

from connectors.registry import System
from connectors.systems.cas.failures import CasRefused, FailureCode
from connectors.systems.cas.ticket import (
    GRANTING_SECONDS,
    MAX_PROXIES,
    CasTicket,
    TicketKind,
    digest_of_address,
    digest_of_proxy,
    open_ticket,
    seal_ticket,
)
from idp.ports import Entropy, Fences
from keys.seal import Sealer

VOID_FENCE = "cas_void"
IOU_BYTES = 20


class CallBack(Protocol):
    """Calls a registered address."""

    async def get(self, url: str) -> int | None:
        """The status, or None where nothing usable came back. Follows no redirect."""
        ...


class CasGranting:
    """Gives proxy-granting tickets, to registered call-backs alone."""

    def __init__(
        self, *, sealer: Sealer, fences: Fences, egress: CallBack, entropy: Entropy
    ) -> None:
        self._sealer = sealer
        self._fences = fences
        self._egress = egress
        self._entropy = entropy

    async def grant(
        self, callback: str | None, system: System, ticket: CasTicket, now: int
    ) -> str | None:
        """What the service is told, so that it finds the ticket that its call-back was given.

        Spec: CAS Protocol 3.0 §2.5.4
        Raises: CasRefused where the call-back is not registered, or does not answer with 200.
        """
        if callback is None:
            return None
        registered = system.cas.proxy_callbacks if system.cas else ()
        if callback not in registered or len(ticket.proxies) >= MAX_PROXIES:
            raise CasRefused(FailureCode.INVALID_PROXY_CALLBACK, detail="not registered")
        expires_at = min(ticket.session_expires_at, now + GRANTING_SECONDS)
        granting = seal_ticket(
            self._sealer,
            replace(
                ticket,
                kind=TicketKind.PROXY_GRANTING,
                address=digest_of_address(callback),
                fresh=False,
                expires_at=expires_at,
                proxies=(digest_of_proxy(callback), *ticket.proxies),
            ),
        )
        iou = f"PGTIOU-{base64.b32encode(self._entropy(IOU_BYTES)).decode('ascii')}"
        query = urlencode({"pgtIou": iou, "pgtId": granting})
        if await self._egress.get(f"{callback}?{query}") != 200:
            await self._void(granting, expires_at)
            raise CasRefused(FailureCode.INVALID_PROXY_CALLBACK, detail="no 200")
        return iou

    async def _void(self, granting: str, expires_at: int) -> None:
        """Whoever heard of it without accepting it cannot use it."""
        opened = open_ticket(self._sealer, granting)
        if opened is not None:
            await self._fences.once(VOID_FENCE, opened.fence, expires_at)

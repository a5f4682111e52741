"""Delivering logout notices: at least once, with retries that survive restarts."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from connectors.contract import SystemId
from connectors.registry import System
from connectors.systems.signed_ticket import logout_ticket_form
from idp.flows.logout import SYSTEM_PREFIX
from idp.model import Client, ClientId, Notice
from idp.ports import Audit, Clock, SessionEnds
from idp.protocol.id_token import logout_token_claims
from keys.keyring import KeyRing

logger = logging.getLogger("lienthong.notices")
LEASE_SECONDS = 30
BATCH = 20
IDLE_SECONDS = 2.0
RETRY_SECONDS = (5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600)
LOGOUT_TYP = "logout+jwt"


class Egress(Protocol):
    """Posts a form to a registered address."""

    async def post_form(self, url: str, fields: Mapping[str, str]) -> int | None:
        """The status, or None where nothing usable came back. Follows no redirect."""
        ...


class NoticeDelivery:
    """A background journey with a lane for each participant."""

    def __init__(
        self,
        *,
        issuer: str,
        ends: SessionEnds,
        clients: Mapping[ClientId, Client],
        systems: Mapping[SystemId, System],
        keyring: KeyRing,
        egress: Egress,
        audit: Audit,
        clock: Clock,
    ) -> None:
        self._issuer = issuer
        self._ends = ends
        self._clients = clients
        self._systems = systems
        self._keyring = keyring
        self._egress = egress
        self._audit = audit
        self._clock = clock
        self._woken = asyncio.Event()
        self._lanes: dict[str, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """A notice was just written."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled. No fault ends this journey; what was leased becomes due again."""
        try:
            while True:
                try:
                    busy = await self._start_due()
                except Exception as fault:
                    logger.warning("the outbox cannot be read now (%s)", type(fault).__name__)
                    busy = False
                if not busy:
                    await self._wait()
        finally:
            for lane in self._lanes.values():
                lane.cancel()
            await asyncio.gather(*self._lanes.values(), return_exceptions=True)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._woken.clear()

    async def deliver_due(self) -> bool:
        """Deliver what is due now, and wait for it; whether there was anything."""
        started = await self._start_due()
        await asyncio.gather(*self._lanes.values())
        return started

    async def _start_due(self) -> bool:
        """Lease what is due for participants that are not being told anything just now, and start
        a lane for each: a system that hangs holds up its own lane alone.
        """
        busy = frozenset(self._lanes)
        notices = await self._ends.due(int(self._clock()), BATCH, LEASE_SECONDS, busy)
        for participant in {notice.participant for notice in notices}:
            own = [notice for notice in notices if notice.participant == participant]
            self._lanes[participant] = asyncio.create_task(self._lane(participant, own))
        return bool(notices)

    async def _lane(self, participant: str, notices: Sequence[Notice]) -> None:
        try:
            await asyncio.gather(*(self._settle(notice) for notice in notices))
        finally:
            del self._lanes[participant]
            self._woken.set()  # there may be more for this participant

    async def _settle(self, notice: Notice) -> None:
        try:
            await self._deliver(notice)
        except Exception as fault:  # the lease ends, and the notice becomes due again
            logger.warning("a notice waits (%s)", type(fault).__name__)

    async def _deliver(self, notice: Notice) -> None:
        now = int(self._clock())
        message = self._message(notice, now)
        if message is None:
            await self._ends.failed(notice.notice_id, now, None)
            return
        url, fields = message
        status = await self._egress.post_form(url, fields)
        event = {"participant": notice.participant, "sid": notice.sid}
        if status is not None and 200 <= status < 300:
            await self._ends.delivered(notice.notice_id, now)
            self._audit.record("notice_delivered", event)
            return
        retry = RETRY_SECONDS[notice.attempts] if notice.attempts < len(RETRY_SECONDS) else None
        await self._ends.failed(notice.notice_id, now, None if retry is None else now + retry)
        self._audit.record("notice_failed" if retry else "notice_dead", event)

    def _message(self, notice: Notice, now: int) -> tuple[str, dict[str, str]] | None:
        """The address and the form, signed afresh at each attempt.

        Spec: OIDC Back-Channel Logout 1.0 §2.4, §2.5
        """
        jti = f"{notice.notice_id}.{notice.attempts}"
        if notice.participant.startswith(SYSTEM_PREFIX):
            system = self._systems.get(SystemId(notice.participant.removeprefix(SYSTEM_PREFIX)))
            if system is None or system.ticket is None or system.ticket.logout_url is None:
                return None
            form = logout_ticket_form(
                system, sub=notice.sub, sid=notice.sid, issuer=self._issuer, now=now, jti=jti
            )
            return system.ticket.logout_url, form
        client = self._clients.get(ClientId(notice.participant))
        if client is None or client.backchannel_logout_uri is None:
            return None
        claims = logout_token_claims(
            issuer=self._issuer,
            client_id=client.client_id,
            sub=notice.sub,
            sid=notice.sid,
            jti=jti,
            now=now,
        )
        token = self._keyring.signer(client.id_token_alg).sign(LOGOUT_TYP, claims)
        return client.backchannel_logout_uri, {"logout_token": token}

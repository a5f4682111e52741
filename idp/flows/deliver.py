"""Delivering logout notices: at least once, with retries that survive restarts."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from idp.flows.notices import NoticeWriter
from idp.model import Notice
from idp.ports import Audit, Clock, SessionEnds

logger = logging.getLogger("lienthong.notices")
LEASE_SECONDS = 30
BATCH = 20
IDLE_SECONDS = 2.0
RETRY_SECONDS = (5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600)


class Egress(Protocol):
    """Posts a form to a registered address."""

    async def post_form(self, url: str, fields: Mapping[str, str]) -> int | None:
        """The status, or None where nothing usable came back. Follows no redirect."""
        ...

    async def post(self, url: str, body: bytes, kind: str) -> int | None:
        """The same for a document with a content type."""
        ...


class NoticeDelivery:
    """A background journey with a lane for each participant."""

    def __init__(
        self,
        *,
        ends: SessionEnds,
        writers: Mapping[str, NoticeWriter],
        egress: Egress,
        audit: Audit,
        clock: Clock,
    ) -> None:
        self._ends = ends
        self._writers = writers
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
        writer = self._writers.get(notice.participant)
        message = writer.message(notice, now) if writer else None
        if message is None:
            await self._ends.failed(notice.notice_id, now, None)
            return
        if message.body is None:
            status = await self._egress.post_form(message.url, message.fields)
        else:
            status = await self._egress.post(message.url, message.body, message.kind)
        event = {"participant": notice.participant, "sid": notice.sid}
        if message.received(status):
            await self._ends.delivered(notice.notice_id, now)
            self._audit.record("notice_delivered", event)
            return
        retry = RETRY_SECONDS[notice.attempts] if notice.attempts < len(RETRY_SECONDS) else None
        await self._ends.failed(notice.notice_id, now, None if retry is None else now + retry)
        self._audit.record("notice_failed" if retry else "notice_dead", event)

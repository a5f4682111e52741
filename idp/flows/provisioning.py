"""Telling systems what has changed: in order, at least once, each at its own pace."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from connectors.contract import SystemId
from connectors.errors import RequiredClaimMissing
from connectors.provisioning.messages import (
    Deliverer,
    Later,
    Message,
    Outcome,
    Parcel,
    Record,
    Refused,
    Settled,
)
from connectors.provisioning.outbox import Outbox
from idp.flows.deliver import RETRY_SECONDS
from idp.ports import Audit, Clock
from keys.errors import SealBroken

logger = logging.getLogger("lienthong.provisioning")
LEASE_SECONDS = 60
IDLE_SECONDS = 2.0


class Records(Protocol):
    """Reads how an account should stand."""

    async def of(self, message: Message) -> Record:
        """See `store.records.SqlRecords.of`."""
        ...


class ProvisioningDelivery:
    """A background journey with a lane for each system, on however many nodes."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        records: Records,
        deliverers: Mapping[SystemId, Deliverer],
        audit: Audit,
        clock: Clock,
        holder: str,
    ) -> None:
        self._outbox = outbox
        self._records = records
        self._deliverers = deliverers
        self._audit = audit
        self._clock = clock
        self._holder = holder
        self._lanes: dict[SystemId, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Deliver until cancelled. No fault ends this journey; a lease ends by itself."""
        try:
            while True:
                try:
                    await self._start_due()
                except Exception as fault:
                    logger.warning("the outbox cannot be read now (%s)", type(fault).__name__)
                await asyncio.sleep(IDLE_SECONDS)
        finally:
            for lane in self._lanes.values():
                lane.cancel()
            await asyncio.gather(*self._lanes.values(), return_exceptions=True)

    async def deliver_due(self) -> None:
        """Deliver what is due now, and wait for it."""
        await self._start_due()
        await asyncio.gather(*self._lanes.values())

    async def _start_due(self) -> None:
        idle = [system for system in self._deliverers if system not in self._lanes]
        now = int(self._clock())
        for system in await self._outbox.take_lanes(idle, self._holder, now, LEASE_SECONDS):
            self._lanes[system] = asyncio.create_task(self._lane(system))

    async def _lane(self, system: SystemId) -> None:
        """Empty one lane, until it is empty or something in it has to wait."""
        try:
            while await self._step(system):
                pass
        except Exception as fault:  # the lease ends, and the head of the lane is sent again
            logger.warning("a lane waits (%s)", type(fault).__name__)
        finally:
            del self._lanes[system]

    async def _step(self, system: SystemId) -> bool:
        """Send the head of the lane; whether the lane is still ours, and to go on with."""
        deliverer = self._deliverers[system]
        messages = await self._outbox.waiting(system, deliverer.batch)
        outcomes = await self._sent(deliverer, messages) if messages else []
        now = int(self._clock())
        last = outcomes[-1] if outcomes else None
        told = list(zip(messages, outcomes, strict=False))
        waits_until = 0
        if isinstance(last, Later):
            message = told[-1][0]
            if message.attempts < len(RETRY_SECONDS):
                waits_until = now + RETRY_SECONDS[message.attempts]
            else:
                told[-1] = (message, Refused(f"given up: {last.reason}"))
        goes_on = bool(messages) and not waits_until
        kept = await self._outbox.settle(
            system,
            self._holder,
            [(message.number, outcome) for message, outcome in told],
            now,
            leased_until=now + LEASE_SECONDS if goes_on else 0,
            due_at=waits_until,
        )
        for message, outcome in told if kept else ():
            self._note(message, outcome)
        return kept and goes_on

    async def _sent(self, deliverer: Deliverer, messages: Sequence[Message]) -> Sequence[Outcome]:
        parcels: list[Parcel] = []
        for message in messages:
            try:
                parcels.append(Parcel(message=message, record=await self._records.of(message)))
            except (RequiredClaimMissing, SealBroken) as fault:
                if not parcels:
                    return [Refused(f"no record: {type(fault).__name__}")]
                break  # what stands before it goes first
        try:
            return await deliverer.deliver(parcels)
        except Exception as fault:  # a fault of ours holds a lane up no longer than one of theirs
            return [Later(type(fault).__name__)]

    def _note(self, message: Message, outcome: Outcome) -> None:
        fields = {"system": message.system, "message": message.message_id, "kind": message.kind}
        match outcome:
            case Settled():
                self._audit.record("message_delivered", fields)
            case Later():
                self._audit.record("message_failed", fields)
            case Refused():
                self._audit.record("message_dead", fields)

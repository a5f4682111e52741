"""A system fetches what it has to hear: what it has not acknowledged comes again.

Spec: RFC 8936 §2
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.contract import SystemId
from connectors.provisioning.events import EVENT_TYPES, SET_TYP, Sign, event_claims
from connectors.provisioning.messages import Message, Parcel, Refused, Settled
from connectors.provisioning.polled import PolledLanes
from idp.flows.provisioning import Records
from idp.ports import Audit, Clock
from idp.protocol.event_poll import PollRequest

WAIT_SECONDS = 10.0
LOOK_SECONDS = 1.0
WAITING_AT_ONCE = 2
"""Polls of one system that a node lets wait; a further one is answered at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Events in their order, by `jti`, and whether more wait behind them."""

    sets: Mapping[str, str]
    more: bool


class EventPoll:
    """The journey of one poll. Nothing in it reads another system's lane."""

    def __init__(
        self,
        *,
        lanes: PolledLanes,
        records: Records,
        issuer: str,
        sign: Sign,
        audit: Audit,
        clock: Clock,
    ) -> None:
        self._lanes = lanes
        self._records = records
        self._issuer = issuer
        self._sign = sign
        self._audit = audit
        self._clock = clock
        self._waiting: Counter[SystemId] = Counter()

    async def answer(self, system: SystemId, audience: str, ask: PollRequest) -> Fetched:
        """Settle what the system says of earlier events, then hand out what waits."""
        for jti in ask.acked:
            await self._said(system, jti, Settled())
        for jti, code in ask.errors.items():
            await self._said(system, jti, Refused(f"the receiver: {code}"))
        waiting = await self._look(system, ask)
        out = [message for message in waiting[: ask.max_events] if message.kind in EVENT_TYPES]
        await self._pass_by(system, waiting[: ask.max_events])
        await self._lanes.hand_out(system, [message.number for message in out])
        sets = {message.message_id: await self._token(message, audience) for message in out}
        return Fetched(sets=sets, more=len(waiting) > ask.max_events)

    async def _look(self, system: SystemId, ask: PollRequest) -> Sequence[Message]:
        """What waits and one more; a while later, where nothing does and the system has time."""
        limit = ask.max_events + 1
        waiting = await self._lanes.waiting(system, limit)
        at_once = ask.return_immediately or not ask.max_events
        if waiting or at_once or self._waiting[system] >= WAITING_AT_ONCE:
            return waiting
        self._waiting[system] += 1
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not waiting:
                    await asyncio.sleep(LOOK_SECONDS)
                    waiting = await self._lanes.waiting(system, limit)
        except TimeoutError:
            return []
        finally:
            self._waiting[system] -= 1
        return waiting

    async def _said(self, system: SystemId, jti: str, outcome: Settled | Refused) -> None:
        """What names no event that this system was handed says nothing."""
        number = _number_of(system, jti)
        if number is None:
            return
        message = await self._lanes.said(system, number, outcome, int(self._clock()))
        if message is not None:
            fields = {"system": system, "message": message.message_id, "kind": message.kind}
            dead = isinstance(outcome, Refused)
            self._audit.record("message_dead" if dead else "message_delivered", fields)

    async def _pass_by(self, system: SystemId, messages: Sequence[Message]) -> None:
        """Messages of a way that the system had before, for which there is no event."""
        others = [message.number for message in messages if message.kind not in EVENT_TYPES]
        await self._lanes.hand_out(system, others)
        for number in others:
            await self._lanes.said(system, number, Settled(), int(self._clock()))

    async def _token(self, message: Message, audience: str) -> str:
        parcel = Parcel(message=message, record=await self._records.of(message))
        now = int(self._clock())
        return self._sign(
            SET_TYP, event_claims(parcel, issuer=self._issuer, audience=audience, now=now)
        )


def _number_of(system: SystemId, jti: str) -> int | None:
    own, _, number = jti.rpartition(":")
    if own != system or not (number.isascii() and number.isdigit()) or len(number) > 18:
        return None
    return int(number) if number == str(int(number)) else None

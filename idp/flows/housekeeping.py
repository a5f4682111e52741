"""What time alone asks for: keys move through their stages, what is over is swept."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from connectors.provisioning.outbox import Outbox
from idp.model import FamilyId
from idp.ports import Clock, Fences, Grants, SessionEnds
from idp.store.upstream_sessions import SqlUpstreamSessions
from keys.keyring import KeyRing

logger = logging.getLogger("lienthong.housekeeping")
RING_SECONDS = 4.0
"""A key that was revoked on another node, or by the command, is gone here within five seconds."""
SWEEP_SECONDS = 60.0
SWEPT_AT_ONCE = 500
"""Rows in one transaction: a long one would hold up sign-ins on SQLite, where one writes at a time."""
ENDED_KEPT_SECONDS = 30 * 86400
"""How long an expired family is kept, and the end of a session, with its settled notices: longer than any session, code
or notice lives. Where a family of the session lives longer still, the end stays with it."""
SETTLED_KEPT_SECONDS = 30 * 86400

FAMILY_BATCHES = 40
"""In one round: a province makes some 12,000 families a minute at its peak, and far fewer later."""


async def housekeeping(
    keyring: KeyRing, fences: Fences, grants: Grants, ends: SessionEnds, clock: Clock
) -> None:
    """Run until cancelled: the duties do not wait for each other."""
    looked_at = FamilyId("")

    async def look_at_the_ring() -> None:
        await keyring.refresh(int(clock()))

    async def sweep_fences() -> None:
        now = int(clock())
        await _in_batches(lambda: fences.sweep(now, SWEPT_AT_ONCE))

    async def sweep_ends() -> None:
        now = int(clock())
        await _in_batches(lambda: ends.sweep(now, now - ENDED_KEPT_SECONDS, SWEPT_AT_ONCE))

    async def sweep_families() -> None:
        nonlocal looked_at
        before = int(clock()) - ENDED_KEPT_SECONDS
        for _ in range(FAMILY_BATCHES):
            last = await grants.sweep(before, looked_at, SWEPT_AT_ONCE)
            looked_at = last or FamilyId("")
            if last is None:
                return

    await asyncio.gather(
        _every(RING_SECONDS, look_at_the_ring),
        _every(SWEEP_SECONDS, sweep_fences),
        _every(SWEEP_SECONDS, sweep_families),
        _every(SWEEP_SECONDS, sweep_ends),
    )


async def sweep_upstream_sessions(sessions: SqlUpstreamSessions, clock: Clock) -> None:
    """Run until cancelled: where a session began is forgotten once it is over by itself."""

    async def sweep_upstream() -> None:
        now = int(clock())
        await _in_batches(lambda: sessions.sweep(now, SWEPT_AT_ONCE))

    await _every(SWEEP_SECONDS, sweep_upstream)


async def sweep_outbox(outbox: Outbox, clock: Clock) -> None:
    """Run until cancelled: what systems have is kept for a while, for an operator to look at."""

    async def sweep_settled() -> None:
        before = int(clock()) - SETTLED_KEPT_SECONDS
        await _in_batches(lambda: outbox.sweep(before, SWEPT_AT_ONCE))

    await _every(SWEEP_SECONDS, sweep_settled)


async def _in_batches(sweep: Callable[[], Awaitable[int]]) -> None:
    """Until little is left; others write between two batches."""
    while await sweep() >= SWEPT_AT_ONCE:
        pass


async def _every(seconds: float, duty: Callable[[], Awaitable[None]]) -> None:
    """No fault ends a duty: it is tried again the next time."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await duty()
        except Exception as fault:
            logger.warning("%s waits: %s", duty.__name__, type(fault).__name__)

"""What time alone asks for: keys move through their stages, expired fences are swept."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from idp.ports import Clock, Fences
from keys.keyring import KeyRing

logger = logging.getLogger("lienthong.housekeeping")
RING_SECONDS = 4.0
"""A key that was revoked on another node, or by the command, is gone here within five seconds."""
SWEEP_SECONDS = 60.0


async def housekeeping(keyring: KeyRing, fences: Fences, clock: Clock) -> None:
    """Run until cancelled: the two duties do not wait for each other."""

    async def look_at_the_ring() -> None:
        await keyring.refresh(int(clock()))

    async def sweep() -> None:
        await fences.sweep(int(clock()))

    await asyncio.gather(_every(RING_SECONDS, look_at_the_ring), _every(SWEEP_SECONDS, sweep))


async def _every(seconds: float, duty: Callable[[], Awaitable[None]]) -> None:
    """No fault ends a duty: it is tried again the next time."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await duty()
        except Exception as fault:
            logger.warning("%s waits: %s", duty.__name__, type(fault).__name__)

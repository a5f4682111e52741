"""What time alone asks for: keys move through their stages, expired fences are swept."""

import asyncio
import logging

from idp.ports import Clock, Fences
from keys.errors import KeysError
from keys.keyring import KeyRing
from keys.sql import StoreUnavailableError

logger = logging.getLogger("lienthong.housekeeping")
EVERY_SECONDS = 60.0


async def housekeeping(keyring: KeyRing, fences: Fences, clock: Clock) -> None:
    """Run until cancelled. A store that is away is met again in a minute."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        now = int(clock())
        try:
            await keyring.refresh(now)
            await fences.sweep(now)
        except (StoreUnavailableError, KeysError, OSError) as fault:
            logger.warning("housekeeping waits: %s", type(fault).__name__)

"""The audit of a command: a chain of its own, written out when the command is done."""

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from idp.adapters import Stores, audit_witness
from idp.audit.writer import BatchingAudit
from idp.config import Settings


@asynccontextmanager
async def audited(settings: Settings, stores: Stores) -> AsyncIterator[BatchingAudit]:
    """What is recorded within is in the store when this ends."""
    chain = f"{int(time.time())}-{secrets.token_hex(6)}"
    audit = await BatchingAudit.open(stores.database, audit_witness(settings), chain, time.time)
    try:
        yield audit
    finally:
        await audit.close()

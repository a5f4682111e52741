"""What a node needs before any load: seconds to its first answer, and memory."""

import asyncio
import secrets
import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks import servers
from benchmarks.flows import sso_flow
from benchmarks.load import measure
from connectors.contract import Assurance, SessionId, SubjectId
from idp.model import Session
from idp.store.redis_pipeline import RedisPipeline
from idp.store.redis_state import RedisSessions

STARTS = 3
HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Of one node on SQLite and Redis."""

    cold_start_seconds: float
    resident_mb: float
    sessions: int


def footprint(folder: Path, redis_url: str, sessions: int) -> Footprint:
    """Start cold some times; then fill Redis with sessions and let flows run."""
    place = servers.place_for("ES256", redis_url, None, folder)
    seconds = statistics.median(_cold_start(place) for _ in range(STARTS))
    asyncio.run(_fill(redis_url, sessions))
    with ExitStack() as stack:
        target = stack.enter_context(servers.ours("ES256", redis_url, None, folder))
        asyncio.run(measure(target, sso_flow, 1.0))
        return Footprint(
            cold_start_seconds=round(seconds, 3),
            resident_mb=round(_resident_mb(target.processes[0]), 1),
            sessions=sessions,
        )


def _cold_start(place: servers.Place) -> float:
    started = time.perf_counter()
    with servers.child(place.command, place.log) as process:
        while True:
            try:
                answer = httpx.get(f"{place.base}/jwks", trust_env=False, timeout=5)
            except httpx.HTTPError:
                if process.poll() is not None:
                    sys.exit(f"a server ended at once; see {place.log}")
                time.sleep(0.01)
            else:
                answer.raise_for_status()
                return time.perf_counter() - started


async def _fill(redis_url: str, count: int) -> None:
    pipeline, now = RedisPipeline(redis_url), int(time.time())
    sessions = RedisSessions(pipeline)
    for _ in range(count // 100):
        await asyncio.gather(*(_put(sessions, now) for _ in range(100)))
    await pipeline.close()


async def _put(sessions: RedisSessions, now: int) -> None:
    session = Session(
        sid=SessionId(secrets.token_hex(16)),
        subject=SubjectId(secrets.token_hex(16)),
        assurance=Assurance.LEVEL_2,
        amr=("pwd", "otp", "mfa"),
        authenticated_at=now,
        created_at=now,
        expires_at=now + HOUR,
        touched_at=now,
    )
    await sessions.put(secrets.token_bytes(32), session, HOUR)


def _resident_mb(process: int) -> float:
    for line in Path(f"/proc/{process}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError("VmRSS")

"""Logout notices: who hangs delays only his own, nothing is lost when we are killed."""

import asyncio
import secrets
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.contract import PairwiseSub, SessionId
from idp.flows.deliver import BATCH, LEASE_SECONDS, NoticeDelivery
from idp.flows.notices import OidcNotices, by_participant
from idp.store.session_ends import SqlSessionEnds
from keys.sql import Database, StoreUnavailableError

NOW = 1_800_000_000


class Systems:
    """What each registered address does; which notices arrived."""

    def __init__(self) -> None:
        self.arrived: list[str] = []
        self.hanging = asyncio.Event()

    async def post_form(self, url: str, fields: Mapping[str, str]) -> int | None:
        if "slow" in url:
            await self.hanging.wait()
        self.arrived.append(url)
        return 200


class _Signs:
    def signer(self, alg: str) -> Any:
        return SimpleNamespace(sign=lambda typ, claims: "token")


class _Listens:
    def __init__(self) -> None:
        self.events: list[str] = []
        self.full = False

    def record(self, event: str, fields: Mapping[str, str | int]) -> None:
        if self.full:
            raise RuntimeError("the audit queue is full")
        self.events.append(event)


def delivery(
    ends: Any, systems: Systems, clock: list[int], audit: _Listens | None = None
) -> NoticeDelivery:
    clients: Any = {
        name: SimpleNamespace(
            client_id=name, backchannel_logout_uri=f"https://{name}.test", id_token_alg="ES256"
        )
        for name in ("slow", "fast")
    }
    signs: Any = _Signs()
    writers = by_participant(
        [OidcNotices(issuer="https://id.test", clients=clients, keyring=signs)]
    )
    return NoticeDelivery(
        ends=ends, writers=writers, egress=systems, audit=audit or _Listens(), clock=lambda: clock[0],
    )  # fmt: skip


async def leave(database: Database, participant: str, count: int) -> None:
    for _ in range(count):
        await database.change(
            "INSERT INTO notice (id, participant, sub, sid, created_at, due_at)"
            " VALUES ($1, $2, $3, $4, $5, $5)",
            secrets.token_hex(8), participant, PairwiseSub("p"), SessionId(secrets.token_hex(8)), NOW,
        )  # fmt: skip


async def arrived(systems: Systems, name: str, count: int) -> None:
    async with asyncio.timeout(15):
        while sum(name in url for url in systems.arrived) < count:
            await asyncio.sleep(0.01)


async def test_a_system_that_hangs_delays_only_its_own_notices(database: Database) -> None:
    """F05: far more notices wait for the hanging system than one batch holds, and they are older."""
    await leave(database, "slow", 3 * BATCH)
    await leave(database, "fast", 2 * BATCH)
    await database.change("UPDATE notice SET due_at = due_at - 100 WHERE participant = 'slow'")
    systems, ends = Systems(), SqlSessionEnds(database)
    running = asyncio.create_task(delivery(ends, systems, [NOW]).run())
    await arrived(systems, "fast", 2 * BATCH)
    assert not [url for url in systems.arrived if "slow" in url]
    systems.hanging.set()
    await arrived(systems, "slow", 3 * BATCH)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_was_on_its_way_when_we_were_killed_is_sent_again(database: Database) -> None:
    await leave(database, "slow", 1)
    systems, ends, clock = Systems(), SqlSessionEnds(database), [NOW]
    killed = asyncio.create_task(delivery(ends, systems, clock).run())
    async with asyncio.timeout(10):
        while await database.one("SELECT 1 AS x FROM notice WHERE due_at > $1", NOW) is None:
            await asyncio.sleep(0.01)
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    systems.hanging.set()
    started = delivery(ends, systems, clock)
    assert not await started.deliver_due(), "its lease still runs"
    clock[0] += LEASE_SECONDS + 1
    assert await started.deliver_due()
    assert systems.arrived == ["https://slow.test"]
    assert not await started.deliver_due()


class _Away:
    """An outbox that is away at first, in an odd way, and comes back."""

    def __init__(self, ends: SqlSessionEnds) -> None:
        self._ends = ends
        self.faults: list[Exception] = [StoreUnavailableError("away"), RuntimeError("odd")]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ends, name)

    async def due(self, *arguments: Any) -> Any:
        if self.faults:
            raise self.faults.pop()
        return await self._ends.due(*arguments)


async def test_no_fault_ends_the_delivery(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idp.flows.deliver.IDLE_SECONDS", 0.01)
    await leave(database, "fast", 1)
    systems, audit = Systems(), _Listens()
    audit.full = True
    ends = _Away(SqlSessionEnds(database))
    running = asyncio.create_task(delivery(ends, systems, [NOW], audit).run())
    await arrived(systems, "fast", 1)
    audit.full = False
    await leave(database, "fast", 1)
    await arrived(systems, "fast", 2)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

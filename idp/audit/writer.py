"""Writing the chain in batches, behind the requests."""

import asyncio
import logging
from collections.abc import Mapping

from idp.audit.chain import GENESIS, Record, make_record
from idp.audit.events import check_event
from idp.errors import Overloaded
from idp.ports import Clock
from keys.sql import Database, StoreUnavailableError

logger = logging.getLogger("lienthong.audit")
FLUSH_SECONDS = 0.2
MAX_WAITING = 50_000
ROWS_AT_ONCE = 50
_COLUMNS = 7


def _insert(rows: int) -> str:
    places = ", ".join(
        f"({', '.join(f'${row * _COLUMNS + column}' for column in range(1, _COLUMNS + 1))})"
        for row in range(rows)
    )
    columns = "chain, seq, at, event, fields, previous, hash"
    return f"INSERT INTO audit_record ({columns}) VALUES {places}"


_INSERT_ONE, _INSERT_MANY = _insert(1), _insert(ROWS_AT_ONCE)
"""Only two statements, so that both stay prepared."""


class BatchingAudit:
    """Port `Audit`: one chain for each node and start. Where the database stays away and the
    queue is full, it refuses: what cannot be recorded is not done.
    """

    def __init__(self, database: Database, chain: str, clock: Clock) -> None:
        self._database = database
        self._chain = chain
        self._clock = clock
        self._waiting: list[tuple[int, str, Mapping[str, str | int]]] = []
        self._seq = 0
        self._previous = GENESIS

    def record(self, event: str, fields: Mapping[str, str | int]) -> None:
        """See `ports.Audit.record`.

        Raises: Overloaded; KeyError, ValueError for what is not in the catalogue.
        """
        check_event(event, fields)
        if len(self._waiting) >= MAX_WAITING:
            raise Overloaded("the audit queue is full")
        self._waiting.append((int(self._clock()), event, fields))

    async def run(self) -> None:
        """Flush until cancelled; the last flush is `close`."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except StoreUnavailableError:
                logger.warning("the audit chain cannot be written now; %d wait", len(self._waiting))

    async def flush(self) -> None:
        """Write what waits, in one transaction.

        Raises: StoreUnavailableError; then everything still waits.
        """
        batch = self._waiting
        if not batch:
            return
        records: list[Record] = []
        seq, previous = self._seq, self._previous
        for at, event, fields in batch:
            seq += 1
            record = make_record(self._chain, seq, at, event, fields, previous)
            previous = record.hash
            records.append(record)
        self._waiting = []
        try:
            await self._write(records)
        except BaseException:
            self._waiting = batch + self._waiting
            raise
        self._seq, self._previous = seq, previous

    async def _write(self, records: list[Record]) -> None:
        async with self._database.transaction() as statements:
            whole = len(records) - len(records) % ROWS_AT_ONCE
            for start in range(0, whole, ROWS_AT_ONCE):
                part = records[start : start + ROWS_AT_ONCE]
                values = [value for record in part for value in _values(record)]
                await statements.change(_INSERT_MANY, *values)
            for record in records[whole:]:
                await statements.change(_INSERT_ONE, *_values(record))


def _values(r: Record) -> tuple[str | int, ...]:
    return (r.chain, r.seq, r.at, r.event, r.fields, r.previous, r.hash)


async def read_chains(database: Database) -> dict[str, list[Record]]:
    """All chains, in order."""
    chains: dict[str, list[Record]] = {}
    rows = await database.rows(
        "SELECT chain, seq, at, event, fields, previous, hash FROM audit_record ORDER BY chain, seq"
    )
    for row in rows:
        record = Record(
            chain=str(row["chain"]),
            seq=int(row["seq"] or 0),
            at=int(row["at"] or 0),
            event=str(row["event"]),
            fields=str(row["fields"]),
            previous=str(row["previous"]),
            hash=str(row["hash"]),
        )
        chains.setdefault(record.chain, []).append(record)
    return chains

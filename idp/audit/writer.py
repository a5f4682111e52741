"""Writing the chain in batches, behind the requests."""

import asyncio
import logging
from collections.abc import Mapping

from idp.audit.bounds import RefusalBudget
from idp.audit.chain import GENESIS, Record, make_record
from idp.audit.events import check_event
from idp.errors import Overloaded
from idp.ports import Clock
from keys.sql import Database

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


_STORED = "SELECT hash FROM audit_record WHERE chain = $1 AND seq = $2"
_INSERT_ONE, _INSERT_MANY = _insert(1), _insert(ROWS_AT_ONCE)
"""Only two statements, so that both stay prepared."""


class ForeignRecord(Exception):
    """Somebody else wrote into this chain; what waits is kept, and the verifier will tell."""


class BatchingAudit:
    """Port `Audit`: one chain for each node and start. Where the database stays away and the
    queue is full, it refuses: what cannot be recorded is not done.
    """

    def __init__(self, database: Database, chain: str, clock: Clock) -> None:
        self._database = database
        self._chain = chain
        self._clock = clock
        self._waiting: list[tuple[int, str, Mapping[str, str | int]]] = []
        self._unsettled: list[Record] = []
        """Records that were sent, and whose commit nobody has confirmed yet."""
        self._seq = 0
        self._previous = GENESIS
        self._one_flush = asyncio.Lock()
        self._budget = RefusalBudget()

    def record(self, event: str, fields: Mapping[str, str | int]) -> None:
        """See `ports.Audit.record`. Refusals have a budget, past which they are only counted.

        Raises: Overloaded (never for a refusal); KeyError, ValueError for what is not in the
        catalogue.
        """
        check_event(event, fields)
        now, waiting = int(self._clock()), len(self._waiting) + len(self._unsettled)
        if not self._budget.admits(event, fields, now, crowded=waiting >= MAX_WAITING // 2):
            return
        if waiting >= MAX_WAITING:
            raise Overloaded("the audit queue is full")
        self._waiting.append((now, event, fields))

    async def close(self) -> None:
        """Write everything, the counts of the running minute too.

        Raises: StoreUnavailableError.
        """
        self._count_up(ending=True)
        await self.flush()

    def _count_up(self, *, ending: bool = False) -> None:
        now = int(self._clock())
        for fields in self._budget.settled(now, ending=ending):
            self._waiting.append((now, "refusals_counted", fields))

    async def run(self) -> None:
        """Flush until cancelled; whoever closes flushes once more. No fault ends this journey:
        a writer that had ended would leave the queue to fill up until everything is refused.
        """
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except Exception as fault:
                waiting = len(self._waiting) + len(self._unsettled)
                name = type(fault).__name__
                logger.warning("the audit chain cannot be written now (%s); %d wait", name, waiting)

    async def flush(self) -> None:
        """Write what waits, each batch in one transaction.

        Raises: StoreUnavailableError; then everything still waits, and what was sent is sent again
        unchanged, since nobody knows whether it was stored.
        """
        async with self._one_flush:
            self._count_up()
            while self._unsettled or self._waiting:
                if not self._unsettled:
                    self._chain_up()
                await self._write(self._unsettled)
                self._unsettled = []

    def _chain_up(self) -> None:
        batch, self._waiting = self._waiting, []
        for at, event, fields in batch:
            self._seq += 1
            record = make_record(self._chain, self._seq, at, event, fields, self._previous)
            self._previous = record.hash
            self._unsettled.append(record)

    async def _write(self, records: list[Record]) -> None:
        """Store the records, or find that they are stored already: these very ones, or it is a fault."""
        async with self._database.transaction() as statements:
            last = records[-1]
            row = await statements.one(_STORED, last.chain, last.seq)
            if row is not None:
                if row["hash"] != last.hash:
                    raise ForeignRecord(f"record {last.seq} is not ours")
                return
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

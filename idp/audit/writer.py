"""Writing the chain in batches, behind the requests."""

import asyncio
import logging
from collections.abc import Mapping

from idp.audit.bounds import RefusalBudget
from idp.audit.chain import (
    BROKEN,
    EVER_SERVED,
    GENESIS,
    Head,
    Record,
    make_head,
    make_record,
    make_register,
    register_fits,
)
from idp.audit.events import check_event
from idp.errors import Overloaded
from idp.ports import Clock
from keys.sql import Database, Statements
from keys.witness import Witness

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
    return f"INSERT INTO audit_record ({columns}) VALUES {places} ON CONFLICT DO NOTHING"


_INSERT_ONE, _INSERT_MANY = _insert(1), _insert(ROWS_AT_ONCE)
"""Only two statements, so that both stay prepared."""
_COUNT_ONE_MORE = (
    "INSERT INTO audit_register (id, chains, mark) VALUES (1, 1, '') ON CONFLICT (id)"
    " DO UPDATE SET chains = audit_register.chains + 1 RETURNING chains, mark"
)
_MARK_REGISTER = "UPDATE audit_register SET chains = $1, mark = $2 WHERE id = 1"
_LAST_NUMBER = "SELECT COALESCE(MAX(number), 0) AS number FROM audit_head"
_OPEN = "INSERT INTO audit_head (chain, number, seq, last, mark) VALUES ($1, $2, $3, $4, $5)"
_STORED = "SELECT mark FROM audit_head WHERE chain = $1"
_ADVANCE = "UPDATE audit_head SET seq = $1, last = $2, mark = $3 WHERE chain = $4 AND mark = $5"


class ForeignRecord(Exception):
    """Somebody else wrote into the chains; what waits is kept, and the verifier will tell."""


class BatchingAudit:
    """Port `Audit`: one chain for each node and start. Make it with `BatchingAudit.open`.

    Where the database stays away and the queue is full, it refuses: what cannot be recorded is
    not done.
    """

    def __init__(self, database: Database, witness: Witness, head: Head, clock: Clock) -> None:
        self._database = database
        self._witness = witness
        self._head = head
        """How far the stored chain has come, as far as we were told."""
        self._clock = clock
        self._waiting: list[tuple[int, str, Mapping[str, str | int]]] = []
        self._unsettled: list[Record] = []
        """Records that were sent, and whose commit nobody has confirmed yet."""
        self._one_flush = asyncio.Lock()
        self._budget = RefusalBudget()

    @classmethod
    async def open(
        cls, database: Database, witness: Witness, chain: str, clock: Clock
    ) -> "BatchingAudit":
        """Enter a new chain into the register; so it cannot disappear unnoticed.

        Raises: StoreUnavailableError.
        """
        async with database.transaction() as statements:
            number = await _next_number(statements, witness)
            head = make_head(witness, number, chain, 0, GENESIS)
            await statements.change(_OPEN, chain, number, 0, GENESIS, head.mark)
        return cls(database, witness, head, clock)

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
        """Write what waits, each batch and the head that it leads to in one transaction.

        Raises: StoreUnavailableError; then everything still waits, and what was sent is sent again
        unchanged, since nobody knows whether it was stored. ForeignRecord.
        """
        async with self._one_flush:
            self._count_up()
            while self._unsettled or self._waiting:
                if not self._unsettled:
                    self._chain_up()
                last = self._unsettled[-1]
                head = make_head(self._witness, self._head.number, last.chain, last.seq, last.hash)
                await self._write(self._unsettled, head)
                self._unsettled, self._head = [], head

    def _chain_up(self) -> None:
        batch, self._waiting = self._waiting, []
        chain, previous = self._head.chain, self._head.last
        for seq, (at, event, fields) in enumerate(batch, start=self._head.seq + 1):
            record = make_record(self._witness, chain, seq, at, event, fields, previous)
            previous = record.hash
            self._unsettled.append(record)

    async def _write(self, records: list[Record], head: Head) -> None:
        """Store the records and their head, or find that they are stored already.

        Why the head moves by compare-and-swap: a chain that was put back while we run is noticed
        at once, and never continued as if nothing were missing.
        """
        async with self._database.transaction() as statements:
            row = await statements.one(_STORED, head.chain)
            if row is not None and row["mark"] == head.mark:
                return
            moved = await statements.change(
                _ADVANCE, head.seq, head.last, head.mark, head.chain, self._head.mark
            )
            if moved != 1 or await _insert_all(statements, records) != len(records):
                raise ForeignRecord("the stored chain is not where we left it")


async def _next_number(statements: Statements, witness: Witness) -> int:
    """Count one chain more.

    Why: a register that is not as we left it loses its mark for good. We do start, since nobody
    would be served by an outage; but what was done to it is never covered up by a new mark.
    """
    row = await statements.one(_COUNT_ONE_MORE)  # locks the register until we commit
    last = await statements.one(_LAST_NUMBER)
    if row is None or last is None:
        raise ForeignRecord("the register of chains cannot be read")
    number, highest = int(row["chains"] or 0), int(last["number"] or 0)
    if number == 1:
        fits = await statements.one(EVER_SERVED) is None
    else:
        fits = highest < number and register_fits(witness, number - 1, str(row["mark"]))
    if not fits:
        logger.error("the register of audit chains was changed; see `lienthong audit verify`")
        number = max(number, highest + 1)
    mark = make_register(witness, number) if fits else BROKEN
    await statements.change(_MARK_REGISTER, number, mark)
    return number


async def _insert_all(statements: Statements, records: list[Record]) -> int:
    inserted, whole = 0, len(records) - len(records) % ROWS_AT_ONCE
    for start in range(0, whole, ROWS_AT_ONCE):
        part = records[start : start + ROWS_AT_ONCE]
        values = [value for record in part for value in _values(record)]
        inserted += await statements.change(_INSERT_MANY, *values)
    for record in records[whole:]:
        inserted += await statements.change(_INSERT_ONE, *_values(record))
    return inserted


def _values(r: Record) -> tuple[str | int, ...]:
    return (r.chain, r.seq, r.at, r.event, r.fields, r.previous, r.hash)

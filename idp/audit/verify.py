"""Reading the chains back: whatever was edited, moved, cut off or taken away is named.

What cannot be seen from inside: a database that was put back, as a whole, to what it once was.
Heads that are kept elsewhere (`lienthong audit heads`) show that too.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from idp.audit.chain import (
    EVER_SERVED,
    GENESIS,
    Head,
    Record,
    head_fits,
    record_fits,
    register_fits,
)
from keys.sql import Database, Row
from keys.witness import Witness

PAGE = 1000
_REGISTER = "SELECT chains, mark FROM audit_register WHERE id = 1"
_RECORDS = (
    "SELECT chain, seq, at, event, fields, previous, hash FROM audit_record"
    " WHERE chain = $1 AND seq > $2 ORDER BY seq LIMIT $3"
)
_HEADS = (
    "SELECT number, chain, seq, last, mark FROM audit_head WHERE number <= $1"
    " OR number > (SELECT COALESCE(MAX(chains), 0) FROM audit_register) ORDER BY number"
)
_HEADLESS = (
    "SELECT DISTINCT r.chain FROM audit_record r"
    " WHERE NOT EXISTS (SELECT 1 FROM audit_head h WHERE h.chain = r.chain) ORDER BY r.chain"
)


@dataclass(frozen=True, slots=True)
class KeptHead:
    """A head that was written down outside: the chain must still hold this record."""

    chain: str
    seq: int
    last: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `faults` are sentences for people; they hold no personal data."""

    chains: int
    records: int
    faults: tuple[str, ...]


@dataclass(slots=True)
class _Reading:
    """What a verification has counted so far."""

    chains: int = 0
    records: int = 0
    faults: list[str] = field(default_factory=list)


async def verify_chains(
    database: Database, witness: Witness, kept: Sequence[KeptHead] = ()
) -> Verdict:
    """Check everything, while the provider may go on writing; the first fault of each chain.

    Why this order: the register is read before the heads, and a head before its records, so that
    what is written meanwhile is only ever more than what was promised.
    """
    reading = _Reading()
    counted = await _register(database, witness, reading)
    heads = await read_heads(database, counted)
    reading.chains = len(heads)
    _check_numbers(heads, counted, reading)
    for row in await database.rows(_HEADLESS):
        reading.faults.append(f"chain {row['chain']!s}: its head is missing")
    for head in heads:
        outside = [k for k in kept if k.chain == head.chain]
        await _check_chain(database, witness, head, outside, reading)
    known = {head.chain for head in heads}
    reading.faults += [
        f"chain {k.chain}: is missing, and was kept" for k in kept if k.chain not in known
    ]
    return Verdict(reading.chains, reading.records, tuple(reading.faults))


async def _register(database: Database, witness: Witness, reading: _Reading) -> int:
    row = await database.one(_REGISTER)
    if row is None and await database.one(EVER_SERVED) is not None:
        # A provider may have started between the two questions: its register comes first.
        row = await database.one(_REGISTER)
        if row is None:
            reading.faults.append("the register of chains is missing")
    if row is None:
        return 0
    chains = int(row["chains"] or 0)
    if not register_fits(witness, chains, str(row["mark"])):
        reading.faults.append("the register of chains was changed")
    return chains


async def read_heads(database: Database, counted: int = 2**62) -> list[Head]:
    """The heads of the first `counted` chains, and those of which no register tells."""
    return [_head(row) for row in await database.rows(_HEADS, counted)]


def _check_numbers(heads: Sequence[Head], counted: int, reading: _Reading) -> None:
    present = {head.number for head in heads}
    for number in sorted(set(range(1, counted + 1)) - present):
        reading.faults.append(f"chain number {number}: is missing")
    for number in sorted(n for n in present if n > counted or n < 1):
        reading.faults.append(f"chain number {number}: the register does not count it")


async def _check_chain(
    database: Database,
    witness: Witness,
    head: Head,
    kept: Sequence[KeptHead],
    reading: _Reading,
) -> None:
    """Find the first fault of one chain, if it has one."""
    if not head_fits(witness, head):
        reading.faults.append(f"chain {head.chain}: its head was changed")
    promised = {(k.seq, k.last) for k in kept} | {(head.seq, head.last)}
    expected = {seq: {last for at, last in promised if at == seq} for seq, _ in promised}
    seq, previous = 0, GENESIS
    async for record in _records(database, head.chain):
        reading.records += 1
        seq += 1
        fits = record_fits(witness, record, seq, previous)
        if not fits or expected.get(seq, {record.hash}) != {record.hash}:
            reading.faults.append(f"chain {head.chain}: record {seq} does not fit")
            return
        previous = record.hash
    if seq < max(expected):
        reading.faults.append(f"chain {head.chain}: record {seq + 1} is missing, the end was cut")


async def _records(database: Database, chain: str) -> AsyncIterator[Record]:
    after = -(2**63)
    while rows := await database.rows(_RECORDS, chain, after, PAGE):
        for row in rows:
            yield _record(row)
        after = int(rows[-1]["seq"] or 0)


def _record(row: Row) -> Record:
    return Record(
        chain=str(row["chain"]),
        seq=int(row["seq"] or 0),
        at=int(row["at"] or 0),
        event=str(row["event"]),
        fields=str(row["fields"]),
        previous=str(row["previous"]),
        hash=str(row["hash"]),
    )


def _head(row: Row) -> Head:
    return Head(
        number=int(row["number"] or 0),
        chain=str(row["chain"]),
        seq=int(row["seq"] or 0),
        last=str(row["last"]),
        mark=str(row["mark"]),
    )

"""The chain: each record's mark covers the mark of the one before it; a head marks the end. Pure.

Three keyed marks, each of which only a holder of the key-encryption keys can make:

    record    (chain, seq, at, event, fields, mark before)   nothing was edited or moved
    head      (number, chain, seq, mark of the last record)  nothing was cut off at the end
    register  (how many chains were ever opened)             no whole chain is gone
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from keys.witness import Witness

GENESIS = "0" * 64
PURPOSE = "audit chain"
BROKEN = ""
"""The mark of a register that was changed behind our back: it never fits again."""
EVER_SERVED = (
    "SELECT 1 AS served FROM family UNION ALL SELECT 1 FROM session_end"
    " UNION ALL SELECT 1 FROM audit_head UNION ALL SELECT 1 FROM audit_record LIMIT 1"
)
"""Traces of a provider that has served: where there are any, there must be a register."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of one chain. `fields` is canonical JSON; `hash` is its keyed mark."""

    chain: str
    seq: int
    at: int
    event: str
    fields: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """How far a chain has come: it is stored with the records that brought it there."""

    number: int
    """The how-manieth chain of this database, from 1 without a gap."""
    chain: str
    seq: int
    last: str
    """The mark of record `seq`; `GENESIS` where there is none yet."""
    mark: str


def make_record(
    witness: Witness,
    chain: str,
    seq: int,
    at: int,
    event: str,
    fields: Mapping[str, str | int],
    previous: str,
) -> Record:
    """The next record of a chain."""
    text = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS).decode()
    mark = witness.mark(_framed("record", chain, seq, at, event, text, previous))
    return Record(
        chain=chain, seq=seq, at=at, event=event, fields=text, previous=previous, hash=mark
    )


def record_fits(witness: Witness, record: Record, seq: int, previous: str) -> bool:
    """Whether this is the record that was written as number `seq`, behind `previous`."""
    r = record
    framed = _framed("record", r.chain, r.seq, r.at, r.event, r.fields, r.previous)
    return r.seq == seq and r.previous == previous and witness.confirms(framed, r.hash)


def make_head(witness: Witness, number: int, chain: str, seq: int, last: str) -> Head:
    """The head of a chain that has come to `seq`."""
    mark = witness.mark(_framed("head", number, chain, seq, last))
    return Head(number=number, chain=chain, seq=seq, last=last, mark=mark)


def head_fits(witness: Witness, head: Head) -> bool:
    """Whether we wrote this head."""
    framed = _framed("head", head.number, head.chain, head.seq, head.last)
    return witness.confirms(framed, head.mark)


def make_register(witness: Witness, chains: int) -> str:
    """The mark of a register that counts so many chains."""
    return witness.mark(_framed("register", chains))


def register_fits(witness: Witness, chains: int, mark: str) -> bool:
    """Whether we counted so many."""
    return witness.confirms(_framed("register", chains), mark)


def _framed(*parts: str | int) -> bytes:
    return orjson.dumps(parts)

"""The chain: each record holds the hash of the one before it. Pure."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of one chain. `fields` is canonical JSON."""

    chain: str
    seq: int
    at: int
    event: str
    fields: str
    previous: str
    hash: str


def make_record(
    chain: str, seq: int, at: int, event: str, fields: Mapping[str, str | int], previous: str
) -> Record:
    """The next record of a chain."""
    text = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS).decode()
    digest = _digest(chain, seq, at, event, text, previous)
    return Record(
        chain=chain, seq=seq, at=at, event=event, fields=text, previous=previous, hash=digest
    )


def _digest(chain: str, seq: int, at: int, event: str, fields: str, previous: str) -> str:
    framed = orjson.dumps([chain, seq, at, event, fields, previous])
    return hashlib.sha256(framed).hexdigest()


def first_broken(records: Iterable[Record]) -> Record | None:
    """The first record of one chain that was edited, moved, or follows a deleted one."""
    previous = GENESIS
    for seq, record in enumerate(records, start=1):
        expected = _digest(
            record.chain, record.seq, record.at, record.event, record.fields, record.previous
        )
        if record.seq != seq or record.previous != previous or record.hash != expected:
            return record
        previous = record.hash
    return None

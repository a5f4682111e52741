"""U12: whatever is done to the audit chains directly in the database is named."""

import asyncio
import json
import secrets
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from idp.audit.chain import PURPOSE, make_head, make_record, make_register
from idp.audit.verify import KeptHead, read_heads, verify_chains
from idp.audit.writer import BatchingAudit, ForeignRecord
from idp.cli.main import lienthong
from keys.sql import Database, Row, Statements, StoreUnavailableError, Value
from keys.witness import Witness
from tests.fixtures_world import ENVIRONMENT, World

NOW = 1_800_000_000
KEK = b"k" * 32
WITNESS = Witness([KEK], PURPOSE)
EVENT = ("code_issued", {"client": "c1", "sid": "s"})


async def opened(database: Database, chain: str = "one") -> BatchingAudit:
    return await BatchingAudit.open(database, WITNESS, chain, lambda: NOW)


async def written(database: Database, chain: str = "one", records: int = 5) -> BatchingAudit:
    audit = await opened(database, chain)
    for _ in range(records):
        audit.record(*EVENT)
    await audit.flush()
    return audit


async def faults(database: Database, witness: Witness = WITNESS) -> tuple[str, ...]:
    return (await verify_chains(database, witness)).faults


async def test_honest_chains_verify_and_are_counted(database: Database) -> None:
    assert (await verify_chains(database, WITNESS)).chains == 0
    first = await written(database, "one", 105)
    await written(database, "two", 5)
    await opened(database, "three")
    first.record("signed_out", {"sid": "s", "notices": 2})
    await first.flush()
    await first.flush()
    verdict = await verify_chains(database, WITNESS)
    assert (verdict.chains, verdict.records, verdict.faults) == (3, 111, ())


async def test_only_events_of_the_catalogue_enter_a_chain(database: Database) -> None:
    audit = await opened(database)
    with pytest.raises(ValueError, match="may not carry"):
        audit.record("code_issued", {"name": "x"})
    with pytest.raises(KeyError):
        audit.record("unheard_of", {})


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        ("UPDATE audit_record SET event = 'signed_in' WHERE chain = 'two' AND seq = 3", ["chain two: record 3 does not fit"]),
        ("UPDATE audit_record SET fields = '{}' WHERE chain = 'two' AND seq = 5", ["chain two: record 5 does not fit"]),
        ("UPDATE audit_record SET at = at + 1 WHERE chain = 'two' AND seq = 1", ["chain two: record 1 does not fit"]),
        ("DELETE FROM audit_record WHERE chain = 'two' AND seq = 3", ["chain two: record 3 does not fit"]),
        ("DELETE FROM audit_record WHERE chain = 'two' AND seq = 1", ["chain two: record 1 does not fit"]),
        ("DELETE FROM audit_record WHERE chain = 'two' AND seq = 5", ["chain two: record 5 is missing, the end was cut"]),
        ("DELETE FROM audit_record WHERE chain = 'two' AND seq >= 2", ["chain two: record 2 is missing, the end was cut"]),
        ("DELETE FROM audit_record WHERE chain = 'two'", ["chain two: record 1 is missing, the end was cut"]),
        ("UPDATE audit_record SET seq = CASE seq WHEN 2 THEN 13 WHEN 3 THEN 2 ELSE seq END WHERE chain = 'two'", ["chain two: record 2 does not fit"]),
        ("UPDATE audit_record SET chain = 'one', seq = 6 WHERE chain = 'two' AND seq = 5", ["chain one: record 6 does not fit", "chain two: record 5 is missing, the end was cut"]),
        ("DELETE FROM audit_head WHERE chain = 'two'", ["chain number 2: is missing", "chain two: its head is missing"]),
        ("DELETE FROM audit_head WHERE chain = 'three'", ["chain number 3: is missing", "chain three: its head is missing"]),
        ("UPDATE audit_head SET seq = 4 WHERE chain = 'two'", ["chain two: its head was changed", "chain two: record 4 does not fit"]),
        ("UPDATE audit_head SET number = 7 WHERE chain = 'two'", ["chain number 2: is missing", "chain number 7: the register does not count it", "chain two: its head was changed"]),
        ("UPDATE audit_register SET chains = 2", ["the register of chains was changed", "chain number 3: the register does not count it"]),
        ("DELETE FROM audit_register", ["the register of chains is missing", "chain number 1: the register does not count it", "chain number 2: the register does not count it", "chain number 3: the register does not count it"]),
    ],
)  # fmt: skip
async def test_every_deed_of_somebody_in_the_database_is_named(
    database: Database, deed: str, told: list[str]
) -> None:
    for chain in ("one", "two", "three"):
        await written(database, chain)
    await database.change(deed)
    assert list(await faults(database)) == told


async def test_a_whole_chain_that_is_gone_is_missed(database: Database) -> None:
    for chain in ("one", "two"):
        await written(database, chain)
    for table in ("audit_record", "audit_head"):
        await database.change(f"DELETE FROM {table} WHERE chain = 'two'")
    assert await faults(database) == ("chain number 2: is missing",)


async def test_nobody_without_the_keys_can_make_a_shorter_chain_look_whole(
    database: Database,
) -> None:
    """The attacker knows the code and writes what he likes; his marks are of another key."""
    await written(database)
    forger = Witness([b"f" * 32], PURPOSE)
    row = await database.one("SELECT hash FROM audit_record WHERE seq = 3")
    assert row is not None
    await database.change("DELETE FROM audit_record WHERE seq > 3")
    head = make_head(forger, 1, "one", 3, str(row["hash"]))
    await database.change(
        "UPDATE audit_head SET seq = 3, last = $1, mark = $2", head.last, head.mark
    )
    assert await faults(database) == ("chain one: its head was changed",)
    await database.change("DELETE FROM audit_record WHERE seq > 2")
    forged = make_record(forger, "one", 3, NOW, "signed_in", {}, "0" * 64)
    await database.change(
        "INSERT INTO audit_record (chain, seq, at, event, fields, previous, hash)"
        " SELECT 'one', 3, at, $1, $2, hash, $3 FROM audit_record WHERE seq = 2",
        forged.event, forged.fields, forged.hash,
    )  # fmt: skip
    assert "chain one: record 3 does not fit" in await faults(database)
    await database.change("UPDATE audit_register SET mark = $1", make_register(forger, 1))
    assert "the register of chains was changed" in await faults(database)


async def test_a_start_never_covers_up_what_was_done_to_the_register(database: Database) -> None:
    for chain in ("one", "two"):
        await written(database, chain)
    for table in ("audit_record", "audit_head"):
        await database.change(f"DELETE FROM {table} WHERE chain = 'two'")
    await database.change("UPDATE audit_register SET chains = 1")
    await written(database, "three")
    assert "the register of chains was changed" in await faults(database)
    await database.change("DELETE FROM audit_register")
    await written(database, "four")
    await written(database, "five")
    assert await faults(database) == ("the register of chains was changed",)


async def test_all_three_tables_emptied_do_not_look_like_a_first_start(database: Database) -> None:
    await written(database)
    await database.change(
        "INSERT INTO session_end (sid, subject_id, ended_at) VALUES ('s', 'x', 1)"
    )
    for table in ("audit_record", "audit_head", "audit_register"):
        await database.change(f"DELETE FROM {table}")
    assert await faults(database) == ("the register of chains is missing",)
    await written(database, "two")
    assert await faults(database) == ("the register of chains was changed",)


async def test_a_chain_put_back_while_its_node_runs_is_never_continued(database: Database) -> None:
    audit = await written(database, records=2)
    old = await database.one("SELECT seq, last, mark FROM audit_head")
    assert old is not None
    audit.record(*EVENT)
    await audit.flush()
    await database.change("DELETE FROM audit_record WHERE seq > 2")
    await database.change(
        "UPDATE audit_head SET seq = $1, last = $2, mark = $3", old["seq"], old["last"], old["mark"]
    )
    audit.record(*EVENT)
    with pytest.raises(ForeignRecord):
        await audit.flush()


async def test_a_database_put_back_as_a_whole_shows_against_kept_heads(database: Database) -> None:
    audit = await written(database, "one", 2)
    tables = ("audit_record", "audit_head", "audit_register")
    before = {t: [dict(r) for r in await database.rows(f"SELECT * FROM {t}")] for t in tables}
    audit.record(*EVENT)
    await audit.flush()
    await written(database, "two")
    kept = [KeptHead(h.chain, h.seq, h.last) for h in await read_heads(database)]
    assert not (await verify_chains(database, WITNESS, kept)).faults
    for table, rows in before.items():
        await database.change(f"DELETE FROM {table}")
        for row in rows:
            places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
            sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})"
            await database.change(sql, *row.values())
    assert not await faults(database), "from inside it cannot be seen"
    assert (await verify_chains(database, WITNESS, kept)).faults == (
        "chain one: record 3 is missing, the end was cut",
        "chain two: is missing, and was kept",
    )
    other = [KeptHead("one", 2, "0" * 64)]
    assert (await verify_chains(database, WITNESS, other)).faults == (
        "chain one: record 2 does not fit",
    )


async def test_chains_of_an_older_key_verify_while_that_key_is_listed(database: Database) -> None:
    await written(database)
    both = Witness([b"n" * 32, KEK], PURPOSE)
    audit = await BatchingAudit.open(database, both, "two", lambda: NOW)
    audit.record(*EVENT)
    await audit.flush()
    assert await faults(database, both) == ()
    assert "chain two: record 1 does not fit" in await faults(database)


async def test_nodes_that_start_at_the_same_moment_are_all_counted(database: Database) -> None:
    names = [f"chain-{n}" for n in range(20)]
    audits = await asyncio.gather(*(opened(database, name) for name in names))
    for audit in audits:
        audit.record(*EVENT)
    await asyncio.gather(*(audit.flush() for audit in audits))
    verdict = await verify_chains(database, WITNESS)
    assert (verdict.chains, verdict.records, verdict.faults) == (20, 20, ())


async def test_a_provider_that_writes_meanwhile_is_never_accused(database: Database) -> None:
    async def write(chain: str) -> None:
        audit = await opened(database, chain)
        for _ in range(30):
            audit.record(*EVENT)
            await audit.flush()

    writers = [asyncio.create_task(write(f"chain-{n}")) for n in range(4)]
    while not all(writer.done() for writer in writers):
        assert await faults(database) == ()
        await asyncio.sleep(0)
    await asyncio.gather(*writers)


async def test_a_provider_that_starts_between_two_questions_is_not_accused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, asked = database.one, 0

    async def one(sql: str, *values: Value) -> Row | None:
        nonlocal asked
        asked += 1
        if asked == 1:
            assert await ask(sql, *values) is None
            await opened(database)
            return None
        return await ask(sql, *values)

    monkeypatch.setattr(database, "one", one)
    assert await faults(database) == ()
    assert asked > 1


_NODE = """
import asyncio, sys
from pathlib import Path
from idp.audit.chain import PURPOSE
from idp.audit.writer import BatchingAudit
from idp.store.postgres import PostgresDatabase
from idp.store.sqlite import SqliteDatabase
from keys.witness import Witness

async def main(url, chain):
    if url.startswith("sqlite"):
        database = SqliteDatabase(Path(url.removeprefix("sqlite:///")))
    else:
        database = await PostgresDatabase.connect(url)
    audit = await BatchingAudit.open(database, Witness([b"k" * 32], PURPOSE), chain, lambda: 1)
    while True:
        for _ in range(120):
            audit.record("code_issued", {"client": "c1", "sid": "s"})
        await audit.flush()
        print("flushed", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_killed_node_leaves_a_chain_that_is_whole(
    database: Database, database_url: str
) -> None:
    root = str(Path(__file__).parents[2])
    for number in range(6):
        node = subprocess.Popen(
            [sys.executable, "-c", _NODE, database_url, f"chain-{number}"],
            cwd=root, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert node.stdout is not None
        for _ in range(1 + number):
            assert await asyncio.to_thread(node.stdout.readline) == b"flushed\n"
        node.send_signal(signal.SIGKILL)
        assert node.wait(10) == -signal.SIGKILL
        node.stdout.close()
    verdict = await verify_chains(database, WITNESS)
    assert verdict.faults == ()
    assert verdict.chains == 6
    assert verdict.records >= 120 * 21


class _LosesAnAnswer:
    """A database whose answer to one commit is lost: the work is done, and nobody knows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.lost = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Statements]:
        async with self._database.transaction() as statements:
            yield statements
        if not self.lost:
            self.lost += 1
            raise StoreUnavailableError("the answer was lost")


async def test_an_event_is_recorded_once_when_the_answer_to_its_commit_was_lost(
    database: Database,
) -> None:
    audit = await opened(database)
    losing = _LosesAnAnswer(database)
    audit._database = losing  # type: ignore[assignment]  # one verb is used
    audit.record("code_issued", {"client": "c1", "sid": "s"})
    with pytest.raises(StoreUnavailableError):
        await audit.flush()
    audit.record("code_issued", {"client": "c2", "sid": "s"})
    await audit.flush()
    rows = await database.rows("SELECT fields FROM audit_record ORDER BY seq")
    assert losing.lost == 1
    assert ['"c1"' in str(r["fields"]) for r in rows] == [True, False]
    assert await faults(database) == ()


async def test_a_record_of_somebody_else_in_the_chain_is_never_taken_for_ours(
    database: Database,
) -> None:
    audit = await written(database, records=1)
    await database.change(
        "INSERT INTO audit_record (chain, seq, at, event, fields, previous, hash)"
        " SELECT chain, 2, at, event, fields, previous, hash FROM audit_record"
    )
    audit.record(*EVENT)
    with pytest.raises(ForeignRecord):
        await audit.flush()
    assert await faults(database) == ("chain one: record 2 does not fit",)


async def test_no_fault_ends_the_writer_of_the_audit_chain(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idp.audit.writer.FLUSH_SECONDS", 0.001)
    audit = await opened(database)
    written_by, failures = audit._write, iter([RuntimeError("odd"), None])

    async def odd_once(*batch: Any) -> None:
        if fault := next(failures, None):
            raise fault
        await written_by(*batch)

    monkeypatch.setattr(audit, "_write", odd_once)
    audit.record(*EVENT)
    writer = asyncio.create_task(audit.run())
    async with asyncio.timeout(10):
        while await database.one("SELECT 1 AS there FROM audit_record") is None:
            assert not writer.done(), "the writer has ended"
            await asyncio.sleep(0.005)
    writer.cancel()


def test_a_witness_keeps_purposes_and_keys_apart() -> None:
    kek = secrets.token_bytes(32)
    mark = Witness([kek], "a").mark(b"m")
    assert Witness([kek], "a").confirms(b"m", mark)
    assert Witness([b"x" * 32, kek], "a").confirms(b"m", mark)
    assert not Witness([kek], "b").confirms(b"m", mark)
    assert not Witness([b"x" * 32], "a").confirms(b"m", mark)
    for wrong in ("", mark.upper(), mark + " ", "é" * 64):
        assert not Witness([kek], "a").confirms(b"m", wrong)


async def test_the_command_names_a_cut_end_and_compares_with_what_was_kept(
    world: World, tmp_path: Path
) -> None:
    config = str(tmp_path / "lienthong.toml")
    await world.browser().tokens(world.alice)
    await asyncio.sleep(0.3)

    async def told(*arguments: str, code: int) -> str:
        command = ["audit", *arguments, "-c", config]
        runner = CliRunner()
        done = await asyncio.to_thread(runner.invoke, lienthong, command, env=ENVIRONMENT)
        assert done.exit_code == code, done.output
        return done.output

    assert "1 chain(s)" in await told("verify", code=0)
    kept = tmp_path / "kept.json"
    kept.write_text(await told("heads", code=0), "utf-8")
    assert json.loads(kept.read_text("utf-8"))["heads"][0]["seq"] > 1
    assert "0 broken" in await told("verify", "--kept", str(kept), code=0)
    with sqlite3.connect(tmp_path / "world.sqlite") as database:
        database.execute("DELETE FROM audit_record WHERE seq = (SELECT MAX(seq) FROM audit_record)")
    assert "the end was cut" in await told("verify", code=1)
    kept.write_text("{}", "utf-8")
    await told("verify", "--kept", str(kept), code=2)

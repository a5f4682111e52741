"""The ring against those who can write its store, broken disks, wrong clocks and sudden death."""

import asyncio
import json
import os
import resource
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import SessionId, SubjectId
from idp.flows.housekeeping import ENDED_KEPT_SECONDS, housekeeping
from idp.store.fences import SqlFences
from idp.store.grants import SqlGrants
from idp.store.session_ends import SqlSessionEnds
from keys.errors import JoseRefused, RingConflict, RingUnreadable, RingUnwritable
from keys.jose import JWT_OR_NONE, Expectation, verify
from keys.jwks import generate, private_bytes, public_jwk
from keys.keyring import PURPOSE, KeyRing
from keys.ring import Algorithm, KeyState, Ring
from keys.rotation import CACHE_SECONDS, NotYet, Rotated, RotationPolicy, first_ring, plan, rotate
from keys.seal import Sealer
from keys.sql import Database
from keys.store import FileKeyStore, KeyStore, SqlKeyStore, decode_ring, encode_ring
from tests.keys.test_ring import NOW, POLICY, active, make

EXPECTED = Expectation(algorithms=frozenset({"ES256"}), typ=JWT_OR_NONE, issuer="i", audience="a")
CLAIMS = b'{"iss":"i","aud":"a","exp":1000000}'


@pytest.fixture(params=["file", "sql"])
def store(request: pytest.FixtureRequest, tmp_path: Path, database: Database) -> KeyStore:
    if request.param == "file":
        return FileKeyStore(tmp_path / "keys" / "ring.json")
    return SqlKeyStore(database)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "ring.json"


# --- whoever can write the store -----------------------------------------------------------------


def planted(ring: Ring, sealer: Sealer) -> dict[str, Ring]:
    """Rings that an attacker could write: he knows his own private key, and not our KEK."""
    mine = public_jwk(generate("ES256"), "ES256")
    first = ring.records[0]
    later = ring.records[1]
    foreign = Sealer([secrets.token_bytes(32)], entropy=secrets.token_bytes)
    raw = private_bytes(generate("ES256"))
    added = replace(first, kid=mine["kid"], state=KeyState.RETIRING, public_jwk=mine)
    return {
        "his public key under our kid": Ring(
            version=9, records=(replace(first, public_jwk=mine | {"kid": first.kid}), later)
        ),
        "his key beside ours": Ring(version=9, records=(*ring.records, added)),
        "his key, sealed by himself": Ring(
            version=9,
            records=(
                *ring.records,
                replace(added, sealed_private=foreign.seal(PURPOSE, raw, mine["kid"].encode())),
            ),
        ),
        "our keys, exchanged": Ring(
            version=9, records=(replace(first, public_jwk=later.public_jwk), later)
        ),
        "another algorithm": Ring(version=9, records=(replace(first, alg="RS256"), later)),
        "an encryption key": Ring(
            version=9, records=(replace(first, public_jwk=first.public_jwk | {"use": "enc"}), later)
        ),
    }


async def test_nobody_plants_a_public_key_of_his_own(store: KeyStore, sealer: Sealer) -> None:
    running = await KeyRing.load(store, sealer, POLICY, NOW)
    before = running.jwks_json()
    ring = await store.load()
    assert ring is not None
    for number, wish in enumerate(planted(ring, sealer).values(), start=ring.version):
        assert await store.swap(number, replace(wish, version=number + 1))
        with pytest.raises(RingUnreadable):
            await running.refresh(NOW)
        assert running.jwks_json() == before, "the running node keeps what it knows to be ours"
        assert running.signer("ES256").kid == active(ring)
        with pytest.raises(RingUnreadable):
            await KeyRing.load(store, sealer, POLICY, NOW)


@pytest.mark.parametrize(
    "damage",
    [
        {"alg": "HS256"},
        {"state": "?"},
        {"published_at": "1"},
        {"active_from": "1"},
        {"retired_at": []},
        {"sealed_private": "!"},
        {"public_jwk": ...},
    ],
)
def test_a_damaged_record_is_told(damage: dict[str, object]) -> None:
    document = json.loads(encode_ring(first_ring(POLICY, make, NOW)))
    document["keys"][0] |= damage
    kept = {k: v for k, v in document["keys"][0].items() if v is not ...}
    document["keys"][0] = kept
    with pytest.raises(RingUnreadable):
        decode_ring(json.dumps(document))


def test_a_doubled_key_or_a_version_that_is_none_is_told() -> None:
    document = json.loads(encode_ring(first_ring(POLICY, make, NOW)))
    for wrong in (
        document | {"version": None},
        document | {"keys": document["keys"] * 2},
        document["keys"],
    ):
        with pytest.raises(RingUnreadable):
            decode_ring(json.dumps(wrong))


# --- files ---------------------------------------------------------------------------------------


async def test_no_link_is_followed(path: Path, sealer: Sealer) -> None:
    await KeyRing.load(FileKeyStore(path), sealer, POLICY, NOW)
    link = path.with_name("link.json")
    link.symlink_to(path)
    with pytest.raises(RingUnreadable, match="ELOOP"):
        await KeyRing.load(FileKeyStore(link), sealer, POLICY, NOW)
    other = path.with_name("other.json")
    other.with_name("other.json.lock").symlink_to(path.with_name("elsewhere"))
    with pytest.raises(RingUnwritable, match="ELOOP"):
        await KeyRing.load(FileKeyStore(other), sealer, POLICY, NOW)
    assert not path.with_name("elsewhere").exists()


async def test_a_leftover_or_planted_draft_lends_the_ring_nothing(
    path: Path, sealer: Sealer
) -> None:
    path.parent.mkdir()
    elsewhere = path.with_name("elsewhere")
    draft = path.with_name("ring.json.draft")
    draft.symlink_to(elsewhere)
    keyring = await KeyRing.load(FileKeyStore(path), sealer, POLICY, NOW)
    assert not elsewhere.exists()
    draft.write_text("x")
    draft.chmod(0o644)
    await keyring.rotate("ES256", NOW + 100)
    assert path.stat().st_mode & 0o777 == 0o600
    assert not draft.exists()


@pytest.mark.parametrize("name", ["ring.lock", "ring.draft", "ring", ".json"])
async def test_every_name_of_a_key_file_works(path: Path, sealer: Sealer, name: str) -> None:
    store = FileKeyStore(path.with_name(name))
    keyring = await KeyRing.load(store, sealer, POLICY, NOW)
    assert isinstance(await keyring.rotate("ES256", NOW + 100), Rotated)


async def test_what_is_no_file_of_its_owner_alone_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(RingUnreadable):
        await FileKeyStore(path).load()
    path.rmdir()
    os.mkfifo(path, 0o600)
    with pytest.raises(RingUnreadable):
        await FileKeyStore(path).load()
    path.unlink()
    path.write_bytes(b"\xff\xfe")
    path.chmod(0o600)
    with pytest.raises(RingUnreadable):
        await FileKeyStore(path).load()


@contextmanager
def no_room() -> Iterator[None]:
    """No file of this process may grow beyond a few bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_leaves_the_former_ring_whole_and_in_use(
    path: Path, sealer: Sealer
) -> None:
    """X11, R13."""
    running = await KeyRing.load(FileKeyStore(path), sealer, POLICY, NOW)
    before = path.read_bytes()
    with no_room():
        with pytest.raises(RingUnwritable, match="EFBIG"):
            await running.rotate("ES256", NOW + 100)
        with pytest.raises(RingUnwritable):
            await running.refresh(NOW + 5000)
        started = await KeyRing.load(FileKeyStore(path), sealer, POLICY, NOW + 5000)
    assert path.read_bytes() == before
    assert not path.with_name("ring.json.draft").exists()
    assert started.signer("ES256").kid == running.signer("ES256").kid
    await running.refresh(NOW + 5000)
    assert running.signer("ES256").kid != started.signer("ES256").kid, "it recovers by itself"


async def test_a_revoked_key_is_gone_even_where_nothing_can_be_written(
    path: Path, sealer: Sealer
) -> None:
    one, two = [await KeyRing.load(FileKeyStore(path), sealer, POLICY, NOW) for _ in range(2)]
    victim = one.signer("ES256").kid
    await one.revoke(victim, NOW)
    with no_room(), pytest.raises(RingUnwritable):
        await two.refresh(NOW + 5000)
    assert victim not in {record.kid for record in two.listing()}


# --- many keys, many nodes, many clocks ----------------------------------------------------------


async def test_a_ring_of_many_keys_still_starts(path: Path, sealer: Sealer) -> None:
    algorithms: tuple[Algorithm, ...] = ("ES256", "ES384", "EdDSA")
    often = replace(POLICY, algorithms=algorithms, max_token_seconds=10**6)
    keyring = await KeyRing.load(FileKeyStore(path), sealer, often, NOW)
    for number in range(1, 8):
        for alg in algorithms:
            assert isinstance(await keyring.rotate(alg, NOW + 100 * number), Rotated)
    assert len(keyring.listing()) == 3 * 9
    again = await KeyRing.load(FileKeyStore(path), sealer, often, NOW + 800)
    assert again.jwks_json() == keyring.jwks_json()


async def test_nodes_that_rotate_at_once_have_one_winner_and_refuse_no_token(
    store: KeyStore, sealer: Sealer
) -> None:
    """R14."""
    nodes = [await KeyRing.load(store, sealer, POLICY, NOW) for _ in range(4)]
    tokens = [node.signer("ES256").sign("JWT", CLAIMS) for node in nodes]
    outcomes = await asyncio.gather(
        *(node.rotate("ES256", NOW + 100) for node in nodes), return_exceptions=True
    )
    won = [outcome for outcome in outcomes if isinstance(outcome, Rotated)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, RingConflict | NotYet)]
    assert (len(won), len(won) + len(lost)) == (1, 4)
    tokens += [node.signer("ES256").sign("JWT", CLAIMS) for node in nodes]
    published = {record.kid for node in nodes for record in node.listing()}
    assert {node.signer("ES256").kid for node in nodes} <= published
    for node in nodes:
        await node.refresh(NOW + 101)
    for node in nodes:
        for token in tokens:
            assert verify(token, node.verification_keys(), EXPECTED, NOW + 101)
    assert len({node.jwks_json() for node in nodes}) == 1


SHORT = RotationPolicy(algorithms=("ES256",), rotate_after_seconds=4000)
LATE = 5


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(-600, 600), min_size=2, max_size=4),
    st.lists(
        st.tuples(st.integers(0, 3), st.booleans(), st.integers(1, 1500)), min_size=5, max_size=60
    ),
)
def test_clocks_ten_minutes_off_either_way_refuse_no_token(
    offsets: list[int], steps: list[tuple[int, bool, int]]
) -> None:
    """R12 for the ring: nodes act on clocks of their own, tokens and caches live in true time."""
    ring, true = first_ring(SHORT, make, NOW + offsets[0]), NOW
    first = {record.kid for record in ring.records}
    published = {record.kid: true for record in ring.records}
    signed: dict[str, int] = {}
    for who, by_hand, seconds in steps:
        true += seconds
        signed[active(ring)] = true + LATE  # another node may look at the ring a little later
        now = true + offsets[who % len(offsets)]
        if by_hand:
            outcome = rotate(ring, "ES256", SHORT, make, now)
            ring = outcome.ring if isinstance(outcome, Rotated) else ring
        else:
            ring = plan(ring, SHORT, make, now) or ring
        for record in ring.records:
            published.setdefault(record.kid, true + LATE)
        kid = active(ring)
        assert kid in first or true - published[kid] >= CACHE_SECONDS, "caches may lack it"
        living = {k for k, at in signed.items() if true - at < 3600}
        assert living <= {record.kid for record in ring.records}, "a living token lost its key"


async def test_a_running_provider_drops_a_revoked_key_by_itself(
    store: KeyStore, sealer: Sealer, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idp.flows.housekeeping.RING_SECONDS", 0.01)
    running = await KeyRing.load(store, sealer, POLICY, NOW)
    victim = running.signer("ES256")
    token = victim.sign("JWT", CLAIMS)
    assert verify(token, running.verification_keys(), EXPECTED, NOW)
    fences, ends = SqlFences(database), SqlSessionEnds(database)
    grants = SqlGrants(database, sealer)
    duties = asyncio.create_task(housekeeping(running, fences, grants, ends, lambda: NOW))
    await (await KeyRing.load(store, sealer, POLICY, NOW)).revoke(victim.kid, NOW)
    async with asyncio.timeout(10):
        while running.signer("ES256").kid == victim.kid:
            await asyncio.sleep(0.01)
    duties.cancel()
    assert victim.kid.encode() not in running.jwks_json()
    with pytest.raises(JoseRefused):
        verify(token, running.verification_keys(), EXPECTED, NOW)


async def test_no_fault_ends_a_duty_of_the_house(
    sealer: Sealer, path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RING_SECONDS", "SWEEP_SECONDS"):
        monkeypatch.setattr(f"idp.flows.housekeeping.{name}", 0.01)
    running = await KeyRing.load(FileKeyStore(path), sealer, POLICY, NOW)
    looks = []

    async def odd(now: int) -> None:
        looks.append(now)
        raise RuntimeError("odd")

    monkeypatch.setattr(running, "refresh", odd)
    monkeypatch.setattr("idp.flows.housekeeping.SWEPT_AT_ONCE", 2)
    fences, ends = SqlFences(database), SqlSessionEnds(database)
    grants = SqlGrants(database, sealer)
    old = [b"%d" % number for number in range(7)]
    for digest in old:
        await fences.once("t", digest, NOW - 1)
    long_ago = NOW - ENDED_KEPT_SECONDS - 1
    await ends.end(SessionId("s1"), SubjectId("ann"), long_ago, frozenset())
    ended = "SELECT sid FROM session_end"
    duties = asyncio.create_task(housekeeping(running, fences, grants, ends, lambda: NOW))
    async with asyncio.timeout(10):
        while (
            len(looks) < 3
            or any([await fences.taken("t", digest) for digest in old])
            or await database.one(ended)
        ):
            assert not duties.done()
            await asyncio.sleep(0.01)
    duties.cancel()


# --- sudden death --------------------------------------------------------------------------------


def times_stopped(kind: str, deed: str, address: str, fate: str) -> int:
    """How often `stopped_at_each_line` stopped a node; it fails where a token would be refused."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.keys.stopped_at_each_line"]
    done = subprocess.run(
        [*command, kind, deed, address, fate],
        capture_output=True, text=True, check=False, timeout=300, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout)


@pytest.mark.parametrize("kind", ["file", "sqlite", "postgres"])
@pytest.mark.parametrize("deed", ["rotate", "revoke", "refresh"])
def test_sudden_death_at_any_line_leaves_a_whole_ring(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, deed: str
) -> None:
    """X13, R14: SIGKILL before each line of the rooms that take part, with every store."""
    on_disk = kind != "postgres"
    address = str(tmp_path / "r") if on_disk else request.getfixturevalue("empty_postgres")
    assert times_stopped(kind, deed, address, "killed") > 30


@pytest.mark.parametrize("fate", ["overtaken", "late"])
def test_a_node_that_another_overtakes_at_any_line_costs_no_token(
    empty_postgres: str, fate: str
) -> None:
    """R14: two nodes rotate at once; the stopped one dies, or goes on with what it knew."""
    assert times_stopped("postgres", "rotate", empty_postgres, fate) > 30

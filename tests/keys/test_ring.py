"""The ring: publish before signing, keep until the last token has died, one winner per change."""

import asyncio
import secrets
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.blind import BlindIndex
from keys.errors import NoSuchKey, RingConflict, RingUnreadable, SealBroken
from keys.jose import JWT_OR_NONE, Expectation, verify
from keys.keyring import KeyRing
from keys.ring import Algorithm, KeyRecord, KeyState, Ring
from keys.rotation import (
    NotYet,
    Rotated,
    RotationPolicy,
    first_ring,
    plan,
    revoke,
    rotate,
)
from keys.seal import Sealer
from keys.sql import Database
from keys.store import FileKeyStore, KeyStore, SqlKeyStore, decode_ring, encode_ring

POLICY = RotationPolicy(
    algorithms=("ES256",), publish_ahead_seconds=100, max_token_seconds=300,
    rotate_after_seconds=1000,
)  # fmt: skip
NOW = 10_000


def make(alg: Algorithm, now: int) -> KeyRecord:
    kid = secrets.token_hex(4)
    return KeyRecord(
        kid=kid, alg=alg, state=KeyState.NEXT, published_at=now,
        public_jwk={"kid": kid}, sealed_private=b"x",
    )  # fmt: skip


def active(ring: Ring) -> str:
    found = ring.of("ES256", KeyState.ACTIVE)
    assert found is not None
    return found.kid


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["wait", "rotate", "plan"]), st.integers(1, 700)), max_size=40
    )
)
def test_no_token_is_signed_by_a_key_that_caches_may_lack_or_that_left_too_early(
    steps: list[tuple[str, int]],
) -> None:
    ring, now = first_ring(POLICY, make, NOW), NOW
    first = {record.kid for record in ring.records}
    published = {record.kid: now for record in ring.records}
    signed: dict[str, int] = {}
    for step, seconds in steps:
        now += seconds
        if step == "rotate":
            outcome = rotate(ring, "ES256", POLICY, make, now)
            ring = outcome.ring if isinstance(outcome, Rotated) else ring
        elif step == "plan":
            ring = plan(ring, POLICY, make, now) or ring
        for record in ring.records:
            published.setdefault(record.kid, now)
        kid = active(ring)
        signed[kid] = now
        assert kid in first or now - published[kid] >= POLICY.publish_ahead_seconds
        kept = {record.kid for record in ring.records}
        living = {k for k, at in signed.items() if now - at < POLICY.max_token_seconds}
        assert living <= kept, "a token that lives needs its key"


def test_time_alone_rotates_retires_and_refills() -> None:
    ring = first_ring(POLICY, make, NOW)
    assert plan(ring, POLICY, make, NOW) is None
    before = active(ring)
    rotated = plan(ring, POLICY, make, NOW + 1000)
    assert rotated is not None
    assert active(rotated) != before
    assert rotated.version == 2
    later = plan(rotated, POLICY, make, NOW + 1300)
    assert later is not None
    assert before not in {record.kid for record in later.records}


def test_an_algorithm_that_is_switched_on_later_gets_its_keys() -> None:
    ring = first_ring(POLICY, make, NOW)
    both = RotationPolicy(algorithms=("ES256", "RS256"))
    more = plan(ring, both, make, NOW)
    assert more is not None
    assert more.algorithms() == ("ES256", "RS256")
    assert rotate(ring, "RS256", POLICY, make, NOW) is None


def test_a_revoked_key_is_gone_at_once_and_another_signs() -> None:
    ring = first_ring(POLICY, make, NOW)
    victim = active(ring)
    without = revoke(ring, victim, make, NOW)
    assert without is not None
    assert victim not in {record.kid for record in without.records}
    assert active(without) != victim
    following = without.of("ES256", KeyState.NEXT)
    assert following is not None
    again = revoke(without, following.kid, make, NOW)
    assert again is not None
    assert again.of("ES256", KeyState.NEXT) is not None
    assert revoke(ring, "unknown", make, NOW) is None


@pytest.fixture(params=["file", "sql"])
def store(request: pytest.FixtureRequest, tmp_path: Path, database: Database) -> KeyStore:
    if request.param == "file":
        return FileKeyStore(tmp_path / "keys" / "ring.json")
    return SqlKeyStore(database)


async def test_a_ring_is_swapped_by_one_of_many(store: KeyStore) -> None:
    ring = first_ring(POLICY, make, NOW)
    assert await store.load() is None
    won = await asyncio.gather(*(store.swap(None, ring) for _ in range(8)))
    assert sum(won) == 1
    following = Ring(version=2, records=ring.records)
    won = await asyncio.gather(*(store.swap(1, following) for _ in range(8)))
    assert sum(won) == 1
    assert await store.load() == following


async def test_two_nodes_that_start_at_once_agree_on_their_keys(
    store: KeyStore, sealer: Sealer
) -> None:
    nodes = await asyncio.gather(*(KeyRing.load(store, sealer, POLICY, NOW) for _ in range(2)))
    assert nodes[0].jwks_json() == nodes[1].jwks_json()
    assert nodes[0].algorithms() == ("ES256",)


async def test_a_node_that_rotates_is_followed_by_the_others(
    store: KeyStore, sealer: Sealer
) -> None:
    one, two = [await KeyRing.load(store, sealer, POLICY, NOW) for _ in range(2)]
    before = two.signer("ES256")
    token = before.sign("JWT", b'{"iss":"i","aud":"a","exp":20000}')
    early = await one.rotate("ES256", NOW)
    assert early == NotYet(NOW + 100)
    assert isinstance(await one.rotate("ES256", NOW + 100), Rotated)
    await two.refresh(NOW + 101)
    assert two.signer("ES256").kid == one.signer("ES256").kid != before.kid
    expected = Expectation(
        algorithms=frozenset({"ES256"}), typ=JWT_OR_NONE, issuer="i", audience="a"
    )
    assert verify(token, two.verification_keys(), expected, NOW + 101)
    await one.revoke(before.kid, NOW + 102)
    assert before.kid not in {record.kid for record in one.listing()}
    with pytest.raises(NoSuchKey):
        await one.revoke("unknown", NOW)
    with pytest.raises(NoSuchKey):
        await one.rotate("RS256", NOW)
    with pytest.raises(NoSuchKey):
        await one.rotate("HS256", NOW)
    with pytest.raises(NoSuchKey):
        one.signer("RS256")


class _Losing:
    """A store that somebody else always changes first."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring

    async def load(self) -> Ring | None:
        return self.ring

    async def swap(self, expected_version: int | None, ring: Ring) -> bool:
        return False


async def test_a_lost_race_is_told_and_nothing_is_changed(sealer: Sealer, tmp_path: Path) -> None:
    real = FileKeyStore(tmp_path / "ring.json")
    await KeyRing.load(real, sealer, POLICY, NOW)
    ring = await real.load()
    assert ring is not None
    losing = await KeyRing.load(_Losing(ring), sealer, POLICY, NOW + 5000)
    with pytest.raises(RingConflict):
        await losing.rotate("ES256", NOW + 5000)


async def test_a_ring_of_another_kek_or_a_damaged_one_is_told(
    sealer: Sealer, tmp_path: Path
) -> None:
    path = tmp_path / "ring.json"
    await KeyRing.load(FileKeyStore(path), sealer, POLICY, NOW)
    other = Sealer([secrets.token_bytes(32)], entropy=secrets.token_bytes)
    with pytest.raises(RingUnreadable, match="key-encryption key"):
        await KeyRing.load(FileKeyStore(path), other, POLICY, NOW)
    path.chmod(0o644)
    with pytest.raises(RingUnreadable, match="0600"):
        await FileKeyStore(path).load()
    for text in ("", "{}", '{"version":1,"keys":[{}]}', "[1]"):
        with pytest.raises(RingUnreadable):
            decode_ring(text)


def test_a_ring_survives_its_encoding() -> None:
    ring = first_ring(POLICY, make, NOW)
    assert decode_ring(encode_ring(ring)) == ring


def test_what_is_sealed_opens_only_as_it_was_sealed(sealer: Sealer) -> None:
    sealed = sealer.seal("purpose", b"secret", b"context")
    assert sealer.open("purpose", sealed, b"context") == b"secret"
    wrong = [
        ("other", sealed, b"context"),
        ("purpose", sealed, b"other"),
        ("purpose", b"", b"context"),
    ]
    wrong += [
        ("purpose", sealed[:n] + bytes([sealed[n] ^ 1]) + sealed[n + 1 :], b"context")
        for n in range(len(sealed))
    ]
    for purpose, value, context in wrong:
        with pytest.raises(SealBroken):
            sealer.open(purpose, value, context)


def test_a_handle_is_compared_whole(sealer: Sealer) -> None:
    handle = sealer.seal_handle("ac", b"x", b"c1")
    assert sealer.open_handle("ac", handle, b"c1") == b"x"
    for wrong in (
        handle[:-1],
        handle + "A",
        handle + "=",
        "at" + handle[2:],
        "é",
        "",
        "ac_",
        "ac_!",
    ):
        with pytest.raises(SealBroken):
            sealer.open_handle("ac", wrong, b"c1")
    with pytest.raises(SealBroken):
        sealer.open_handle("at", "at" + handle[2:], b"c1")
    with pytest.raises(SealBroken):
        sealer.open_handle("at", "at_AB", b"c1")


def test_an_older_kek_still_opens_and_the_newer_one_seals() -> None:
    old, new = secrets.token_bytes(32), secrets.token_bytes(32)
    before = Sealer([old], entropy=secrets.token_bytes).seal("p", b"x")
    both = Sealer([new, old], entropy=secrets.token_bytes)
    assert both.open("p", before) == b"x"
    with pytest.raises(SealBroken):
        Sealer([old], entropy=secrets.token_bytes).open("p", both.seal("p", b"x"))
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer([b"short"], entropy=secrets.token_bytes)


def test_the_salt_is_renewed_long_before_nonces_could_meet(
    sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keys import seal

    monkeypatch.setattr(seal, "MAX_MESSAGES_PER_SALT", 2)
    monkeypatch.setattr(seal, "MAX_OPENING_KEYS", 2)
    sealer._renew()
    values = [sealer.seal("p", b"x") for _ in range(12)]
    assert len({value[5:21] for value in values}) > 3
    assert all(sealer.open("p", value) == b"x" for value in values)


def test_a_blind_index_separates_kinds() -> None:
    index = BlindIndex(b"k" * 32)
    assert index.digest("a", "x") == index.digest("a", "x")
    assert len({index.digest("a", "x"), index.digest("b", "x"), index.digest("a", "y")}) == 3
    assert BlindIndex(b"l" * 32).digest("a", "x") != index.digest("a", "x")

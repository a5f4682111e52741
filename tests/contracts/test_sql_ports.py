"""What every SQL store promises, on SQLite and on PostgreSQL."""

import asyncio
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import (
    AccountId,
    Assurance,
    PairwiseSub,
    SectorId,
    SessionId,
    SubjectId,
    SystemId,
)
from connectors.links.model import Evidence, Link, LinkState, Transition
from connectors.links.sql import SqlLinks
from connectors.links.store import AccountTaken, Opened
from idp.authn.usernames import fold
from idp.model import ClientId, Family, FamilyId, GateClosed, Redeemed, Replayed
from idp.protocol.handles import new_family_id
from idp.store.accounts import SqlAccounts
from idp.store.fences import SqlFences
from idp.store.grants import SqlGrants
from idp.store.session_ends import MAX_NAMES, SqlSessionEnds
from idp.store.sql_migrate import migrate
from keys.blind import BlindIndex
from keys.seal import Sealer
from keys.sql import Database, StoreUnavailableError
from tests.people import ALICE_NAME, PRIVATE, make_person

NOW = 1_800_000_000
SECTOR, SYSTEM, SID = SectorId("sec"), SystemId("sys"), SessionId("sid-1")
ALICE = make_person("anh.tuyet", ALICE_NAME, "074185999111", "x", "hash").account


@pytest.fixture
def accounts(database: Database, sealer: Sealer) -> SqlAccounts:
    return SqlAccounts(database, sealer, BlindIndex(b"k" * 32))


@pytest.fixture
def grants(database: Database, sealer: Sealer) -> SqlGrants:
    return SqlGrants(database, sealer)


@pytest.fixture
async def alice(accounts: SqlAccounts) -> SubjectId:
    assert await accounts.add(ALICE, fold(ALICE.username), NOW)
    return ALICE.subject


def a_family(subject: SubjectId, family_id: str = "f1", **changes: Any) -> Family:
    family = Family(
        family_id=FamilyId(family_id),
        client_id=ClientId("c1"),
        subject=subject,
        sub=PairwiseSub("sub"),
        sid=SID,
        scopes=frozenset({"openid", "profile"}),
        claims_request="",
        assurance=Assurance.LEVEL_2,
        amr=("pwd", "otp"),
        authenticated_at=NOW,
        created_at=NOW,
        expires_at=NOW + 600,
        refreshable=True,
        offline=False,
    )
    return replace(family, **changes)


async def test_an_account_is_found_by_its_folded_name_and_holds_what_was_stored(
    accounts: SqlAccounts, alice: SubjectId
) -> None:
    assert await accounts.by_username(fold("ANH.TUYET")) == ALICE
    assert await accounts.by_subject(alice) == ALICE
    assert await accounts.by_username("nobody") is None
    assert await accounts.by_subject(SubjectId("nobody")) is None


async def test_a_user_name_is_taken_once(accounts: SqlAccounts, alice: SubjectId) -> None:
    twin = replace(ALICE, subject=SubjectId("other"))
    assert not await accounts.add(twin, fold("Anh.Tuyet"), NOW)
    assert await accounts.by_subject(SubjectId("other")) is None


async def test_a_dump_holds_no_personal_data(
    database: Database, grants: SqlGrants, alice: SubjectId
) -> None:
    rows = await database.rows("SELECT * FROM subject")
    dump = b"|".join(
        v if isinstance(v, bytes) else str(v).encode() for row in rows for v in dict(row).values()
    )
    assert not [secret for secret in PRIVATE if secret.encode() in dump]


async def test_a_totp_step_is_taken_by_one_of_many(accounts: SqlAccounts, alice: SubjectId) -> None:
    taken = await asyncio.gather(*(accounts.take_totp_step(alice, 100) for _ in range(20)))
    assert sum(taken) == 1
    assert not await accounts.take_totp_step(alice, 99)
    assert await accounts.take_totp_step(alice, 101)


async def test_a_password_hash_can_be_renewed(accounts: SqlAccounts, alice: SubjectId) -> None:
    await accounts.set_password_hash(alice, "newer")
    found = await accounts.by_subject(alice)
    assert found is not None
    assert found.password_hash == "newer"


async def test_a_code_is_redeemed_by_one_of_fifty(grants: SqlGrants, alice: SubjectId) -> None:
    outcomes = await asyncio.gather(*(grants.redeem(a_family(alice)) for _ in range(50)))
    assert outcomes.count(Redeemed()) == 1
    assert outcomes.count(Replayed()) == 49


async def test_the_gate_closes_for_the_disabled_the_unknown_and_ended_sessions(
    accounts: SqlAccounts, grants: SqlGrants, database: Database, alice: SubjectId
) -> None:
    assert await grants.redeem(a_family(SubjectId("nobody"))) == GateClosed()
    await accounts.set_enabled(alice, enabled=False)
    assert await grants.redeem(a_family(alice)) == GateClosed()
    await accounts.set_enabled(alice, enabled=True)
    await SqlSessionEnds(database).end(SID, alice, NOW, frozenset())
    assert await grants.redeem(a_family(alice)) == GateClosed()
    assert await grants.redeem(a_family(alice, sid=SessionId("sid-2"))) == Redeemed()
    assert not await accounts.set_enabled(SubjectId("nobody"), enabled=True)


async def test_a_family_comes_back_as_it_was_stored(grants: SqlGrants, alice: SubjectId) -> None:
    family = a_family(alice)
    await grants.redeem(family)
    standing = await grants.family(family.family_id, SYSTEM, b"")
    assert standing is not None
    assert standing.family == family
    assert standing.attributes == ALICE.attributes
    assert standing.live(NOW)
    assert not standing.live(NOW + 600)
    assert await grants.family(FamilyId("none"), SYSTEM, b"") is None


async def test_a_rotation_has_one_winner(grants: SqlGrants, alice: SubjectId) -> None:
    family = a_family(alice)
    await grants.redeem(family)
    won = await asyncio.gather(*(grants.rotate(family.family_id, 0, NOW) for _ in range(20)))
    assert sum(won) == 1
    assert await grants.rotate(family.family_id, 1, NOW)
    assert await grants.revoke_family(family.family_id, "test", NOW)
    assert not await grants.revoke_family(family.family_id, "test", NOW)
    assert not await grants.rotate(family.family_id, 2, NOW)
    standing = await grants.family(family.family_id, SYSTEM, b"")
    assert standing is not None
    assert standing.revoked
    assert not standing.live(NOW)


async def test_a_pairwise_sub_is_made_once(grants: SqlGrants, alice: SubjectId) -> None:
    subs = await asyncio.gather(
        *(grants.pairwise(alice, SECTOR, PairwiseSub(f"s{n}"), NOW) for n in range(20))
    )
    assert len(set(subs)) == 1
    other = await grants.pairwise(alice, SectorId("other"), PairwiseSub("t"), NOW)
    assert other not in subs


async def test_a_standing_tells_the_gate_the_consent_and_the_links_of_one_system(
    grants: SqlGrants, database: Database, alice: SubjectId
) -> None:
    await grants.consent(alice, ClientId("c1"), frozenset({"openid"}), NOW)
    await grants.consent(alice, ClientId("c1"), frozenset({"profile"}), NOW)
    links = SqlLinks(database)
    for system, account in ((SYSTEM, "a1"), (SystemId("elsewhere"), "b1")):
        assert await links.open(a_link(alice, system, account), BY_TEST) == Opened()
    standing = await grants.standing(alice, "c1", SECTOR, SYSTEM, SID)
    assert standing is not None
    assert standing.consented == {"openid", "profile"}
    assert standing.accounts == (AccountId("a1"),)
    assert (standing.sub, standing.enabled, standing.session_ended) == (None, True, False)
    assert await grants.standing(SubjectId("nobody"), "c1", SECTOR, SYSTEM, SID) is None

    person = await grants.person(alice)
    assert person is not None
    assert person[2] == ALICE.attributes
    assert await grants.person(SubjectId("nobody")) is None


async def test_a_presence_is_the_standing_and_what_is_known_of_the_person(
    grants: SqlGrants, alice: SubjectId
) -> None:
    await grants.pairwise(alice, SECTOR, PairwiseSub("s-1"), NOW)
    presence = await grants.presence(alice, "system:sys", SECTOR, SYSTEM, SID)
    assert presence is not None
    assert presence[0] == await grants.standing(alice, "system:sys", SECTOR, SYSTEM, SID)
    assert presence[0].sub == "s-1"
    assert presence[1] == ALICE.attributes
    nobody = SubjectId("nobody")
    assert await grants.presence(nobody, "system:sys", SECTOR, SYSTEM, SID) is None


async def test_a_fence_has_one_winner_and_is_swept(database: Database) -> None:
    fences = SqlFences(database)
    won = await asyncio.gather(*(fences.once("jti", b"d", NOW) for _ in range(50)))
    assert sum(won) == 1
    assert await fences.once("other", b"d", NOW + 10)
    assert await fences.taken("jti", b"d")
    assert await fences.sweep(NOW + 1, 10) == 1
    assert not await fences.taken("jti", b"d")
    assert await fences.taken("other", b"d")


async def test_ending_a_session_revokes_its_families_but_not_the_offline_ones(
    grants: SqlGrants, database: Database, alice: SubjectId
) -> None:
    online, offline = a_family(alice, "f1"), a_family(alice, "f2", offline=True)
    await grants.redeem(online)
    await grants.redeem(offline)
    ends = SqlSessionEnds(database)
    notices = await ends.end(SID, alice, NOW, frozenset({"c1"}))
    assert [n.participant for n in notices] == ["c1"]
    assert await ends.end(SID, alice, NOW, frozenset({"c1"})) == notices
    living = [await grants.family(f.family_id, None, b"") for f in (online, offline)]
    assert [s.live(NOW) for s in living if s] == [False, True]


async def test_a_participant_is_told_once_for_each_name_that_it_knows_a_session_by(
    database: Database, alice: SubjectId
) -> None:
    ends, sub = SqlSessionEnds(database), PairwiseSub("sub")
    for name in ("", "ST-1 https://a.test/", "ST-2 https://a.test/", "ST-2 https://a.test/"):
        assert await ends.join(SID, alice, "system:land", sub, NOW, name)
    told = await ends.end(SID, alice, NOW, frozenset({"system:land"}))
    assert sorted(notice.known_as for notice in told) == [
        "", "ST-1 https://a.test/", "ST-2 https://a.test/",
    ]  # fmt: skip
    assert len(await ends.end(SID, alice, NOW, frozenset({"system:land"}))) == 3, "and not again"
    due = await ends.due(NOW, 10, 30)
    assert {notice.known_as for notice in due} == {notice.known_as for notice in told}
    assert not await ends.join(SID, alice, "system:land", sub, NOW, "ST-3 https://a.test/")


async def test_of_very_many_names_the_newest_are_told(database: Database, alice: SubjectId) -> None:
    ends = SqlSessionEnds(database)
    for number in range(MAX_NAMES + 5):
        name = f"ST-{number} https://a.test/"
        assert await ends.join(SID, alice, "system:land", PairwiseSub("s"), NOW + number, name)
    told = await ends.end(SID, alice, NOW + 100, frozenset({"system:land"}))
    assert len(told) == MAX_NAMES
    assert "ST-4 https://a.test/" not in {notice.known_as for notice in told}
    assert await ends.sweep(NOW + 200, NOW + 150, 500) > 0, "what has joined is swept by its age"


async def test_a_notice_is_leased_to_one_node(
    grants: SqlGrants, database: Database, alice: SubjectId
) -> None:
    await grants.redeem(a_family(alice))
    ends = SqlSessionEnds(database)
    await ends.end(SID, alice, NOW, frozenset({"c1"}))
    leased = await asyncio.gather(*(ends.due(NOW, 10, 30) for _ in range(8)))
    assert sum(map(len, leased)) == 1
    again = await ends.due(NOW + 31, 10, 30)
    assert len(again) == 1
    await ends.failed(again[0].notice_id, NOW + 31, NOW + 100)
    assert not await ends.due(NOW + 99, 10, 30)
    later = await ends.due(NOW + 100, 10, 30)
    assert later[0].attempts == 1
    await ends.delivered(later[0].notice_id, NOW + 100)
    assert not await ends.due(NOW + 10_000, 10, 30)


async def test_expired_fences_are_swept_a_few_at_a_time(database: Database) -> None:
    fences = SqlFences(database)
    for number in range(5):
        assert await fences.once("jti", b"%d" % number, NOW - number)
    assert [await fences.sweep(NOW + 1, 2) for _ in range(4)] == [2, 2, 1, 0]


async def test_expired_families_are_swept_a_few_at_a_time_and_living_ones_stay(
    grants: SqlGrants, alice: SubjectId
) -> None:
    ids = [new_family_id(NOW + n, b"%010d" % n) for n in range(5)]
    for number, family_id in enumerate(ids):
        lives_until = NOW + (10_000 if number == 1 else 600)
        family = a_family(alice, family_id, created_at=NOW + number, expires_at=lives_until)
        assert await grants.redeem(family) == Redeemed()
    later, after = NOW + 601, FamilyId("")
    walked = []
    while (last := await grants.sweep(later, after, 2)) is not None:
        walked.append(last)
        after = last
    assert walked == [ids[1], ids[3], ids[4]]
    assert await grants.sweep(NOW, FamilyId(""), 10) is None, "none is so old"
    left = [i for i in ids if await grants.family(i, None, b"") is not None]
    assert left == [ids[1]]


async def rows_of(database: Database) -> dict[str, int]:
    tables = ("session_end", "notice", "participation")
    return {name: len(await database.rows(f"SELECT sid FROM {name}")) for name in tables}


async def test_an_ended_session_is_forgotten_with_its_notices_when_all_of_it_is_over(
    grants: SqlGrants, database: Database, alice: SubjectId
) -> None:
    ends = SqlSessionEnds(database)
    await grants.redeem(a_family(alice))
    assert await ends.join(SID, alice, "system:onestop", PairwiseSub("sub"), NOW)
    first, second = await ends.end(SID, alice, NOW, frozenset({"c1", "system:onestop"}))
    later = NOW + 601
    await ends.delivered(first.notice_id, NOW)
    assert await ends.sweep(later, NOW, 10) == 0, "it has just ended"
    assert (await ends.sweep(later, NOW + 1, 10), (await rows_of(database))["notice"]) == (1, 2)
    await ends.failed(second.notice_id, NOW, None)
    assert await ends.sweep(NOW + 599, NOW + 1, 10) == 0, "its family has not expired"
    assert (await rows_of(database))["session_end"] == 1
    assert await ends.sweep(later, NOW + 1, 10) == 1
    assert await rows_of(database) == {"session_end": 0, "notice": 0, "participation": 0}


async def test_sessions_are_forgotten_a_few_at_a_time_and_the_oldest_first(
    database: Database, alice: SubjectId
) -> None:
    ends = SqlSessionEnds(database)
    for number in range(5):
        await ends.end(SessionId(f"s{number}"), alice, NOW - number, frozenset())
    assert await ends.sweep(NOW, NOW + 1, 2) == 2
    left = await database.rows("SELECT sid FROM session_end ORDER BY sid")
    assert [row["sid"] for row in left] == ["s0", "s1", "s2"]
    assert [await ends.sweep(NOW, NOW + 1, 2) for _ in range(3)] == [2, 1, 0]


async def test_a_participation_in_a_session_that_nobody_ended_is_forgotten_by_its_age(
    database: Database, alice: SubjectId
) -> None:
    ends = SqlSessionEnds(database)
    for number in range(3):
        sid = SessionId(f"s{number}")
        assert await ends.join(sid, alice, "system:onestop", PairwiseSub("sub"), NOW + number)
    assert [await ends.sweep(NOW, NOW + 2, 1) for _ in range(3)] == [1, 1, 0]
    assert (await rows_of(database))["participation"] == 1


async def test_nodes_that_sweep_at_once_do_not_hold_each_other_up(
    database: Database, alice: SubjectId
) -> None:
    ends = SqlSessionEnds(database)
    for number in range(30):
        await ends.end(SessionId(f"s{number}"), alice, NOW, frozenset())
    await asyncio.gather(*(ends.sweep(NOW, NOW + 1, 20) for _ in range(6)))
    await ends.sweep(NOW, NOW + 1, 30)
    assert (await rows_of(database))["session_end"] == 0


BY_TEST = Transition(
    actor="test", reason="test", evidence=Evidence(rule="t", rule_version=1), at=NOW
)


def a_link(subject: SubjectId, system: SystemId, account: str) -> Link:
    return Link(
        link_id=secrets.token_hex(8),
        subject=subject,
        system=system,
        account=AccountId(account),
        state=LinkState.ACTIVE,
        version=1,
        created_at=NOW,
    )


async def test_an_account_never_has_two_holders(
    accounts: SqlAccounts, database: Database, alice: SubjectId
) -> None:
    bob = replace(ALICE, subject=SubjectId("bob"), username="bao.khanh")
    assert await accounts.add(bob, fold("bao.khanh"), NOW)
    links = SqlLinks(database)
    wanted = [a_link(alice if n % 2 else bob.subject, SYSTEM, "old") for n in range(50)]
    outcomes = await asyncio.gather(*(links.open(link, BY_TEST) for link in wanted))
    assert sum(o == Opened() for o in outcomes) == 1
    assert AccountTaken(by_same_subject=False) in outcomes
    assert AccountTaken(by_same_subject=True) in outcomes
    rows = await database.rows("SELECT * FROM link_transition")
    assert len(rows) == 1


async def test_of_several_linked_accounts_the_oldest_link_comes_first(
    database: Database, grants: SqlGrants, alice: SubjectId
) -> None:
    for account, at in (("b", NOW + 2), ("c", NOW + 1), ("a", NOW + 2)):
        opened = replace(BY_TEST, at=at)
        assert await SqlLinks(database).open(a_link(alice, SYSTEM, account), opened) == Opened()
    standing = await grants.standing(alice, "c1", SECTOR, SYSTEM, SID)
    assert standing is not None
    assert standing.accounts == ("c", "a", "b")
    assert await grants.redeem(a_family(alice)) == Redeemed()
    family = await grants.family(FamilyId("f1"), SYSTEM, b"")
    assert family is not None
    assert family.accounts == ("c", "a", "b")


async def test_a_link_moves_by_compare_and_swap_and_frees_its_account_at_the_end(
    database: Database, alice: SubjectId
) -> None:
    links = SqlLinks(database)
    link = a_link(alice, SYSTEM, "old")
    await links.open(link, BY_TEST)
    moved = await asyncio.gather(*(links.move(link, LinkState.ENDED, BY_TEST) for _ in range(10)))
    assert sum(moved) == 1
    assert await links.holder_of(SYSTEM, AccountId("old")) is None
    assert not await links.of_subject(alice, SYSTEM)
    assert await links.open(a_link(alice, SYSTEM, "old"), BY_TEST) == Opened()


async def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.transaction() as statements:
            await statements.change(
                "INSERT INTO fence (kind, digest, expires_at) VALUES ($1, $2, $3)", "t", b"1", 1
            )
            raise RuntimeError
    assert not await SqlFences(database).taken("t", b"1")
    assert not await database.rows("SELECT * FROM fence")


async def test_a_statement_that_breaks_a_rule_does_not_break_the_connection(
    database: Database,
) -> None:
    sql = "INSERT INTO fence (kind, digest, expires_at) VALUES ($1, $2, $3)"
    await database.change(sql, "t", b"1", 1)
    with pytest.raises(Exception, match=r"(?i)unique"):
        await database.change(sql, "t", b"1", 1)
    assert await database.one("SELECT 1 AS up") is not None


async def test_cancelled_requests_never_get_anothers_answer(database: Database) -> None:
    """X07: after a storm of cancelled statements every answer belongs to its asker."""

    async def ask(number: int) -> int:
        row = await database.one("SELECT CAST($1 AS BIGINT) AS n", number)
        assert row is not None
        return int(row["n"] or 0)

    storm = [asyncio.create_task(ask(n)) for n in range(300)]
    await asyncio.sleep(0)
    for task in storm[::2]:
        task.cancel()
    await asyncio.gather(*storm, return_exceptions=True)
    assert await asyncio.gather(*(ask(n) for n in range(300))) == list(range(300))


async def test_a_migration_can_be_run_again(database_url: str) -> None:
    for _ in range(2):
        migrate(database_url)


async def test_consents_given_at_the_same_moment_are_all_kept(
    grants: SqlGrants, alice: SubjectId
) -> None:
    for number in range(5):
        client = ClientId(f"c{number}")
        await asyncio.gather(
            *(grants.consent(alice, client, frozenset({s}), NOW) for s in "abcdef")
        )
        standing = await grants.standing(alice, client, SECTOR, None, SID)
        assert standing is not None
        assert standing.consented == frozenset("abcdef")


async def test_a_database_that_is_gone_is_told_as_such(tmp_path: Path) -> None:
    from idp.store.postgres import PostgresDatabase
    from idp.store.sqlite import SqliteDatabase

    with pytest.raises(StoreUnavailableError):
        await PostgresDatabase.connect("postgresql://nobody@127.0.0.1:1/none")
    empty = SqliteDatabase(tmp_path / "empty.sqlite")
    with pytest.raises(StoreUnavailableError):
        await empty.one("SELECT * FROM subject")
    await empty.close()

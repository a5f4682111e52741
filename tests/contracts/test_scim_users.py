"""What the store of pushed accounts promises, on SQLite and on PostgreSQL."""

import asyncio
import secrets
from dataclasses import replace

import pytest

from connectors.contract import PairwiseSub, PersonAttributes, SessionId, SubjectId
from idp.authn.usernames import fold
from idp.flows.end_subject import SubjectEnd
from idp.model import ConnectorId
from idp.store.accounts import SqlAccounts
from idp.store.scim import Kind, SqlScim, Stored
from idp.store.scim_users import NOBODY, Change, SqlScimUsers, Staff, merged
from idp.store.sealed_columns import open_attributes
from idp.store.session_ends import SqlSessionEnds
from keys.blind import BlindIndex
from keys.seal import Sealer
from keys.sql import Database
from tests.contracts.test_sql_ports import ALICE, a_family

NOW = 1_800_000_000
R1, R2 = ConnectorId("r1"), ConnectorId("r2")
INDEX = BlindIndex(b"k" * 32)


@pytest.fixture
def resources(database: Database, sealer: Sealer) -> SqlScim:
    return SqlScim(database, sealer, INDEX)


@pytest.fixture
def users(database: Database, sealer: Sealer, resources: SqlScim) -> SqlScimUsers:
    return SqlScimUsers(database, sealer, INDEX, resources)


def staff(username: str, **changes: object) -> Staff:
    made = Staff(
        document=b'{"userName": "bi-mat-cua-can-bo"}',
        external_id=f"nv-{username}",
        username=username,
        folded=fold(username),
        attributes=PersonAttributes(full_name="Cán bộ", email="cb@vidu.example"),
        enabled=True,
        password_hash=None,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


async def made(
    users: SqlScimUsers, resources: SqlScim, username: str, connector: ConnectorId = R1
) -> Stored:
    user_id = secrets.token_hex(16)
    subject = SubjectId(secrets.token_hex(16))
    assert await users.add(connector, user_id, subject, staff(username), NOW)
    stored = await resources.find(connector, Kind.USER, user_id)
    assert stored is not None
    return stored


async def test_of_creations_at_once_one_takes_the_name(
    users: SqlScimUsers, database: Database
) -> None:
    adding = [
        users.add(R1, secrets.token_hex(16), SubjectId(secrets.token_hex(16)), staff("trung"), NOW)
        for _ in range(50)
    ]
    assert sorted(await asyncio.gather(*adding)) == [False] * 49 + [True]
    row = await database.one("SELECT COUNT(*) AS found FROM scim_resource")
    assert row is not None
    assert row["found"] == 1


async def test_of_renamings_at_once_one_takes_the_name(
    users: SqlScimUsers, resources: SqlScim, database: Database
) -> None:
    """Among them a creation; nobody is left without a name, and no placeholder stays."""
    olds = [await made(users, resources, f"can-bo-{n}") for n in range(8)]
    changing = [users.change(R1, old, staff("moi"), NOW) for old in olds]
    adding = users.add(R1, secrets.token_hex(16), SubjectId("s-new"), staff("moi"), NOW)
    *changed, added = await asyncio.gather(*changing, adding)
    taken = [each for each in changed if each is Change.DONE]
    assert len(taken) + int(added is True) == 1
    assert set(changed) <= {Change.DONE, Change.TAKEN}
    row = await database.one("SELECT COUNT(*) AS found FROM subject WHERE username_digest IS NULL")
    assert row is not None
    assert row["found"] == 0
    left = await database.rows("SELECT id FROM subject WHERE id LIKE 'reserve%'")
    assert list(left) == []


async def test_a_change_that_meets_another_one_is_told(
    users: SqlScimUsers, resources: SqlScim
) -> None:
    stored = await made(users, resources, "a")
    outcomes = await asyncio.gather(
        *(users.change(R1, stored, staff("a", enabled=None), NOW) for _ in range(5))
    )
    assert sorted(each.value for each in outcomes) == ["done"] + ["stale"] * 4
    assert await users.change(R2, stored, staff("b"), NOW) is Change.STALE, "not its own"
    assert not await users.remove(R2, await again(resources, stored), NOW)
    assert await users.remove(R1, await again(resources, stored), NOW)
    assert not await users.remove(R1, stored, NOW)


async def again(resources: SqlScim, stored: Stored) -> Stored:
    found = await resources.find(R1, Kind.USER, stored.resource_id)
    assert found is not None
    return found


async def test_lists_and_look_ups_know_one_connector_alone(
    users: SqlScimUsers, resources: SqlScim
) -> None:
    ours = [await made(users, resources, f"can-bo-{n}") for n in range(5)]
    other = await made(users, resources, "khac", R2)
    page = await resources.page(R1, Kind.USER, 1, 2)
    in_order = sorted(ours, key=lambda each: (each.created_at, each.resource_id))
    assert page.total == 5
    assert [each.resource_id for each in page.found] == [e.resource_id for e in in_order[1:3]]
    assert await resources.find(R1, Kind.USER, other.resource_id) is None
    assert await resources.find(R2, Kind.GROUP, other.resource_id) is None
    assert await resources.by_username(R1, "khac") is None
    assert await resources.by_username(R2, "khac") == other
    assert await resources.by_external_id(R1, Kind.USER, "nv-khac", 9) == []
    assert await resources.by_external_id(R2, Kind.USER, "nv-khac", 9) == [other]
    ids = [other.resource_id, ours[0].resource_id]
    assert await resources.own_users(R1, ids) == {ours[0].resource_id}


async def test_a_removed_account_leaves_a_tombstone_without_a_person(
    users: SqlScimUsers, resources: SqlScim, database: Database, sealer: Sealer
) -> None:
    stored = await made(users, resources, "can-bo")
    await resources.add_group(R1, "g" * 32, b"{}", None, [stored.resource_id], NOW)
    assert await resources.groups_of([stored.resource_id]) == {stored.resource_id: ["g" * 32]}
    assert await users.remove(R1, stored, NOW + 1)
    assert await resources.members_of(["g" * 32]) == {"g" * 32: []}
    row = await database.one("SELECT * FROM subject WHERE id = $1", stored.subject)
    assert row is not None
    assert (row["enabled"], row["username_digest"], row["username_sealed"]) == (0, None, None)
    assert open_attributes(sealer, str(stored.subject), bytes(row["attributes_sealed"])) == NOBODY  # type: ignore[arg-type]
    kept = await database.one("SELECT * FROM scim_resource WHERE id = $1", stored.resource_id)
    assert kept is not None
    assert (kept["document_sealed"], kept["external_digest"]) == (None, None)
    later = await made(users, resources, "can-bo")
    assert later.subject != stored.subject


async def test_nothing_personal_stands_in_the_tables_in_clear(
    users: SqlScimUsers, resources: SqlScim, database: Database
) -> None:
    await made(users, resources, "bi.danh.can.bo")
    for table in ("subject", "scim_resource"):
        for row in await database.rows(f"SELECT * FROM {table}"):
            dump = b"".join(v if isinstance(v, bytes) else str(v).encode() for v in row)
            for secret in ("bi.danh", "nv-bi", "bi-mat", "Cán bộ", "vidu.example"):
                assert secret.encode() not in dump


async def test_an_account_without_a_password_is_nobody_to_the_login(
    users: SqlScimUsers, resources: SqlScim, database: Database, sealer: Sealer
) -> None:
    """The login answers for it at the cost of an unknown name."""
    accounts = SqlAccounts(database, sealer, INDEX)
    stored = await made(users, resources, "can-bo")
    assert await accounts.by_username("can-bo") is None
    with_one = staff("can-bo", password_hash="hash", enabled=None)
    assert await users.change(R1, stored, with_one, NOW) is Change.DONE
    account = await accounts.by_username("can-bo")
    assert account is not None
    assert account.subject == stored.subject


async def test_whom_an_administrator_disabled_no_ordinary_change_enables(
    users: SqlScimUsers, resources: SqlScim, database: Database, sealer: Sealer
) -> None:
    stored = await made(users, resources, "can-bo")
    assert stored.subject is not None
    accounts = SqlAccounts(database, sealer, INDEX)
    await accounts.set_enabled(stored.subject, enabled=False)
    assert await users.change(R1, stored, staff("can-bo", enabled=None), NOW) is Change.DONE
    row = await database.one("SELECT enabled FROM subject WHERE id = $1", stored.subject)
    assert row is not None
    assert row["enabled"] == 0


def test_what_was_proven_stays_for_the_same_value_only() -> None:
    before = PersonAttributes(
        full_name="A", personal_number="1", email="a@x", email_verified=True,
        phone="1", phone_verified=True,
    )  # fmt: skip
    same = merged(before, PersonAttributes(full_name="B", email="a@x", phone="2"))
    assert (same.full_name, same.personal_number) == ("B", "1")
    assert (same.email_verified, same.phone_verified) == (True, False)
    pushed = PersonAttributes(full_name="B", email="b@x", email_verified=True)
    assert not merged(before, pushed).email_verified


async def test_everything_that_runs_under_a_subject_ends(
    database: Database, sealer: Sealer
) -> None:
    """Sessions without any system, those with one, and offline families; nobody else's."""
    from idp.store.grants import SqlGrants

    subject = ALICE.subject
    assert await SqlAccounts(database, sealer, INDEX).add(ALICE, "anh.tuyet", NOW)
    other = replace(ALICE, subject=SubjectId("bob"))
    assert await SqlAccounts(database, sealer, INDEX).add(other, "bob", NOW)
    grants, ends = SqlGrants(database, sealer), SqlSessionEnds(database)
    for sid in ("sid-1", "sid-2"):
        assert await ends.join(SessionId(sid), subject, "", PairwiseSub(""), NOW)
    assert await ends.join(SessionId("sid-9"), other.subject, "", PairwiseSub(""), NOW)
    await grants.redeem(a_family(subject, "online"))
    await grants.redeem(a_family(subject, "offline", offline=True, sid=SessionId("swept")))
    await grants.redeem(a_family(other.subject, "bobs", sid=SessionId("sid-9"), offline=True))
    woken: list[bool] = []
    end = SubjectEnd(ends=ends, told=frozenset({"c1"}), wake=lambda: woken.append(True))
    assert await end.end(subject, NOW) == 2
    assert await end.end(subject, NOW) == 0, "it may be repeated"
    assert woken == [True]
    ended = await database.rows("SELECT sid FROM session_end ORDER BY sid")
    assert [row["sid"] for row in ended] == ["sid-1", "sid-2"]
    living = await database.rows("SELECT id FROM family WHERE revoked_at IS NULL")
    assert [row["id"] for row in living] == ["bobs"]
    told = await database.rows("SELECT participant, sid FROM notice")
    assert [tuple(row) for row in told] == [("c1", "sid-1")]

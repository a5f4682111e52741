"""App passwords and the people of a view, on both databases."""

import secrets

import pytest

from connectors.contract import AccountId, SystemId
from connectors.links.model import Evidence, Link, LinkState, Transition
from connectors.links.sql import SqlLinks
from idp.authn.usernames import fold
from idp.protocol.app_passwords import read, spelled
from idp.store.accounts import SqlAccounts
from idp.store.app_passwords import AppPassword, SqlAppPasswords
from keys.blind import BlindIndex
from keys.seal import Sealer
from keys.sql import Database
from tests.people import make_person

MAIL, FILES, ACCOUNT = SystemId("mail"), SystemId("files"), AccountId("a1")
INDEX = BlindIndex(b"k" * 32)


async def a_holder(database: Database, sealer: Sealer) -> AppPassword:
    """A person with an account in both systems, and what their app password is to be."""
    person = make_person("ai.do", "Ai Đó", "079190999555", "x", "hash").account
    assert await SqlAccounts(database, sealer, INDEX).add(person, fold(person.username), 1)
    for system in (MAIL, FILES):
        link = Link(
            link_id=secrets.token_hex(16), subject=person.subject, system=system,
            account=ACCOUNT, state=LinkState.ACTIVE, version=1, created_at=1,
        )  # fmt: skip
        evidence = Evidence(rule="test", rule_version=1)
        await SqlLinks(database).open(
            link, Transition(actor="test", reason="test", evidence=evidence, at=1)
        )
    return AppPassword(
        app_password_id="ap1", subject=person.subject, system=MAIL, label="Máy tính",
        created_at=10, expires_at=100,
    )  # fmt: skip


async def test_it_proves_one_person_at_one_system_in_its_time(
    database: Database, sealer: Sealer
) -> None:
    made, secret = await a_holder(database, sealer), spelled(secrets.token_bytes(16))
    kept = SqlAppPasswords(database, sealer, INDEX)
    assert await kept.add(made, secret)
    assert not await kept.add(made, secret)
    raw = secret.encode()
    proven = await kept.prove(MAIL, ACCOUNT, raw, 50)
    assert proven is not None
    assert (proven.app_password_id, proven.subject) == ("ap1", made.subject)
    assert await kept.prove(FILES, ACCOUNT, raw, 50) is None
    assert await kept.prove(MAIL, AccountId("a2"), raw, 50) is None
    assert await kept.prove(MAIL, ACCOUNT, raw, 100) is None
    assert await kept.prove(MAIL, ACCOUNT, raw[:-1] + b"a", 50) is None or secret.endswith("a")


async def test_its_label_and_last_use_are_told_and_nothing_lies_open(
    database: Database, sealer: Sealer
) -> None:
    made, secret = await a_holder(database, sealer), spelled(secrets.token_bytes(16))
    kept = SqlAppPasswords(database, sealer, INDEX)
    await kept.add(made, secret)
    for now in (50, 60):
        await kept.prove(MAIL, ACCOUNT, secret.encode(), now)
    [told] = await kept.of_subject(made.subject)
    assert (told.label, told.last_used_at, told.revoked_at) == ("Máy tính", 50, None)
    row = await database.one("SELECT digest, label_sealed FROM app_password")
    assert row is not None
    stored = b"".join(value for value in row if isinstance(value, bytes))
    assert "Máy".encode() not in stored
    assert (read(secret.encode()) or "").encode() not in stored


async def test_it_is_revoked_once(database: Database, sealer: Sealer) -> None:
    made, secret = await a_holder(database, sealer), spelled(secrets.token_bytes(16))
    kept = SqlAppPasswords(database, sealer, INDEX)
    await kept.add(made, secret)
    assert await kept.revoke("ap1", 60) == MAIL
    assert await kept.revoke("ap1", 61) is None
    assert await kept.revoke("nothing", 61) is None
    assert await kept.prove(MAIL, ACCOUNT, secret.encode(), 60) is None


@pytest.mark.parametrize("typed", [b"", b"a" * 25, b"a" * 27, b"1" * 26, "á".encode() * 26])
def test_text_of_another_shape_is_never_looked_up(typed: bytes) -> None:
    assert read(typed) is None
    assert read(typed * 1000) is None


async def test_one_account_is_found_by_the_key_of_the_link(database_url: str) -> None:
    """`(uid=x)` reads one row of the index, however many people a system has."""
    if not database_url.startswith("sqlite"):
        pytest.skip("asked of SQLite, which says so in words")
    from pathlib import Path

    from idp.store.directory_people import _PEOPLE
    from idp.store.sql_migrate import migrate
    from idp.store.sqlite import SqliteDatabase

    migrate(database_url)
    opened = SqliteDatabase(Path(database_url.removeprefix("sqlite:///")))
    rows = await opened.rows(f"EXPLAIN QUERY PLAN {_PEOPLE} AND l.account_id = $2", "mail", "a1")
    plan = " ".join(str(row["detail"]) for row in rows)
    assert "link_one_holder (system_id=? AND account_id=?)" in plan
    assert "SCAN" not in plan
    await opened.close()

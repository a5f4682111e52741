"""Identities from above, on SQLite and on PostgreSQL."""

import asyncio
import secrets
import time
from dataclasses import replace

import pytest

from connectors.contract import AccountKind, Assurance, Birthdate, PersonAttributes, SubjectId
from connectors.sources.model import Authentication, SourceId, UpstreamIdentity
from connectors.sources.outcomes import ClosedAccount, Differs, FirstSeen, Recognised
from idp.store.accounts import SqlAccounts
from idp.store.grants import SqlGrants
from idp.store.upstream_identities import SqlUpstreamIdentities
from idp.store.upstream_sessions import SqlUpstreamSessions
from keys.blind import BlindIndex
from keys.seal import Sealer
from keys.sql import Database

NOW = int(time.time())
AN = UpstreamIdentity(
    source=SourceId("vnconnect"),
    issuer="https://vnconnect.test",
    subject="6f1c2a4e",
    kind=AccountKind.CITIZEN,
    authentication=Authentication(assurance=Assurance.LEVEL_2, amr=("pwd",), at=NOW),
    attributes=PersonAttributes(
        full_name="Lê Thị An",
        birthdate=Birthdate(value="1985"),
        personal_number="074185000101",
        email="an@vidu.example",
        email_verified=True,
    ),
)


def candidate() -> SubjectId:
    return SubjectId(secrets.token_hex(16))


@pytest.fixture
def index() -> BlindIndex:
    return BlindIndex(secrets.token_bytes(32))


@pytest.fixture
def identities(database: Database, sealer: Sealer, index: BlindIndex) -> SqlUpstreamIdentities:
    return SqlUpstreamIdentities(database, sealer, index)


async def attributes(database: Database, sealer: Sealer, subject: SubjectId) -> PersonAttributes:
    person = await SqlGrants(database, sealer).person(subject)
    assert person is not None
    return person[2]


def telling(**changes: object) -> UpstreamIdentity:
    return replace(AN, attributes=replace(AN.attributes, **changes))  # type: ignore[arg-type]


async def test_an_identity_is_made_once_and_found_again(
    identities: SqlUpstreamIdentities,
) -> None:
    first = await identities.recognise(AN, candidate(), NOW)
    again = await identities.recognise(AN, candidate(), NOW + 1)
    assert isinstance(first, FirstSeen)
    assert again == Recognised(first.subject)


async def test_fifty_at_once_make_one_subject(
    identities: SqlUpstreamIdentities, database: Database
) -> None:
    found = await asyncio.gather(*(identities.recognise(AN, candidate(), NOW) for _ in range(50)))
    assert len({outcome.subject for outcome in found}) == 1  # type: ignore[union-attr]
    assert [type(outcome) for outcome in found].count(FirstSeen) == 1
    rows = await database.one("SELECT count(*) AS n FROM subject")
    assert rows is not None
    assert rows["n"] == 1, "the subjects of the slower ones are gone"


@pytest.mark.parametrize(
    "other",
    [
        replace(AN, issuer="https://other.test"),
        replace(AN, subject="6F1C2A4E"),
        replace(AN, subject="6f1c2a4"),
    ],
    ids=["issuer", "case", "length"],
)
async def test_another_issuer_or_subject_is_another_person_whatever_else_is_equal(
    identities: SqlUpstreamIdentities, other: UpstreamIdentity
) -> None:
    first = await identities.recognise(AN, candidate(), NOW)
    second = await identities.recognise(other, candidate(), NOW)
    assert isinstance(first, FirstSeen)
    assert isinstance(second, FirstSeen)
    assert first.subject != second.subject


async def test_what_the_source_says_replaces_and_its_silence_keeps(
    identities: SqlUpstreamIdentities, database: Database, sealer: Sealer
) -> None:
    first = await identities.recognise(AN, candidate(), NOW)
    assert isinstance(first, FirstSeen)
    told = telling(
        full_name="Lê Thị Ân", birthdate=None, email="moi@vidu.example", email_verified=False
    )
    await identities.recognise(told, candidate(), NOW + 5)
    known = await attributes(database, sealer, first.subject)
    assert known == PersonAttributes(
        full_name="Lê Thị Ân",
        birthdate=Birthdate(value="1985"),
        personal_number="074185000101",
        email="moi@vidu.example",
        email_verified=False,
        updated_at=NOW + 5,
    )


@pytest.mark.parametrize(
    ("told", "what"),
    [
        (telling(personal_number="074185000999"), "personal_number"),
        (replace(AN, kind=AccountKind.BUSINESS), "kind"),
    ],
    ids=["number", "kind"],
)
async def test_what_people_do_not_change_is_refused_and_nothing_is_kept(
    identities: SqlUpstreamIdentities,
    database: Database,
    sealer: Sealer,
    told: UpstreamIdentity,
    what: str,
) -> None:
    first = await identities.recognise(AN, candidate(), NOW)
    assert isinstance(first, FirstSeen)
    changed = replace(told, attributes=replace(told.attributes, full_name="Ai đó"))
    assert await identities.recognise(changed, candidate(), NOW) == Differs(what)  # type: ignore[arg-type]
    assert await attributes(database, sealer, first.subject) == AN.attributes


async def test_a_number_that_was_not_told_at_first_is_kept_once_it_is(
    identities: SqlUpstreamIdentities,
) -> None:
    await identities.recognise(telling(personal_number=None), candidate(), NOW)
    assert isinstance(await identities.recognise(AN, candidate(), NOW), Recognised)
    assert isinstance(
        await identities.recognise(telling(personal_number=None), candidate(), NOW), Recognised
    )
    other = telling(personal_number="074185000999")
    assert await identities.recognise(other, candidate(), NOW) == Differs("personal_number")


async def test_an_identity_attached_to_a_subject_is_recognised_as_it_and_as_nobody_else(
    identities: SqlUpstreamIdentities,
) -> None:
    first = await identities.recognise(AN, candidate(), NOW)
    assert isinstance(first, FirstSeen)
    vneid = replace(telling(full_name="Lê Thị An"), issuer="https://vneid.test", subject="0741")
    number = vneid.attributes.personal_number
    assert await identities.attach(vneid.issuer, vneid.subject, first.subject, number, NOW)
    assert await identities.recognise(vneid, candidate(), NOW) == Recognised(first.subject)
    other = await identities.recognise(replace(AN, subject="other"), candidate(), NOW)
    assert isinstance(other, FirstSeen)
    assert not await identities.attach(vneid.issuer, vneid.subject, other.subject, number, NOW)
    assert await identities.recognise(vneid, candidate(), NOW) == Recognised(first.subject)
    reissued = replace(vneid, attributes=replace(vneid.attributes, personal_number="074185000999"))
    assert await identities.recognise(reissued, candidate(), NOW) == Differs("personal_number")


async def test_a_disabled_subject_is_not_let_in(
    identities: SqlUpstreamIdentities, database: Database, sealer: Sealer, index: BlindIndex
) -> None:
    first = await identities.recognise(AN, candidate(), NOW)
    assert isinstance(first, FirstSeen)
    await SqlAccounts(database, sealer, index).set_enabled(first.subject, enabled=False)
    assert await identities.recognise(AN, candidate(), NOW) == ClosedAccount()


async def test_nothing_readable_of_a_person_is_stored(
    identities: SqlUpstreamIdentities, database: Database
) -> None:
    await identities.recognise(AN, candidate(), NOW)
    rows = await database.rows("SELECT * FROM upstream_identity")
    rows = [*rows, *await database.rows("SELECT * FROM subject")]
    stored = b"".join(repr(list(row)).encode() for row in rows)
    for secret in (AN.subject, "074185000101", "an@vidu.example"):
        assert secret.encode() not in stored


async def test_sessions_are_found_by_subject_and_by_session_there_and_swept(
    identities: SqlUpstreamIdentities, database: Database
) -> None:
    sessions = SqlUpstreamSessions(database)
    first = await identities.recognise(AN, candidate(), NOW)
    assert isinstance(first, FirstSeen)
    sub, sid = (identities.digest(AN.issuer, value) for value in ("a", "b"))
    await sessions.began("s1", first.subject, AN.issuer, (sub, sid), NOW)  # type: ignore[arg-type]
    await sessions.began("s2", first.subject, AN.issuer, (sub, None), NOW + 100)  # type: ignore[arg-type]
    assert [s for s, _ in await sessions.of_subject(AN.issuer, sub)] == ["s1", "s2"]
    assert [s for s, _ in await sessions.of_session(AN.issuer, sid)] == ["s1"]
    assert await sessions.of_subject("https://other.test", sub) == []
    assert await sessions.sweep(NOW + 1, 10) == 1
    assert [s for s, _ in await sessions.of_subject(AN.issuer, sub)] == ["s2"]

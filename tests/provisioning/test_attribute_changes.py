"""A system whose records hold something of a person hears when it changes: once, and of no more."""

import secrets
from dataclasses import replace

import pytest

from connectors.contract import AccountId, PersonAttributes, SubjectId, SystemId
from connectors.links.model import Evidence, Link, LinkState, Transition
from connectors.links.sql import SqlLinks
from connectors.mapping import Source, differing_sources
from connectors.provisioning.messages import Kind, Later, Settled
from connectors.provisioning.outbox import Outbox
from connectors.provisioning.writer import OutboxWriter
from idp.model import ConnectorId
from idp.store.scim import Kind as ScimKind
from idp.store.scim import SqlScim
from idp.store.scim_users import SqlScimUsers
from idp.store.upstream_identities import SqlUpstreamIdentities
from keys.blind import BlindIndex
from keys.seal import Sealer
from keys.sql import Database
from tests.contracts.test_scim_users import staff
from tests.contracts.test_upstream_identities import AN

NOW, LAND, SCHOOL = 1_800_000_000, SystemId("land"), SystemId("school")
INDEX = BlindIndex(b"k" * 32)
EVERYTHING = frozenset(Kind)
WRITER = OutboxWriter(
    {LAND: EVERYTHING, SCHOOL: EVERYTHING},
    {LAND: frozenset({Source.FULL_NAME, Source.EMAIL}), SCHOOL: frozenset({Source.PHONE})},
)


async def linked(database: Database, subject: SubjectId) -> None:
    """The subject holds an account in both systems; nothing waits."""
    for system in (LAND, SCHOOL):
        link = Link(
            link_id=secrets.token_hex(16), subject=subject, system=system,
            account=AccountId("a-1"), state=LinkState.ACTIVE, version=1, created_at=NOW,
        )  # fmt: skip
        evidence = Evidence(rule="P.old_password", rule_version=1)
        opening = Transition(actor="person", reason="claimed", evidence=evidence, at=NOW)
        await SqlLinks(database).open(link, opening)


async def waiting(database: Database, system: SystemId = LAND) -> list[Kind]:
    return [message.kind for message in await Outbox(database).waiting(system, 99)]


async def rename(database: Database, subject: SubjectId, name: str) -> None:
    before = PersonAttributes(full_name="Lê Thị An")
    async with database.transaction() as statements:
        after = replace(before, full_name=name)
        await WRITER.of_attributes(statements, subject, before, after, NOW)


@pytest.fixture
async def subject(database: Database, sealer: Sealer) -> SubjectId:
    found = SubjectId(secrets.token_hex(16))
    await SqlUpstreamIdentities(database, sealer, INDEX).recognise(AN, found, NOW)
    await linked(database, found)
    return found


async def test_what_a_source_says_anew_is_told_to_the_systems_that_hold_it(
    database: Database, sealer: Sealer
) -> None:
    identities = SqlUpstreamIdentities(database, sealer, INDEX, WRITER)
    person = SubjectId(secrets.token_hex(16))
    await identities.recognise(AN, person, NOW)
    await linked(database, person)
    await identities.recognise(AN, person, NOW + 9)
    assert await waiting(database) == [], "a visit alone changes nothing"
    renamed = replace(AN, attributes=replace(AN.attributes, full_name="Lê Thị Ân"))
    await identities.recognise(renamed, person, NOW + 10)
    assert await waiting(database) == [Kind.ACCOUNT_CHANGED]
    assert await waiting(database, SCHOOL) == [], "it holds no name"


async def test_what_a_register_pushes_anew_is_told_together_with_a_closed_gate(
    database: Database, sealer: Sealer
) -> None:
    resources = SqlScim(database, sealer, INDEX)
    users = SqlScimUsers(database, sealer, INDEX, resources, WRITER)
    register, user_id = ConnectorId("hr"), secrets.token_hex(16)
    person = SubjectId(secrets.token_hex(16))
    assert await users.add(register, user_id, person, staff("trung"), NOW)
    await linked(database, person)
    stored = await resources.find(register, ScimKind.USER, user_id)
    assert stored is not None
    moved = staff("trung", attributes=PersonAttributes(full_name="Khác", phone="+84900000000"))
    await users.change(register, stored, replace(moved, enabled=False), NOW)
    assert await waiting(database) == [Kind.ACCOUNT_DISABLED], "its record carries the change"
    assert await waiting(database, SCHOOL) == [Kind.ACCOUNT_DISABLED]


async def test_many_changes_are_one_message_while_it_waits(
    database: Database, subject: SubjectId
) -> None:
    outbox = Outbox(database)
    for name in ("Một", "Hai", "Ba"):
        await rename(database, subject, name)
    assert await waiting(database) == [Kind.ACCOUNT_CHANGED]
    await outbox.take_lanes([LAND], "one", NOW, 60)
    down = [(1, Later("status 503"))]
    await outbox.settle(LAND, "one", down, NOW, leased_until=0, due_at=NOW + 5)
    await rename(database, subject, "Bốn")
    assert await waiting(database) == [Kind.ACCOUNT_CHANGED], "it is read again before it is sent"


async def test_a_change_while_a_message_is_on_its_way_is_told_by_one_of_its_own(
    database: Database, subject: SubjectId
) -> None:
    """The record that is on its way was read before."""
    outbox = Outbox(database)
    await rename(database, subject, "Một")
    await outbox.take_lanes([LAND], "one", NOW, 60)
    await rename(database, subject, "Hai")
    await outbox.settle(LAND, "one", [(1, Settled())], NOW, leased_until=0, due_at=0)
    assert [one.number for one in await outbox.waiting(LAND, 9)] == [2]


async def test_only_who_holds_an_account_is_told_of(database: Database) -> None:
    await rename(database, SubjectId("somebody-else"), "Một")
    assert await waiting(database) == []


def test_a_visit_is_no_change_and_a_birth_date_changes_its_precision_too() -> None:
    before = AN.attributes
    assert differing_sources(before, replace(before, updated_at=NOW)) == frozenset()
    gone = differing_sources(before, replace(before, birthdate=None, email_verified=False))
    assert gone == {Source.BIRTHDATE, Source.BIRTHDATE_PRECISION, Source.EMAIL_VERIFIED}

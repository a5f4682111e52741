"""The people of one system's LDAP view, on both databases."""

import secrets
from dataclasses import replace

from connectors.contract import (
    AccountId,
    AccountKind,
    Admission,
    Assurance,
    Dialect,
    LocalText,
    SectorId,
    SystemId,
    WhenUnlinked,
)
from connectors.links.model import Evidence, Link, LinkState, Transition
from connectors.links.sql import SqlLinks
from connectors.mapping import ClaimRule, Source
from connectors.registry import LdapViewSettings, System
from idp.authn.usernames import fold
from idp.store.accounts import SqlAccounts
from idp.store.directory_people import SqlDirectoryPeople
from keys.blind import BlindIndex
from keys.seal import Sealer
from keys.sql import Database
from tests.people import make_person

VIEW = LdapViewSettings(base="dc=test", secret_digests=())
STAFF = Admission(kinds=frozenset({AccountKind.STAFF}))
MAIL = System(
    system_id=SystemId("mail"), name=LocalText(vi="Thư", en="Mail"), owners=(), level="province",
    dialect=Dialect.LDAP_VIEW, sector=SectorId("mail"), required_assurance=Assurance.LEVEL_1,
    claims=(ClaimRule(claim="name", source=Source.FULL_NAME),), when_unlinked=WhenUnlinked.REFUSE,
    ldap_view=VIEW,
)  # fmt: skip


async def filled(database: Database, sealer: Sealer) -> SqlDirectoryPeople:
    """Ann with a1 to a5 at mail and one elsewhere; Dan, disabled, with d1; Eve, suspended, with e1."""
    accounts, links = SqlAccounts(database, sealer, BlindIndex(b"k" * 32)), SqlLinks(database)
    evidence = Evidence(rule="test", rule_version=1)
    for name, enabled, held in (
        ("Ann", True, ("a1", "a2", "a3", "a4", "a5")),
        ("Dan", False, ("d1",)),
        ("Eve", True, ("e1",)),
    ):
        person = make_person(name.lower(), name, "0", "x", "hash", enabled=enabled).account
        assert await accounts.add(person, fold(person.username), 1)
        for account, system in [(one, "mail") for one in held] + [(f"{name}-files", "files")]:
            link = Link(
                link_id=secrets.token_hex(16), subject=person.subject, system=SystemId(system),
                account=AccountId(account), state=LinkState.ACTIVE, version=1, created_at=1,
            )  # fmt: skip
            await links.open(link, Transition(actor="test", reason="test", evidence=evidence, at=1))
    await database.change("UPDATE link SET state = 'suspended' WHERE account_id = 'e1'")
    return SqlDirectoryPeople(database, sealer)


async def test_only_active_links_of_enabled_people_are_seen(
    database: Database, sealer: Sealer
) -> None:
    people = await filled(database, sealer)
    found = await people.one(MAIL, VIEW, AccountId("a1"))
    assert found is not None
    assert found.claims == {"name": "Ann"}
    for account in ("d1", "e1", "Ann-files", "A1", "a1 ", "", "%"):
        assert await people.one(MAIL, VIEW, AccountId(account)) is None


async def test_pages_hold_everybody_once(database: Database, sealer: Sealer) -> None:
    people = await filled(database, sealer)
    seen, after = [], AccountId("")
    for _ in range(10):
        page = await people.page(MAIL, VIEW, after, 2)
        seen += [person.account for person in page.people]
        if page.last is None:
            break
        after = page.last
    assert seen == ["a1", "a2", "a3", "a4", "a5"]


async def test_admission_and_required_claims_decide_who_is_there(
    database: Database, sealer: Sealer
) -> None:
    people = await filled(database, sealer)
    assert await people.one(MAIL, replace(VIEW, admission=STAFF), AccountId("a1")) is None
    rule = ClaimRule(claim="tax", source=Source.TAX_CODE, required=True)
    assert await people.one(replace(MAIL, claims=(rule,)), VIEW, AccountId("a1")) is None
    grouped = replace(VIEW, groups=(("staff", STAFF), ("all", Admission())))
    found = await people.one(MAIL, grouped, AccountId("a1"))
    assert found is not None
    assert found.groups == ("all",)


async def test_guesses_are_counted_under_the_holders_own_name(
    database: Database, sealer: Sealer
) -> None:
    people = await filled(database, sealer)
    assert await people.username(MAIL, AccountId("a1")) == "ann"
    assert await people.username(MAIL, AccountId("d1")) == "dan"
    assert await people.username(MAIL, AccountId("nobody")) is None

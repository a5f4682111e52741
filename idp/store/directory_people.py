"""The people of one system, for its LDAP view: by account, or page by page."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.admission import admits
from connectors.contract import (
    AccountId,
    AccountKind,
    Assurance,
    LocalAccount,
    PairwiseSub,
    SubjectId,
    VerifiedIdentity,
)
from connectors.errors import RequiredClaimMissing
from connectors.mapping import claims_for
from connectors.registry import LdapViewSettings, System
from connectors.systems.ldap_view.entries import Person
from idp.store.sealed_columns import USERNAME, open_attributes
from keys.seal import Sealer
from keys.sql import Database, Row

# Both conditions on the state: the first lets the partial index of the links serve.
_PEOPLE = (
    "SELECT l.id AS link_id, l.account_id, s.id, s.kind, s.attributes_sealed FROM link l"
    " JOIN subject s ON s.id = l.subject_id AND s.enabled = 1"
    " WHERE l.system_id = $1 AND l.state IN ('verified', 'active', 'disputed', 'suspended')"
    " AND l.state = 'active'"
)
_NAME = (
    "SELECT s.id, s.username_sealed FROM link l JOIN subject s ON s.id = l.subject_id"
    " WHERE l.system_id = $1 AND l.state IN ('verified', 'active', 'disputed', 'suspended')"
    " AND l.account_id = $2"
)


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """Some of the people, in the order of their accounts."""

    people: tuple[Person, ...] = field(repr=False)
    last: AccountId | None = field(repr=False)
    """Where the next page goes on; None at the end."""


class SqlDirectoryPeople:
    """Reads whom a system sees: an active link, an enabled person, admitted by its rule.

    The same mapping as in every dialect decides what it sees of them. Who lacks a claim that the
    system requires is not there, as they would not get in elsewhere.
    """

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def one(
        self, system: System, settings: LdapViewSettings, account: AccountId
    ) -> Person | None:
        """The holder of this account: one look-up by the key of the link."""
        sql = f"{_PEOPLE} AND l.account_id = $2"
        row = await self._database.one(sql, system.system_id, account)
        return None if row is None else self._person(system, settings, row)

    async def page(
        self, system: System, settings: LdapViewSettings, after: AccountId, limit: int
    ) -> PeoplePage:
        """At most `limit` of them whose accounts come after this one."""
        sql = f"{_PEOPLE} AND l.account_id > $2 ORDER BY l.account_id LIMIT $3"
        rows = await self._database.rows(sql, system.system_id, after, limit)
        people = tuple(
            person for row in rows if (person := self._person(system, settings, row)) is not None
        )
        whole = len(rows) == limit
        return PeoplePage(people, AccountId(str(rows[-1]["account_id"])) if whole else None)

    async def username(self, system: System, account: AccountId) -> str | None:
        """The holder's own user name, by which guesses at them are counted everywhere."""
        row = await self._database.one(_NAME, system.system_id, account)
        sealed = None if row is None else row["username_sealed"]
        if row is None or not isinstance(sealed, bytes):
            return None
        return self._sealer.open(USERNAME, sealed, str(row["id"]).encode()).decode()

    def _person(self, system: System, settings: LdapViewSettings, row: Row) -> Person | None:
        subject, sealed = SubjectId(str(row["id"])), row["attributes_sealed"]
        attributes = open_attributes(
            self._sealer, subject, sealed if isinstance(sealed, bytes) else b""
        )
        kind = AccountKind(str(row["kind"]))
        if settings.admission is not None and not admits(settings.admission, kind, attributes):
            return None
        identity = VerifiedIdentity(
            subject=subject,
            sub=PairwiseSub(""),  # no claim is made of it
            kind=kind,
            assurance=Assurance.LEVEL_1,
            amr=(),
            authenticated_at=0,
            attributes=attributes,
        )
        account = LocalAccount(system=system.system_id, account=AccountId(str(row["account_id"])))
        scopes = frozenset(rule.scope for rule in system.claims)
        try:
            claims = claims_for(system.claims, identity, account, scopes, frozenset())
        except RequiredClaimMissing:
            return None
        groups = tuple(name for name, rule in settings.groups if admits(rule, kind, attributes))
        return Person(account.account, str(row["link_id"]), claims, groups)


def accounts_in(people: Sequence[Person], group: str) -> tuple[AccountId, ...]:
    """Those of them that are in a group."""
    return tuple(person.account for person in people if group in person.groups)

"""One search from its base to its end: what is in reach, in a fixed order, and no further."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from connectors.contract import AccountId
from connectors.ldap.messages import Scope, SearchRequest
from connectors.ldap.results import ResultCode
from connectors.registry import LdapViewSettings, System
from connectors.systems.ldap_view.entries import (
    Entry,
    Person,
    containers,
    group_entry,
    person_entry,
)
from connectors.systems.ldap_view.matching import accounts_named, fits, speaks_of
from connectors.systems.ldap_view.places import (
    Base,
    Groups,
    OneGroup,
    OnePerson,
    People,
    Place,
    Service,
)
from idp.ldap.bounds import MAX_LOOKED_AT, PAGE_ROWS, SEARCH_SECONDS
from idp.ldap.caller import BoundSystem
from idp.store.directory_people import SqlDirectoryPeople, accounts_in

FIRST = AccountId("")


@dataclass(frozen=True, slots=True)
class Position:
    """How far a search has come: so many entries around the people, then people by account."""

    around: int
    account: AccountId = field(repr=False)


START = Position(0, FIRST)


class TooMuch(Exception):
    """A limit of ours was reached."""

    def __init__(self, code: ResultCode) -> None:
        super().__init__(code.name)
        self.code = code


class Run:
    """One search: its entries in a fixed order, containers first, then people by account."""

    def __init__(
        self,
        people: SqlDirectoryPeople,
        monotonic: Callable[[], float],
        caller: BoundSystem,
        request: SearchRequest,
    ) -> None:
        self._people = people
        self._monotonic = monotonic
        self.caller = caller
        self.request = request
        self._system: System = caller.system
        self._settings: LdapViewSettings = caller.settings
        seconds = min(request.time_limit_seconds or SEARCH_SECONDS, SEARCH_SECONDS)
        self._until = monotonic() + seconds
        self._members: list[Person] | None = None

    async def entries(self, place: Place, after: Position) -> AsyncIterator[tuple[Entry, Position]]:
        """Those that fit, each with the place in the order that a next page would go on from.

        Raises: LookupError where the base is not there; TooMuch.
        """
        scope, base_only = self.request.scope, self.request.scope is Scope.BASE
        around = 0
        if not after.account:
            async for entry in self._around(place):
                around += 1
                if around > after.around and fits(self.request.filter, entry):
                    yield entry, Position(around, FIRST)
        reaches = isinstance(place, People) or (isinstance(place, Base) and scope is Scope.SUBTREE)
        if base_only or not reaches:
            return
        async for person in self._persons(after.account):
            entry = person_entry(self._system.system_id, self._settings, person)
            if fits(self.request.filter, entry):
                yield entry, Position(around, person.account)

    async def _around(self, place: Place) -> AsyncIterator[Entry]:
        """Everything in reach that is no person listed by account."""
        scope = self.request.scope
        if scope is not Scope.ONE_LEVEL:
            yield await self._at(place)
        elif isinstance(place, OnePerson):
            await self._at(place)  # nothing is below a person, and nothing below nobody
        if scope is Scope.BASE:
            return
        if isinstance(place, Base):
            for container in containers(self._settings)[1:]:
                yield container
        if isinstance(place, Groups) or (isinstance(place, Base) and scope is Scope.SUBTREE):
            async for entry in self._groups():
                yield entry

    async def _at(self, place: Place) -> Entry:
        """The base of the search itself.

        Raises: LookupError where nothing is there.
        """
        top, people, groups = containers(self._settings)
        match place:
            case Base():
                return top
            case People():
                return people
            case Groups():
                return groups
            case OneGroup(group):
                return await self._group(group)
            case OnePerson(account):
                person = await self._people.one(self._system, self._settings, account)
                if person is None:
                    raise LookupError("nobody has this account")
                return person_entry(self._system.system_id, self._settings, person)
            case Service():
                raise LookupError("a name to bind by, and no entry")

    async def _groups(self) -> AsyncIterator[Entry]:
        if accounts_named(self.request.filter) is not None:
            return  # only people have a uid: nobody is counted through in vain
        for group, _ in self._settings.groups:
            yield await self._group(group)

    async def _group(self, group: str) -> Entry:
        """The group; with its members only where the filter lets it be told.

        Why: members are found by looking at everybody, which a search for a person need not pay.
        """
        bare = group_entry(self._settings, group, ())
        wanted = self.request.filter
        if not speaks_of(wanted, "member") and not fits(wanted, bare):
            return bare
        if self._members is None:
            self._members = [person async for person in self._everybody(FIRST)]
        return group_entry(self._settings, group, accounts_in(self._members, group))

    async def _persons(self, after: AccountId) -> AsyncIterator[Person]:
        """By the key where the filter names accounts; else all, page by page."""
        named = accounts_named(self.request.filter)
        if named is None:
            async for person in self._everybody(after):
                yield person
            return
        for account in sorted(named):
            if account > after:
                found = await self._people.one(self._system, self._settings, AccountId(account))
                if found is not None:
                    yield found

    async def _everybody(self, after: AccountId) -> AsyncIterator[Person]:
        looked_at, at = 0, after
        while True:
            if self._monotonic() > self._until:
                raise TooMuch(ResultCode.TIME_LIMIT_EXCEEDED)
            if looked_at >= MAX_LOOKED_AT:
                raise TooMuch(ResultCode.ADMIN_LIMIT_EXCEEDED)
            page = await self._people.page(self._system, self._settings, at, PAGE_ROWS)
            for person in page.people:
                yield person
            if page.last is None:
                return
            looked_at, at = looked_at + PAGE_ROWS, page.last

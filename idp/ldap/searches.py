"""Searches in one system's tree: bounded, by the key wherever the filter allows it."""

import hashlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from connectors.contract import AccountId
from connectors.ldap.filters import printed
from connectors.ldap.messages import Scope, SearchRequest
from connectors.ldap.paging import Page
from connectors.ldap.results import SUCCESS, Result, ResultCode
from connectors.registry import LdapViewSettings, System
from connectors.systems.ldap_view.entries import (
    Entry,
    Person,
    containers,
    group_entry,
    person_entry,
)
from connectors.systems.ldap_view.matching import accounts_named, fits
from connectors.systems.ldap_view.places import (
    Base,
    Groups,
    OneGroup,
    OnePerson,
    People,
    Place,
    Service,
    place_of,
)
from idp.ldap.bounds import MAX_ENTRIES, MAX_LOOKED_AT, PAGE_ROWS, SEARCH_SECONDS
from idp.ldap.caller import BoundPerson, BoundSystem
from idp.store.directory_people import SqlDirectoryPeople, accounts_in
from keys.errors import SealBroken
from keys.seal import Sealer

COOKIE = "ldap view page"
_FIRST = AccountId("")


@dataclass(frozen=True, slots=True)
class Found:
    """What a search gives: entries, how it ended, and where its next page begins."""

    entries: tuple[Entry, ...] = field(default=(), repr=False)
    result: Result = SUCCESS
    cookie: bytes = field(default=b"", repr=False)


def refused(code: ResultCode, text: str = "") -> Found:
    """Nothing found, and why."""
    return Found(result=Result(code=code, text=text))


class Searches:
    """Reads; holds nothing between two searches."""

    def __init__(
        self,
        people: SqlDirectoryPeople,
        sealer: Sealer,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._people = people
        self._sealer = sealer
        self._monotonic = monotonic

    async def search(
        self, caller: BoundSystem | BoundPerson, request: SearchRequest, page: Page | None
    ) -> Found:
        """The entries that this caller may see, within all limits.

        A name outside the caller's own tree is not there, whoever else has it.

        Spec: RFC 4511 §4.5; RFC 2696
        """
        place = place_of(request.base, caller.settings)
        if place is None or isinstance(place, Service):
            return refused(ResultCode.NO_SUCH_OBJECT)
        if isinstance(caller, BoundPerson):
            return await self._own(caller, place, request)
        run = _Run(self._people, self._monotonic, caller, request)
        try:
            after = self._after(caller.system, request, page)
        except SealBroken:
            return refused(ResultCode.UNWILLING_TO_PERFORM, "the page belongs to another search")
        return await self._paged(run, place, page, after)

    async def _own(self, caller: BoundPerson, place: Place, request: SearchRequest) -> Found:
        """A person sees their own entry, where the search reaches it."""
        if place != OnePerson(caller.account):
            return refused(ResultCode.INSUFFICIENT_ACCESS_RIGHTS)
        person = await self._people.one(caller.system, caller.settings, caller.account)
        if person is None:
            return refused(ResultCode.NO_SUCH_OBJECT)
        entry = person_entry(caller.system.system_id, caller.settings, person)
        meant = request.scope is not Scope.ONE_LEVEL and fits(request.filter, entry)
        return Found((entry,) if meant else ())

    async def _paged(
        self, run: "_Run", place: Place, page: Page | None, after: "_Position"
    ) -> Found:
        """Entries until the page, the client's own limit or ours is full."""
        asked = run.request.size_limit or MAX_ENTRIES
        wanted = min(asked, MAX_ENTRIES, page.size if page is not None else MAX_ENTRIES)
        if page is not None and page.size == 0:
            return Found()  # the client leaves the rest
        found: list[Entry] = []
        last = _START
        try:
            async for entry, position in run.entries(place, after):
                if len(found) == wanted:
                    return self._full(run, page, found, last, asked=asked)
                found.append(entry)
                last = position
        except LookupError:
            return refused(ResultCode.NO_SUCH_OBJECT)
        except _TooMuch as limit:
            return Found(tuple(found), Result(code=limit.code))
        return Found(tuple(found))

    def _full(
        self, run: "_Run", page: Page | None, found: list[Entry], last: "_Position", *, asked: int
    ) -> Found:
        if page is None or asked <= len(found):
            return Found(tuple(found), Result(code=ResultCode.SIZE_LIMIT_EXCEEDED))
        context = _context(run.caller.system, run.request)
        sealed = self._sealer.seal(COOKIE, f"{last.around} {last.account}".encode(), context)
        return Found(tuple(found), cookie=sealed)

    def _after(self, system: System, request: SearchRequest, page: Page | None) -> "_Position":
        """After what the page begins.

        Raises: SealBroken for a cookie that we did not give for this very search.
        """
        if page is None or not page.cookie:
            return _START
        opened = self._sealer.open(COOKIE, page.cookie, _context(system, request)).decode()
        around, _, account = opened.partition(" ")
        return _Position(int(around), AccountId(account))


@dataclass(frozen=True, slots=True)
class _Position:
    """How far a search has come: so many entries around the people, then people by account."""

    around: int
    account: AccountId = field(repr=False)


_START = _Position(0, _FIRST)


class _TooMuch(Exception):
    """A limit of ours was reached."""

    def __init__(self, code: ResultCode) -> None:
        super().__init__(code.name)
        self.code = code


class _Run:
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

    async def entries(
        self, place: Place, after: _Position
    ) -> AsyncIterator[tuple[Entry, _Position]]:
        """Those that fit, each with the place in the order that a next page would go on from.

        Raises: LookupError where the base is not there; _TooMuch.
        """
        scope, base_only = self.request.scope, self.request.scope is Scope.BASE
        around = 0
        if not after.account:
            async for entry in self._around(place):
                around += 1
                if around > after.around and fits(self.request.filter, entry):
                    yield entry, _Position(around, _FIRST)
        reaches = isinstance(place, People) or (isinstance(place, Base) and scope is Scope.SUBTREE)
        if base_only or not reaches:
            return
        async for person in self._persons(after.account):
            entry = person_entry(self._system.system_id, self._settings, person)
            if fits(self.request.filter, entry):
                yield entry, _Position(around, person.account)

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
        members = [person async for person in self._everybody(_FIRST)]
        return group_entry(self._settings, group, accounts_in(members, group))

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
                raise _TooMuch(ResultCode.TIME_LIMIT_EXCEEDED)
            if looked_at >= MAX_LOOKED_AT:
                raise _TooMuch(ResultCode.ADMIN_LIMIT_EXCEEDED)
            page = await self._people.page(self._system, self._settings, at, PAGE_ROWS)
            for person in page.people:
                yield person
            if page.last is None:
                return
            looked_at, at = looked_at + PAGE_ROWS, page.last


def _context(system: System, request: SearchRequest) -> bytes:
    """What a cookie is good for: this search of this system, and no other."""
    text = f"{system.system_id}\0{request.base}\0{int(request.scope)}\0{printed(request.filter)}"
    return hashlib.sha256(text.encode()).digest()

"""Searches in one system's tree: bounded, by the key wherever the filter allows it."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.contract import AccountId
from connectors.ldap.filters import printed
from connectors.ldap.messages import Scope, SearchRequest
from connectors.ldap.paging import Page
from connectors.ldap.results import SUCCESS, Result, ResultCode
from connectors.registry import System
from connectors.systems.ldap_view.entries import (
    Entry,
    person_entry,
)
from connectors.systems.ldap_view.matching import fits
from connectors.systems.ldap_view.places import (
    OnePerson,
    Place,
    Service,
    place_of,
)
from idp.ldap.bounds import MAX_ENTRIES
from idp.ldap.caller import BoundPerson, BoundSystem
from idp.ldap.reach import START, Position, Run, TooMuch
from idp.store.directory_people import SqlDirectoryPeople
from keys.errors import SealBroken
from keys.seal import Sealer

COOKIE = "ldap view page"


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
        run = Run(self._people, self._monotonic, caller, request)
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

    async def _paged(self, run: Run, place: Place, page: Page | None, after: Position) -> Found:
        """Entries until the page, the client's own limit or ours is full."""
        asked = run.request.size_limit or MAX_ENTRIES
        wanted = min(asked, MAX_ENTRIES, page.size if page is not None else MAX_ENTRIES)
        if page is not None and page.size == 0:
            return Found()  # the client leaves the rest
        found: list[Entry] = []
        last = START
        try:
            async for entry, position in run.entries(place, after):
                if len(found) == wanted:
                    return self._full(run, page, found, last, asked=asked)
                found.append(entry)
                last = position
        except LookupError:
            return refused(ResultCode.NO_SUCH_OBJECT)
        except TooMuch as limit:
            return Found(tuple(found), Result(code=limit.code))
        return Found(tuple(found))

    def _full(
        self, run: Run, page: Page | None, found: list[Entry], last: Position, *, asked: int
    ) -> Found:
        if page is None or asked <= len(found):
            return Found(tuple(found), Result(code=ResultCode.SIZE_LIMIT_EXCEEDED))
        context = _context(run.caller.system, run.request)
        sealed = self._sealer.seal(COOKIE, f"{last.around} {last.account}".encode(), context)
        return Found(tuple(found), cookie=sealed)

    def _after(self, system: System, request: SearchRequest, page: Page | None) -> Position:
        """After what the page begins.

        Raises: SealBroken for a cookie that we did not give for this very search.
        """
        if page is None or not page.cookie:
            return START
        opened = self._sealer.open(COOKIE, page.cookie, _context(system, request)).decode()
        around, _, account = opened.partition(" ")
        return Position(int(around), AccountId(account))


def _context(system: System, request: SearchRequest) -> bytes:
    """What a cookie is good for: this search of this system, and no other."""
    text = f"{system.system_id}\0{request.base}\0{int(request.scope)}\0{printed(request.filter)}"
    return hashlib.sha256(text.encode()).digest()

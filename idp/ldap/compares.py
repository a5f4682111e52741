"""Compare: whether an entry has a value, asked by servers that check who is in a group."""

from connectors.ldap.filters import Equals
from connectors.ldap.messages import CompareRequest
from connectors.ldap.results import ResultCode
from connectors.systems.ldap_view.entries import Entry, containers, person_entry
from connectors.systems.ldap_view.matching import fits
from connectors.systems.ldap_view.places import (
    Base,
    Groups,
    OneGroup,
    OnePerson,
    People,
    place_of,
)
from connectors.systems.ldap_view.schema import kind_of
from idp.ldap.caller import BoundPerson, BoundSystem
from idp.store.directory_people import SqlDirectoryPeople


class Compares:
    """Answers by one look-up at most."""

    def __init__(self, people: SqlDirectoryPeople) -> None:
        self._people = people

    async def compare(
        self, caller: BoundSystem | BoundPerson, request: CompareRequest
    ) -> ResultCode:
        """Spec: RFC 4511 §4.10."""
        place = place_of(request.entry, caller.settings)
        if isinstance(caller, BoundPerson) and place != OnePerson(caller.account):
            return ResultCode.INSUFFICIENT_ACCESS_RIGHTS
        match place:
            case OnePerson(account):
                person = await self._people.one(caller.system, caller.settings, account)
                if person is None:
                    return ResultCode.NO_SUCH_OBJECT
                entry = person_entry(caller.system.system_id, caller.settings, person)
                return _compared(entry, request)
            case OneGroup(group):
                return await self._member(caller, group, request)
            case Base() | People() | Groups():
                at = (Base(), People(), Groups()).index(place)
                return _compared(containers(caller.settings)[at], request)
            case _:
                return ResultCode.NO_SUCH_OBJECT

    async def _member(
        self, caller: BoundSystem | BoundPerson, group: str, request: CompareRequest
    ) -> ResultCode:
        """Whether one person is in the group: nobody else is looked at."""
        kind = kind_of(request.attribute)
        if kind is None or kind.name != "member":
            return ResultCode.NO_SUCH_ATTRIBUTE
        try:
            named = place_of(request.value.decode(), caller.settings)
        except UnicodeDecodeError:
            return ResultCode.INVALID_ATTRIBUTE_SYNTAX
        if not isinstance(named, OnePerson):
            return ResultCode.COMPARE_FALSE
        person = await self._people.one(caller.system, caller.settings, named.account)
        inside = person is not None and group in person.groups
        return ResultCode.COMPARE_TRUE if inside else ResultCode.COMPARE_FALSE


def _compared(entry: Entry, request: CompareRequest) -> ResultCode:
    kind = kind_of(request.attribute)
    if kind is None:
        return ResultCode.UNDEFINED_ATTRIBUTE_TYPE
    if kind.name not in entry.attributes:
        return ResultCode.NO_SUCH_ATTRIBUTE
    match fits(Equals(request.attribute, request.value), entry):
        case True:
            return ResultCode.COMPARE_TRUE
        case False:
            return ResultCode.COMPARE_FALSE
        case None:
            return ResultCode.INVALID_ATTRIBUTE_SYNTAX

"""What of an entry a search asked to be told."""

from connectors.ldap.messages import NO_ATTRIBUTES, Attribute, SearchEntry, SearchRequest
from connectors.systems.ldap_view.entries import Entry
from connectors.systems.ldap_view.schema import KINDS, kind_of

ALL, OPERATIONAL = "*", "+"
_OPERATIONAL = frozenset(kind.name for kind in KINDS if kind.operational)


def selected(entry: Entry, request: SearchRequest) -> SearchEntry:
    """The entry with the attributes that were asked for, without values where only types were.

    Spec: RFC 4511 §4.5.1.8; RFC 3673 §2 (`+`)
    """
    wanted = _wanted(entry, request.attributes)
    return SearchEntry(
        name=entry.name,
        attributes=tuple(
            Attribute(name=name, values=() if request.types_only else values)
            for name, values in entry.attributes.items()
            if name in wanted
        ),
    )


def _wanted(entry: Entry, asked: tuple[str, ...]) -> set[str]:
    if asked == (NO_ATTRIBUTES,):
        return set()
    spelled = {name.lower(): name for name in entry.attributes}
    wanted: set[str] = set()
    for name in asked or (ALL,):
        if name == ALL:
            wanted |= set(entry.attributes) - _OPERATIONAL
        elif name == OPERATIONAL:
            wanted |= set(entry.attributes) & _OPERATIONAL
        else:
            kind = kind_of(name)
            wanted.add(spelled.get(name.lower(), "") if kind is None else kind.name)
    return wanted

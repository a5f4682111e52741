"""Where in a system's tree a name stands."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.contract import AccountId
from connectors.errors import LdapRefused
from connectors.ldap.names import Part, parts_of
from connectors.registry import LdapViewSettings, System


@dataclass(frozen=True, slots=True)
class Base:
    """The top of the tree."""


@dataclass(frozen=True, slots=True)
class People:
    """`ou=people`."""


@dataclass(frozen=True, slots=True)
class Groups:
    """`ou=groups`."""


@dataclass(frozen=True, slots=True)
class Service:
    """The system itself, which binds; no entry stands there."""


@dataclass(frozen=True, slots=True)
class OnePerson:
    """A name that a person would have; whether there is one is not known here."""

    account: AccountId = field(repr=False)


@dataclass(frozen=True, slots=True)
class OneGroup:
    """A declared group."""

    group: str


Place = Base | People | Groups | Service | OnePerson | OneGroup


def place_of(name: str, settings: LdapViewSettings) -> Place | None:
    """The place that a name means in this tree; None for every other name, however like it looks.

    Spec: RFC 4514 §3
    """
    own = _below(name, settings)
    match own:
        case None:
            return None
        case ():
            return Base()
        case ((("ou", unit),),):
            return _container(unit.casefold())
        case ((("cn", common),),) if common.casefold() == "service":
            return Service()
        case ((("uid", account),), (("ou", unit),)) if unit.casefold() == "people":
            return OnePerson(AccountId(account))
        case ((("cn", group),), (("ou", unit),)) if unit.casefold() == "groups":
            return _declared(group.casefold(), settings)
        case _:
            return None


def _container(unit: str) -> Place | None:
    match unit:
        case "people":
            return People()
        case "groups":
            return Groups()
        case _:
            return None


def _declared(group: str, settings: LdapViewSettings) -> Place | None:
    return OneGroup(group) if group in dict(settings.groups) else None


def _below(name: str, settings: LdapViewSettings) -> tuple[Part, ...] | None:
    """The parts above the base, or None where the name does not end in it."""
    try:
        parts, base = parts_of(name), parts_of(settings.base)
    except LdapRefused:
        return None
    own, end = parts[: len(parts) - len(base)], parts[len(parts) - len(base) :]
    if len(parts) < len(base) or _folded(end) != _folded(base):
        return None
    return own


def _folded(parts: Iterable[Part]) -> list[list[tuple[str, str]]]:
    return [[(kind, " ".join(value.split()).casefold()) for kind, value in part] for part in parts]


def system_of(name: str, systems: Iterable[System]) -> tuple[System, Place] | None:
    """The one system whose tree holds this name, and where in it."""
    for system in systems:
        if system.ldap_view is not None:
            place = place_of(name, system.ldap_view)
            if place is not None:
                return system, place
    return None

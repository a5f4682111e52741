"""Entries of a system's tree: a person's claims under LDAP names, and what stands around them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from connectors.contract import AccountId, SystemId
from connectors.ldap.names import below, parts_of
from connectors.mapping import Claim
from connectors.registry import LdapViewSettings

SCHEMA_NAME = "cn=subschema"
_POSIX = frozenset({"uidNumber", "gidNumber", "homeDirectory"})
_CONTAINER_CLASS = {"dc": "domain", "o": "organization", "ou": "organizationalUnit"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A name, and attributes in their one spelling."""

    name: str = field(repr=False)
    attributes: Mapping[str, tuple[bytes, ...]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """What the view knows of one account: its claims, and the groups whose rule admits it."""

    account: AccountId = field(repr=False)
    link_id: str
    claims: Mapping[str, Claim] = field(repr=False)
    groups: tuple[str, ...] = ()


def people_base(settings: LdapViewSettings) -> str:
    """Where the people are."""
    return f"ou=people,{settings.base}"


def groups_base(settings: LdapViewSettings) -> str:
    """Where the groups are."""
    return f"ou=groups,{settings.base}"


def service_name(settings: LdapViewSettings) -> str:
    """The name under which the system itself binds."""
    return f"cn=service,{settings.base}"


def person_name(settings: LdapViewSettings, account: AccountId) -> str:
    """The name of one account, whatever characters it has."""
    return below(people_base(settings), "uid", account)


def group_name(settings: LdapViewSettings, group: str) -> str:
    """The name of a group."""
    return below(groups_base(settings), "cn", group)


def containers(settings: LdapViewSettings) -> tuple[Entry, ...]:
    """The base, and the two places under it."""
    return tuple(
        _container(name) for name in (settings.base, people_base(settings), groups_base(settings))
    )


def _container(name: str) -> Entry:
    kind, value = parts_of(name)[0][0]
    own = {"objectClass": _texts("top", _CONTAINER_CLASS[kind]), kind: _texts(value)}
    return Entry(name, own | _operational(name, name))


def person_entry(system: SystemId, settings: LdapViewSettings, person: Person) -> Entry:
    """One person as this system may see them: what its table maps, and nothing else.

    Shape: inetOrgPerson, posixAccount too where all that it demands is there. `cn` and `sn` are
    demanded of everybody, so the account stands in where nothing is mapped to them.

    Spec: RFC 2798 §3, RFC 2307 §4
    Why `sn` is the full name: a full name is never split here.
    """
    name = person_name(settings, person.account)
    mapped = {
        attribute: value
        for attribute, claim in settings.attributes
        if (value := _value(person.claims.get(claim))) is not None
    }
    common = mapped.get("cn") or mapped.get("displayName") or _texts(person.account)
    classes = ["top", "person", "organizationalPerson", "inetOrgPerson"]
    if mapped.keys() >= _POSIX:
        classes.append("posixAccount")
    own = {"objectClass": _texts(*classes), "uid": _texts(person.account), "cn": common}
    own |= {"sn": common} | mapped
    if person.groups:
        own["memberOf"] = _texts(*(group_name(settings, group) for group in person.groups))
    return Entry(name, own | _operational(name, f"{system}\0{person.link_id}"))


def group_entry(settings: LdapViewSettings, group: str, members: tuple[AccountId, ...]) -> Entry:
    """A group of people, by their names. Nobody in it, no `member`: the rule admits whom it admits.

    Spec: RFC 4519 §3.5
    """
    name = group_name(settings, group)
    own = {"objectClass": _texts("top", "groupOfNames"), "cn": _texts(group)}
    if members:
        own["member"] = _texts(*(person_name(settings, account) for account in members))
    return Entry(name, own | _operational(name, name))


def _operational(name: str, seed: str) -> dict[str, tuple[bytes, ...]]:
    """What is given only where it is asked for.

    Why a UUID from the link: it stays as long as the person has the account, and tells no other
    system anything.
    """
    uuid = UUID(bytes=hashlib.sha256(f"ldap view\0{seed}".encode()).digest()[:16], version=4)
    return {
        "entryUUID": _texts(str(uuid)),
        "entryDN": _texts(name),
        "subschemaSubentry": _texts(SCHEMA_NAME),
    }


def _value(claim: Claim | None) -> tuple[bytes, ...] | None:
    match claim:
        case None | "":
            return None
        case bool():
            return _texts("TRUE" if claim else "FALSE")
        case dict():
            return _texts(*claim.values()) if claim else None
        case _:
            return _texts(str(claim))


def _texts(*values: str) -> tuple[bytes, ...]:
    return tuple(value.encode() for value in values)

"""The attributes that an entry may have, and how their values compare: a closed list."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from connectors.errors import LdapRefused
from connectors.ldap.names import name_of, parts_of


class Rule(Enum):
    """How values of an attribute compare, with the names that RFC 4517 has for it."""

    IGNORING_CASE = ("caseIgnoreMatch", "1.3.6.1.4.1.1466.115.121.1.15")
    EXACT = ("caseExactMatch", "1.3.6.1.4.1.1466.115.121.1.15")
    NUMBER = ("integerMatch", "1.3.6.1.4.1.1466.115.121.1.27")
    PHONE = ("telephoneNumberMatch", "1.3.6.1.4.1.1466.115.121.1.50")
    NAME = ("distinguishedNameMatch", "1.3.6.1.4.1.1466.115.121.1.12")
    WORD = ("objectIdentifierMatch", "1.3.6.1.4.1.1466.115.121.1.38")


@dataclass(frozen=True, slots=True)
class Kind:
    """One attribute: its one spelling, its number, its rule."""

    name: str
    oid: str
    rule: Rule = Rule.IGNORING_CASE
    operational: bool = False


_TEXTS = {
    "cn": "2.5.4.3", "sn": "2.5.4.4", "givenName": "2.5.4.42", "initials": "2.5.4.43",
    "displayName": "2.16.840.1.113730.3.1.241", "description": "2.5.4.13", "title": "2.5.4.12",
    "mail": "0.9.2342.19200300.100.1.3", "employeeNumber": "2.16.840.1.113730.3.1.3",
    "employeeType": "2.16.840.1.113730.3.1.4", "departmentNumber": "2.16.840.1.113730.3.1.2",
    "preferredLanguage": "2.16.840.1.113730.3.1.39", "postalAddress": "2.5.4.16",
    "gecos": "1.3.6.1.1.1.1.2",
}  # fmt: skip
_PHONES = {"telephoneNumber": "2.5.4.20", "mobile": "0.9.2342.19200300.100.1.41"}
_NUMBERS = {"uidNumber": "1.3.6.1.1.1.1.0", "gidNumber": "1.3.6.1.1.1.1.1"}
_PATHS = {"homeDirectory": "1.3.6.1.1.1.1.3", "loginShell": "1.3.6.1.1.1.1.4"}
_STRUCTURE = (
    Kind("objectClass", "2.5.4.0", Rule.WORD),
    Kind("uid", "0.9.2342.19200300.100.1.1", Rule.EXACT),
    Kind("ou", "2.5.4.11"),
    Kind("o", "2.5.4.10"),
    Kind("dc", "0.9.2342.19200300.100.1.25"),
    Kind("member", "2.5.4.31", Rule.NAME),
    Kind("memberOf", "1.2.840.113556.1.2.102", Rule.NAME),
    Kind("entryUUID", "1.3.6.1.1.16.4", Rule.IGNORING_CASE, operational=True),
    Kind("entryDN", "1.3.6.1.1.20", Rule.NAME, operational=True),
    Kind("subschemaSubentry", "2.5.18.10", Rule.NAME, operational=True),
)
_FREE = (
    *(Kind(name, oid) for name, oid in _TEXTS.items()),
    *(Kind(name, oid, Rule.PHONE) for name, oid in _PHONES.items()),
    *(Kind(name, oid, Rule.NUMBER) for name, oid in _NUMBERS.items()),
    *(Kind(name, oid, Rule.EXACT) for name, oid in _PATHS.items()),
)
MAPPABLE = frozenset(kind.name for kind in _FREE)
"""What a system's table may fill from a claim; the rest the view says of itself."""
KINDS = (*_STRUCTURE, *_FREE)
_BY_NAME: Mapping[str, Kind] = {
    key: kind for kind in KINDS for key in (kind.name.lower(), kind.oid)
} | {"userid": _STRUCTURE[1], "commonname": _FREE[0]}


def kind_of(description: str) -> Kind | None:
    """The attribute that a client means; None for those that this view does not know.

    Why options make it unknown: `cn;lang-vi` is an attribute that no entry here has.

    Spec: RFC 4512 §2.5
    """
    return _BY_NAME.get(description.lower())


def comparable(kind: Kind, value: bytes) -> str | int | None:
    """The value as its rule sees it, or None where it is none of this syntax.

    Why `uid` minds case, where RFC 4519 does not: accounts that differ in case may be two people's.

    Spec: RFC 4517 §4.2, RFC 4518 (case and inner spaces; nothing that would join two accounts)
    """
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    match kind.rule:
        case Rule.EXACT:
            return text
        case Rule.NUMBER:
            return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
        case Rule.PHONE:
            return text.replace(" ", "").replace("-", "").casefold()
        case Rule.NAME:
            return _name(text)
        case Rule.IGNORING_CASE | Rule.WORD:
            return " ".join(text.split()).casefold()


def _name(text: str) -> str | None:
    """A distinguished name in one spelling; `uid` alone keeps its case."""
    try:
        parts = parts_of(text)
    except LdapRefused:
        return None
    return name_of(
        *(
            tuple((kind, value if kind == "uid" else value.casefold()) for kind, value in part)
            for part in parts
        )
    )


def described() -> tuple[bytes, ...]:
    """The attribute types, for clients that read the subschema.

    Spec: RFC 4512 §4.1.2
    """
    return tuple(
        f"( {kind.oid} NAME '{kind.name}' EQUALITY {kind.rule.value[0]}"
        f" SYNTAX {kind.rule.value[1]} )".encode()
        for kind in KINDS
    )

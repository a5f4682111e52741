"""`[sources.ID]` with `kind = "ldap"`: directories of staff."""

import ssl
from collections.abc import Collection, Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from connectors.config.checked import Entry, Table, checked
from connectors.config.problems import Problem
from connectors.config.source_rules import broken, systems_declared
from connectors.config.sources import SOURCE_ID
from connectors.config.surroundings import Surroundings
from connectors.config.tables import ReadableFile, SecretTable, TextTable, plain_address
from connectors.contract import Assurance, SystemId
from connectors.errors import LdapRefused
from connectors.ldap.names import parts_of
from connectors.sources.ldap.directory import Directory, DirectoryPreset, Groups, Place
from connectors.sources.model import SourceId

KIND = "ldap"
_PORTS = {"ldaps": 636, "ldap": 389}


def _directory_address(address: str) -> str:
    parts = plain_address(address)
    if parts is None or parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/"):
        raise ValueError("ldaps://host, or ldap://host for StartTLS, with a port where needed")
    return address


def _certificates(path: str) -> str:
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError):
        raise ValueError("a file of certificates in PEM") from None
    return path


def _name(text: str) -> str:
    try:
        if parts_of(text):
            return text
    except LdapRefused:
        pass
    raise ValueError("a distinguished name, such as ou=staff,dc=province,dc=vn")


DirectoryAddress = Annotated[str, Field(max_length=300), AfterValidator(_directory_address)]
Name = Annotated[str, Field(max_length=1000), AfterValidator(_name)]
AttributeName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,79}$")]


class AttributesTable(Table):
    """What the directory calls what we know of a person."""

    full_name: AttributeName | None = None
    email: AttributeName | None = None
    phone: AttributeName | None = None
    agency_code: AttributeName | None = None
    personal_number: AttributeName | None = None


class DirectoryTable(Table):
    """One `[sources.ID]` of this kind."""

    kind: Literal["ldap"]
    preset: DirectoryPreset
    name: TextTable
    url: DirectoryAddress
    ca_file: Annotated[ReadableFile, AfterValidator(_certificates)] | None = None
    service_name: Name
    service_password: SecretTable
    base: Name
    object_class: AttributeName | None = None
    username_attribute: AttributeName | None = None
    id_attribute: AttributeName | None = None
    attributes: AttributesTable = AttributesTable()
    agency_code: Annotated[str, Field(min_length=1, max_length=50)] | None = None
    groups: Annotated[tuple[Name, ...], Field(min_length=1, max_length=20)] | None = None
    assurance: Annotated[int, Field(ge=1, le=2)] = 1
    allowed_systems: tuple[str, ...] | None = None
    declared_down: bool = False


_MEANS: Mapping[DirectoryPreset, tuple[str, str, str, Mapping[str, str]]] = {
    DirectoryPreset.OPENLDAP: (
        "inetOrgPerson",
        "uid",
        "entryUUID",
        {"full_name": "cn", "email": "mail", "phone": "mobile"},
    ),
    DirectoryPreset.ACTIVE_DIRECTORY: (
        "user",
        "sAMAccountName",
        "objectGUID",
        {"full_name": "displayName", "email": "mail", "phone": "mobile"},
    ),
}
"""Object class, user name, id, and attributes of each preset."""


def is_directory(entry: Entry) -> bool:
    """Whether the table declares a directory, not a source that browsers are sent to."""
    return isinstance(entry.table, Mapping) and entry.table.get("kind") == KIND


def read_directories(
    entries: Mapping[str, Entry], surroundings: Surroundings, systems: Collection[str]
) -> tuple[dict[SourceId, Directory], list[Problem]]:
    """All directories that are declared without mistake, and every mistake in the others."""
    directories: dict[SourceId, Directory] = {}
    problems: list[Problem] = []
    for name, entry in entries.items():
        found: list[Problem] = []
        if not SOURCE_ID.fullmatch(name):
            found.append(entry.place.problem("an id of a-z, 0-9 and -, at most 30"))
        table = checked(DirectoryTable, entry, surroundings, found)
        if table is not None:
            found += broken([systems_declared(table.allowed_systems, systems)], entry.place)
            if not found:
                directories[SourceId(name)] = _directory(SourceId(name), table)
        problems += found
    return directories, problems


def _directory(source_id: SourceId, table: DirectoryTable) -> Directory:
    object_class, username, own_id, attributes = _MEANS[table.preset]
    parts = urlsplit(table.url)
    nested = table.preset is DirectoryPreset.ACTIVE_DIRECTORY
    return Directory(
        source_id=source_id,
        preset=table.preset,
        name=table.name.text(),
        place=Place(
            host=parts.hostname or "",
            port=parts.port or _PORTS[parts.scheme],
            start_tls=parts.scheme == "ldap",
            ca_file=table.ca_file,
        ),
        service_name=table.service_name,
        service_password=table.service_password.secret.encode(),
        base=table.base,
        object_class=table.object_class or object_class,
        username_attribute=table.username_attribute or username,
        id_attribute=table.id_attribute or own_id,
        attributes={**attributes, **table.attributes.model_dump(exclude_none=True)},
        agency_code=table.agency_code,
        groups=None if table.groups is None else Groups(names=table.groups, nested=nested),
        assurance=Assurance(table.assurance),
        allowed_systems=None
        if table.allowed_systems is None
        else frozenset(SystemId(name) for name in table.allowed_systems),
        declared_down=table.declared_down,
    )

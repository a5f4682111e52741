"""From an entry of a directory to a person: what names them, and what is told of them. Pure."""

from uuid import UUID

from connectors.contract import AccountKind, PersonAttributes
from connectors.errors import UpstreamRefused
from connectors.ldap.messages import SearchEntry
from connectors.sources.ldap.directory import Directory, DirectoryPreset
from connectors.sources.model import Authentication, UpstreamIdentity
from connectors.sources.told import Told

_DISABLED = 0x0002
"""Spec: MS-ADTS §2.2.16 (ADS_UF_ACCOUNTDISABLE)."""
AMR = ("pwd",)


def values_of(entry: SearchEntry, name: str) -> tuple[bytes, ...]:
    """The values of an attribute; names of attributes know no case (RFC 4512 §2.5)."""
    wanted = name.lower()
    return tuple(
        value
        for attribute in entry.attributes
        if attribute.name.lower() == wanted
        for value in attribute.values
    )


def usernames_of(directory: Directory, entry: SearchEntry) -> tuple[str, ...]:
    """The names by which the entry says it may be found."""
    found = values_of(entry, directory.username_attribute)
    return tuple(value.decode("utf-8", "replace") for value in found)


def disabled(entry: SearchEntry) -> bool:
    """Whether Active Directory has the account disabled; a flag that cannot be read counts as so."""
    found = values_of(entry, "userAccountControl")
    if not found:
        return False
    try:
        return bool(int(found[0]) & _DISABLED)
    except ValueError:
        return True


def identity_of(directory: Directory, entry: SearchEntry, now: int) -> UpstreamIdentity:
    """The person, by the id that the directory gives to nobody else.

    Raises: UpstreamRefused where the id is missing or doubled, or a value is none.
    """
    told = Told({ours: _text(entry, theirs) for ours, theirs in directory.attributes.items()})
    return UpstreamIdentity(
        source=directory.source_id,
        issuer=directory.issuer,
        subject=_id_of(directory, entry),
        kind=AccountKind.STAFF,
        authentication=Authentication(assurance=directory.assurance, amr=AMR, at=now),
        attributes=PersonAttributes(
            full_name=told.full_name("full_name"),
            personal_number=told.personal_number("personal_number"),
            agency_code=told.text("agency_code") or directory.agency_code,
            phone=told.phone("phone"),
            email=told.text("email"),
        ),
    )


def _id_of(directory: Directory, entry: SearchEntry) -> str:
    """Shape: a UUID in its usual spelling; Active Directory sends its octets, in its own order."""
    found = values_of(entry, directory.id_attribute)
    if len(found) != 1:
        raise UpstreamRefused("subject")
    try:
        if directory.preset is DirectoryPreset.ACTIVE_DIRECTORY:
            return str(UUID(bytes_le=found[0]))
        return str(UUID(found[0].decode("ascii")))
    except ValueError:
        raise UpstreamRefused("subject") from None


def _text(entry: SearchEntry, name: str) -> str | None:
    """The first value: of several, a directory promises no order, so they should be one.

    Raises: UpstreamRefused for a value that is no text.
    """
    found = values_of(entry, name)
    if not found:
        return None
    try:
        return min(found).decode()
    except UnicodeDecodeError:
        raise UpstreamRefused("claim_shape") from None

"""What a directory is, and which way its people sign in. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from connectors.contract import Assurance, LocalText, SystemId
from connectors.sources.model import SourceId


class DirectoryPreset(StrEnum):
    """The directories whose habits we know."""

    OPENLDAP = "openldap"
    ACTIVE_DIRECTORY = "active-directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a directory is asked: always under TLS, from the first byte or by StartTLS."""

    host: str
    port: int
    start_tls: bool
    ca_file: str | None = None
    """Whose certificates are believed; None for those that the deployment believes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Who may come in: members of one of these groups. Groups in groups only where `nested`."""

    names: tuple[str, ...]
    nested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """One directory of staff, as its TOML table declares it."""

    source_id: SourceId
    preset: DirectoryPreset
    name: LocalText
    place: Place
    service_name: str
    service_password: bytes = field(repr=False)
    base: str
    object_class: str
    username_attribute: str
    id_attribute: str
    """Never given to another person, unlike a name: `objectGUID`, `entryUUID`."""
    attributes: Mapping[str, str]
    """What we call it, and what the directory does."""
    agency_code: str | None = None
    """Of everybody here, where no attribute tells it."""
    groups: Groups | None = None
    assurance: Assurance
    allowed_systems: frozenset[SystemId] | None = None
    declared_down: bool = False

    @property
    def issuer(self) -> str:
        """Whose word it is that somebody is somebody: the table's id, whatever the host is called."""
        return f"ldap:{self.source_id}"

    @property
    def highest(self) -> Assurance:
        """The level that everybody has from here."""
        return self.assurance

    @property
    def sign_in_path(self) -> str:
        """Where our page posts what was typed for this directory, and for no other."""
        return f"/upstream/{self.source_id}/sign-in"

    def serves(self, system: SystemId | None, required: Assurance) -> bool:
        """Whether a person may come from here to this system, at the level that it asks for."""
        if self.allowed_systems is not None and system not in self.allowed_systems:
            return False
        return required <= self.highest

"""What an information system is: who owns it, what it speaks, what it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from connectors.contract import (
    AccountKind,
    AccountNames,
    Admission,
    Assurance,
    ConsentRule,
    Dialect,
    LocalText,
    SectorId,
    SystemId,
    WhenUnlinked,
)
from connectors.mapping import STANDARD_RULES, ClaimRule
from connectors.provisioning.messages import Mode
from connectors.saml.names import NameIdFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerAgency:
    """An agency and the days on which it owns the system (`valid_to` excluded)."""

    code: str
    name: str
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpVerification:
    """The system checks an old password at this address."""

    url: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVerification:
    """Old passwords are checked against an extract."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketSettings:
    """How the signed one-time ticket reaches the system.

    While its secret is replaced there are two, and a ticket is sent under each of them: the
    application holds one secret at every moment, and takes the ticket that fits it.
    """

    return_urls: tuple[str, ...]
    secrets: tuple[str, ...] = field(repr=False)
    logout_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcsEndpoint:
    """An address of a system that takes SAML responses, and its number in the metadata."""

    url: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlSettings:
    """A SAML service provider, as its metadata or its table declares it.

    The first endpoint is the default one. Certificates are in DER.
    """

    entity_id: str
    acs: tuple[AcsEndpoint, ...]
    certificates: tuple[bytes, ...] = field(default=(), repr=False)
    name_id: NameIdFormat = NameIdFormat.PERSISTENT
    want_signed_requests: bool = True
    slo_url: str | None = None
    slo_soap_url: str | None = None
    encryption_certificate: bytes | None = field(default=None, repr=False)
    """Whose key can read the assertions; None where they go open."""
    name_certificate: bytes | None = field(default=None, repr=False)
    """Whose key can read the name of the person; None where it goes open."""
    attribute_names: Mapping[str, str] = field(default_factory=dict)
    """What a claim is called in the assertion, where the system knows it by another name."""
    valid_until: int | None = None
    """From then on its metadata vouches for nothing: no address in it, and no key."""

    def is_valid(self, now: int) -> bool:
        """Whether what the metadata says still counts.

        Spec: SAML Metadata 2.0 §2.3.2
        """
        return self.valid_until is None or now < self.valid_until


@dataclass(frozen=True, slots=True, kw_only=True)
class ScimPush:
    """The system has a SCIM 2.0 server."""

    url: str
    token: str = field(repr=False)
    bulk: bool = False
    extension: str | None = None
    """The schema under which claims go that a SCIM user has no place for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestPush:
    """The system has an address of its own kind, one for all accounts."""

    url: str
    method: str
    token: str = field(repr=False)
    body: Mapping[str, str]
    """Each member of the body, and the claim that it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvPush:
    """The system reads files in a folder."""

    folder: str
    columns: Mapping[str, str]
    """Each column, and the claim that it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsPush:
    """The system receives security event tokens."""

    url: str
    audience: str
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsPoll:
    """The system fetches its security event tokens, as a client of ours."""

    client: str
    audience: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPush:
    """The system receives signed web-hooks: two secrets while one is replaced."""

    url: str
    secrets: tuple[str, ...] = field(repr=False)


RecordPush = ScimPush | RestPush | CsvPush
"""The ways that carry a record, with the claims of the system."""
Push = RecordPush | EventsPush | EventsPoll | WebhookPush


@dataclass(frozen=True, slots=True, kw_only=True)
class CasSettings:
    """Which addresses of the system may ask for tickets, and who may act for a person there."""

    services: tuple[str, ...]
    """Whole addresses, and addresses that end in `/` for all that lies under them."""
    proxy_callbacks: tuple[str, ...] = ()
    proxied_by: tuple[SystemId, ...] = ()
    """The systems that may enter here on behalf of a person who is signed in to them."""
    logout: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardAuthSettings:
    """How a reverse proxy lets people through to the system, and what it tells the system.

    While its secret is replaced there are two, and the identity is signed under each of them.
    """

    origins: tuple[str, ...]
    secrets: tuple[str, ...] = field(repr=False)
    public_paths: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    """Plain headers and the claim that each of them carries."""
    admission: Admission | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LdapViewSettings:
    """What the system sees of its own people when it asks by LDAP.

    While its secret is replaced there are two; only their digests are kept.
    """

    base: str
    """Where its tree hangs; plainly written, in lower case."""
    secret_digests: tuple[bytes, ...] = field(repr=False)
    attributes: tuple[tuple[str, str], ...] = ()
    """LDAP attributes and the claim that each of them carries."""
    admission: Admission | None = None
    groups: tuple[tuple[str, Admission], ...] = ()
    """Groups by their rule: whom it admits is in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One information system, as its TOML table declares it."""

    system_id: SystemId
    name: LocalText
    owners: tuple[OwnerAgency, ...]
    level: str
    dialect: Dialect
    sector: SectorId
    required_assurance: Assurance
    claims: tuple[ClaimRule, ...] = STANDARD_RULES
    when_unlinked: WhenUnlinked
    provisioning: Mode = Mode.MATCH_ONLY
    push: Push | None = None
    """By which way the system is told; None where it is told nothing."""
    eligible: frozenset[AccountKind] = frozenset()
    """Whose accounts an operator may open before they come; only in `pre-provision`."""
    new_account_prefix: str = ""
    consent: ConsentRule = ConsentRule.IMPLIED
    address: str = ""
    verification: HttpVerification | FileVerification | None = None
    account_names: AccountNames = AccountNames.EXACT
    ticket: TicketSettings | None = None
    cas: CasSettings | None = None
    forward_auth: ForwardAuthSettings | None = None
    saml: SamlSettings | None = None
    ldap_view: LdapViewSettings | None = None

    def owner_on(self, day: date) -> OwnerAgency | None:
        """The agency that owns the system on a day."""
        for owner in self.owners:
            if owner.valid_from <= day and (owner.valid_to is None or day < owner.valid_to):
                return owner
        return None

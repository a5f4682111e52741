"""`[systems.ID]`: information systems, as their TOML tables declare them."""

import re
from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from connectors.config.cas import CasTable, between_systems, cas_settings
from connectors.config.checked import Entry, Table, checked
from connectors.config.forward_auth import (
    ForwardAuthTable,
    claims_not_declared,
    forward_auth_settings,
    shared_origins,
)
from connectors.config.ldap_view import (
    LdapViewTable,
    ldap_view_contradictions,
    ldap_view_settings,
    overlapping_bases,
)
from connectors.config.problems import Place, Problem
from connectors.config.provisioning import (
    ProvisioningTable,
    mode_of,
    provisioning_contradictions,
    push_of,
    with_its_mode,
)
from connectors.config.saml import SamlTable
from connectors.config.surroundings import Surroundings
from connectors.config.tables import ReadableFile, SecretTable, TextTable, WebAddress
from connectors.contract import (
    AccountNames,
    Assurance,
    ConsentRule,
    Dialect,
    SectorId,
    SystemId,
    WhenUnlinked,
)
from connectors.mapping import STANDARD_RULES, ClaimRule, Source, Transform
from connectors.registry import (
    FileVerification,
    HttpVerification,
    OwnerAgency,
    System,
    TicketSettings,
)

_SYSTEM_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}", re.ASCII)
RESERVED_CLAIMS = frozenset(
    {"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "sid", "nonce", "amr", "auth_time", "azp"}
    | {"at_hash", "c_hash", "events", "act", "state"}
    | {"authenticationDate", "isFromNewLogin", "longTermAuthenticationRequestTokenUsed"}
)
"""What a token says of itself; a rule that named one would speak in the token's own voice."""
_TABLE_OF = {
    Dialect.SIGNED_TICKET: "ticket",
    Dialect.CAS: "cas",
    Dialect.FORWARD_AUTH: "forward_auth",
    Dialect.SAML: "saml",
}
"""The table that each dialect has of its own; `ldap_view` may stand beside any of them."""
OWN_SOURCE = {"local_account": Source.LOCAL_ACCOUNT, "acr": Source.ACR}
"""Claims that systems act upon: they come from where their name says, or not at all."""


class OwnerTable(Table):
    """An agency, from one day to another."""

    code: Annotated[str, Field(pattern=r"^[A-Z0-9.]{1,35}$")]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    valid_from: date
    valid_to: date | None = None


def _not_reserved(claim: str) -> str:
    if claim in RESERVED_CLAIMS:
        raise ValueError("another name (tokens use this one themselves)")
    return claim


class RuleTable(Table):
    """One released claim."""

    claim: Annotated[
        str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,59}$"), AfterValidator(_not_reserved)
    ]
    source: Source
    transform: Transform = Transform.NONE
    required: bool = False
    scope: str = "openid"

    @model_validator(mode="after")
    def _from_its_own_source(self) -> "RuleTable":
        source = OWN_SOURCE.get(self.claim, self.source)
        if self.source is not source or (
            self.claim in OWN_SOURCE and self.transform is not Transform.NONE
        ):
            raise ValueError(f"{self.claim} to come from {source} as it is, or another name")
        return self


class VerificationTable(Table):
    """How an old password is checked: by the system, or against an extract."""

    url: WebAddress | None = None
    secret: SecretTable | None = None
    password_file: ReadableFile | None = None
    account_names: AccountNames | None = None
    """Only where the system is asked: the names of an extract are found as they are written."""


class TicketTable(Table):
    """Where tickets go, and what signs them: two secrets while one is replaced."""

    return_urls: Annotated[tuple[WebAddress, ...], Field(min_length=1)]
    secrets: Annotated[tuple[SecretTable, ...], Field(min_length=1, max_length=2)]
    logout_url: WebAddress | None = None


class SystemTable(Table):
    """One `[systems.ID]`."""

    name: TextTable
    owners: Annotated[tuple[OwnerTable, ...], Field(min_length=1)]
    level: Literal["national", "province", "commune"]
    dialect: Dialect
    sector: Annotated[str, Field(pattern=r"^[a-z0-9._-]{1,100}$")] | None = None
    required_assurance: Annotated[int, Field(ge=1, le=2)] = 1
    claims: tuple[RuleTable, ...] | None = None
    when_unlinked: WhenUnlinked
    provisioning: ProvisioningTable | None = None
    """How records come into being, and how the system hears of changes."""
    new_account_prefix: Annotated[str, Field(pattern=r"^[a-z0-9-]{0,20}$")] = ""
    consent: ConsentRule = ConsentRule.IMPLIED
    address: str = ""
    verification: VerificationTable | None = None
    ticket: TicketTable | None = None
    cas: CasTable | None = None
    forward_auth: ForwardAuthTable | None = None
    saml: SamlTable | None = None
    ldap_view: LdapViewTable | None = None


def read_systems(
    entries: Mapping[str, Entry], surroundings: Surroundings
) -> tuple[dict[SystemId, System], list[Problem]]:
    """All systems that are declared without mistake, and every mistake in the others."""
    systems: dict[SystemId, System] = {}
    problems: list[Problem] = []
    for name, entry in entries.items():
        found: list[Problem] = []
        if not _SYSTEM_ID.fullmatch(name):
            found.append(entry.place.problem("an id of a-z, 0-9 and ._-, at most 50"))
        table = checked(SystemTable, with_its_mode(entry), surroundings, found)
        if table is not None:
            found += _contradictions(table, entry.place)
        if table is not None and not found:
            systems[SystemId(name)] = _system(SystemId(name), table)
        problems += found
    problems += between_systems(systems, entries) + shared_origins(systems, entries)
    problems += overlapping_bases(systems, entries)
    return systems, problems + _shared_entity_ids(entries, systems)


def _shared_entity_ids(
    entries: Mapping[str, Entry], systems: Mapping[SystemId, System]
) -> list[Problem]:
    """Two systems under one name could read each other's answers."""
    owned: set[str] = set()
    found: list[Problem] = []
    for name, system in systems.items():
        if system.saml is None:
            continue
        if system.saml.entity_id in owned:
            place = entries[name].place.at("saml")
            found.append(place.problem("an entity id that no other system has"))
        owned.add(system.saml.entity_id)
    return found


def _contradictions(table: SystemTable, place: Place) -> list[Problem]:
    """Keys that are right by themselves, and not together."""
    found: list[Problem] = []
    if table.dialect is Dialect.HAND_OFF:
        found.append(place.at("dialect").problem("a dialect that systems speak"))
    for dialect, key in _TABLE_OF.items():
        if (table.dialect is dialect) != (getattr(table, key) is not None):
            wanted = f"a {key} table exactly where the dialect is {dialect}"
            found.append(place.at(key).problem(wanted))
    if table.dialect is not Dialect.OIDC and table.claims is None:
        # Only OIDC has scopes that could be asked for: the standard rules would release all.
        wanted = "the claims of the system, one by one ([] for none)"
        found.append(place.at("claims").problem(wanted))
    if table.provisioning is not None:
        found += provisioning_contradictions(
            table.provisioning,
            place.at("provisioning"),
            _rules(table.claims),
            creates=table.when_unlinked is WhenUnlinked.CREATE,
        )
        if table.provisioning.eligible and table.consent is not ConsentRule.IMPLIED:
            # Nobody who has not been here yet can have been asked.
            wanted = "implied, where accounts are opened before their people come"
            found.append(place.at("consent").problem(wanted))
    if table.when_unlinked is WhenUnlinked.CLAIM and table.verification is None:
        wanted = "how an old password is checked, where accounts can be claimed"
        found.append(place.at("verification").problem(wanted))
    if table.verification is not None and not _one_way(table.verification):
        wanted = "either url and secret, or password_file"
        found.append(place.at("verification").problem(wanted))
    if table.verification is not None and not _names_for_a_url(table.verification):
        wanted = "account_names only where there is a url"
        found.append(place.at("verification", "account_names").problem(wanted))
    names = [rule.claim for rule in table.claims or ()]
    found += claims_not_declared(table.forward_auth, names, place)
    found += ldap_view_contradictions(
        table.ldap_view,
        place,
        _rules(table.claims),
        alone=table.dialect is Dialect.LDAP_VIEW,
        level=table.required_assurance,
        consent=table.consent,
    )
    found += [
        place.at("claims", number, "claim").problem("each claim only once")
        for number, claim in enumerate(names)
        if claim in names[:number]
    ]
    return found + _owner_contradictions(table.owners, place.at("owners"))


def _rules(claims: tuple[RuleTable, ...] | None) -> tuple[ClaimRule, ...] | None:
    return None if claims is None else tuple(ClaimRule(**rule.model_dump()) for rule in claims)


def _one_way(table: VerificationTable) -> bool:
    by_asking = table.url is not None and table.secret is not None
    by_file = table.password_file is not None
    return by_asking != by_file and (table.url is not None) == (table.secret is not None)


def _names_for_a_url(table: VerificationTable) -> bool:
    return table.account_names is None or table.url is not None


def _owner_contradictions(owners: tuple[OwnerTable, ...], place: Place) -> list[Problem]:
    found = [
        place.at(number, "valid_to").problem("a day after valid_from")
        for number, owner in enumerate(owners)
        if owner.valid_to is not None and owner.valid_to <= owner.valid_from
    ]
    in_order = sorted(owners, key=lambda owner: owner.valid_from)
    if any(
        earlier.valid_to is None or earlier.valid_to > later.valid_from
        for earlier, later in pairwise(in_order)
    ):
        found.append(place.problem("periods that do not overlap"))
    return found


def _system(system_id: SystemId, table: SystemTable) -> System:
    rules = _rules(table.claims)
    creates = table.when_unlinked is WhenUnlinked.CREATE
    return System(
        system_id=system_id,
        name=table.name.text(),
        owners=tuple(OwnerAgency(**owner.model_dump()) for owner in table.owners),
        level=table.level,
        dialect=table.dialect,
        sector=SectorId(table.sector or system_id),
        required_assurance=Assurance(table.required_assurance),
        claims=STANDARD_RULES if rules is None else rules,
        when_unlinked=table.when_unlinked,
        provisioning=mode_of(table.provisioning, creates=creates),
        push=push_of(table.provisioning),
        eligible=frozenset((table.provisioning and table.provisioning.eligible) or ()),
        new_account_prefix=table.new_account_prefix,
        consent=table.consent,
        address=table.address,
        verification=_verification(table.verification),
        account_names=_account_names(table.verification),
        ticket=_ticket(table.ticket),
        cas=cas_settings(table.cas),
        forward_auth=forward_auth_settings(table.forward_auth),
        saml=table.saml.settings if table.saml else None,
        ldap_view=ldap_view_settings(table.ldap_view),
    )


def _verification(
    table: VerificationTable | None,
) -> HttpVerification | FileVerification | None:
    if table is None:
        return None
    if table.url is not None and table.secret is not None:
        return HttpVerification(url=table.url, secret=table.secret.secret)
    return FileVerification(path=table.password_file or "")


def _account_names(table: VerificationTable | None) -> AccountNames:
    declared = table.account_names if table is not None else None
    return declared or AccountNames.EXACT


def _ticket(table: TicketTable | None) -> TicketSettings | None:
    if table is None:
        return None
    return TicketSettings(
        return_urls=table.return_urls,
        secrets=tuple(entry.secret for entry in table.secrets),
        logout_url=table.logout_url,
    )

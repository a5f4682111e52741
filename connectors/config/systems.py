"""`[systems.ID]`: information systems, as their TOML tables declare them."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from connectors.config.cas import CasTable, between_systems, cas_settings
from connectors.config.checked import Entry, Table, checked
from connectors.config.claims import RuleTable, claimed_twice, rules_of
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
from connectors.config.owners import OwnerTable, owner_contradictions, owners_of
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
from connectors.config.tables import TextTable
from connectors.config.ticket import TicketTable, ticket_settings
from connectors.config.verification import (
    VerificationTable,
    account_names_of,
    verification_contradictions,
    verification_of,
)
from connectors.contract import (
    Assurance,
    ConsentRule,
    Dialect,
    SectorId,
    SystemId,
    WhenUnlinked,
)
from connectors.mapping import STANDARD_RULES
from connectors.registry import System

_SYSTEM_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}", re.ASCII)
_TABLE_OF = {
    Dialect.SIGNED_TICKET: "ticket",
    Dialect.CAS: "cas",
    Dialect.FORWARD_AUTH: "forward_auth",
    Dialect.SAML: "saml",
}
"""The table that each dialect has of its own; `ldap_view` may stand beside any of them."""


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
            rules_of(table.claims),
            creates=table.when_unlinked is WhenUnlinked.CREATE,
        )
        if table.provisioning.eligible and table.consent is not ConsentRule.IMPLIED:
            # Nobody who has not been here yet can have been asked.
            wanted = "implied, where accounts are opened before their people come"
            found.append(place.at("consent").problem(wanted))
    if table.when_unlinked is WhenUnlinked.CLAIM and table.verification is None:
        wanted = "how an old password is checked, where accounts can be claimed"
        found.append(place.at("verification").problem(wanted))
    if table.verification is not None:
        found += verification_contradictions(table.verification, place.at("verification"))
    names = [rule.claim for rule in table.claims or ()]
    found += claims_not_declared(table.forward_auth, names, place)
    found += ldap_view_contradictions(
        table.ldap_view,
        place,
        rules_of(table.claims),
        alone=table.dialect is Dialect.LDAP_VIEW,
        level=table.required_assurance,
        consent=table.consent,
    )
    found += claimed_twice(names, place.at("claims"))
    return found + owner_contradictions(table.owners, place.at("owners"))


def _system(system_id: SystemId, table: SystemTable) -> System:
    rules = rules_of(table.claims)
    creates = table.when_unlinked is WhenUnlinked.CREATE
    return System(
        system_id=system_id,
        name=table.name.text(),
        owners=owners_of(table.owners),
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
        verification=verification_of(table.verification),
        account_names=account_names_of(table.verification),
        ticket=ticket_settings(table.ticket),
        cas=cas_settings(table.cas),
        forward_auth=forward_auth_settings(table.forward_auth),
        saml=table.saml.settings if table.saml else None,
        ldap_view=ldap_view_settings(table.ldap_view),
    )

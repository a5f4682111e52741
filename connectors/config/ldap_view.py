"""`ldap_view = { … }` of a system: where its tree hangs, how it proves itself, what it reads."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from connectors.config.checked import Entry, Table
from connectors.config.forward_auth import AdmissionTable, admission_of
from connectors.config.problems import Place, Problem
from connectors.config.tables import SecretTable
from connectors.contract import Admission, ConsentRule, SystemId
from connectors.mapping import ClaimRule, Source
from connectors.registry import LdapViewSettings, System
from connectors.systems.ldap_view.schema import MAPPABLE

_RDN = r"(?:dc|ou|o)=[a-z0-9](?:[a-z0-9 .-]{0,61}[a-z0-9])?"


def _mappable(name: str) -> str:
    if name not in MAPPABLE:
        raise ValueError(f"one of {', '.join(sorted(MAPPABLE))}")
    return name


AttributeName = Annotated[str, AfterValidator(_mappable)]
GroupName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class LdapViewTable(Table):
    """A tree of the system's own: two secrets while one is replaced."""

    base: Annotated[str, Field(pattern=rf"^{_RDN}(?:,{_RDN}){{0,7}}$")]
    secrets: Annotated[tuple[SecretTable, ...], Field(min_length=1, max_length=2)]
    attributes: Mapping[AttributeName, str] = {}
    admits: AdmissionTable | None = None
    groups: Mapping[GroupName, AdmissionTable] = {}


def ldap_view_settings(table: LdapViewTable | None) -> LdapViewSettings | None:
    """As the rest of the house knows it."""
    if table is None:
        return None
    return LdapViewSettings(
        base=table.base,
        secret_digests=tuple(
            hashlib.sha256(entry.secret.encode()).digest() for entry in table.secrets
        ),
        attributes=tuple(table.attributes.items()),
        admission=admission_of(table.admits),
        groups=tuple(
            (name, admission_of(rule) or Admission()) for name, rule in table.groups.items()
        ),
    )


def ldap_view_contradictions(
    table: LdapViewTable | None,
    place: Place,
    rules: Sequence[ClaimRule] | None,
    *,
    alone: bool,
    level: int,
    consent: ConsentRule,
) -> list[Problem]:
    """What a view cannot keep: it asks nobody, knows no second factor, and sees declared claims."""
    at = place.at("ldap_view")
    if table is None:
        return [at.problem("an ldap_view table where the dialect is ldap_view")] if alone else []
    found = []
    if level > 1:
        wanted = "1 where there is an ldap_view: an app password proves no more"
        found.append(place.at("required_assurance").problem(wanted))
    if consent is ConsentRule.ASK:
        found.append(place.at("consent").problem("implied where there is an ldap_view"))
    if rules is None and not alone:  # the dialect itself asks for them else
        wanted = "the claims of the system, one by one, where there is an ldap_view"
        found.append(place.at("claims").problem(wanted))
    declared = {rule.claim for rule in rules or () if rule.source is not Source.ACR}
    found += [
        at.at("attributes", name).problem("a declared claim (none of a sign-in, as acr is)")
        for name, claim in table.attributes.items()
        if claim not in declared
    ]
    return found


def overlapping_bases(
    systems: Mapping[SystemId, System], entries: Mapping[str, Entry]
) -> list[Problem]:
    """Two trees of which one hangs in the other: a system sees its own people alone."""
    found: list[Problem] = []
    taken: list[str] = []
    for name, system in systems.items():
        if system.ldap_view is None:
            continue
        base = f",{system.ldap_view.base}"
        if any(base.endswith(other) or other.endswith(base) for other in taken):
            place = entries[name].place.at("ldap_view", "base")
            found.append(place.problem("a base that is not in another system's tree, nor above it"))
        taken.append(base)
    return found

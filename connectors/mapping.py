"""Claim mapping: an identity and a link become exactly the claims that a system declared."""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from connectors.contract import AccountKind, LocalAccount, PersonAttributes, VerifiedIdentity
from connectors.errors import RequiredClaimMissing
from connectors.identifiers.phone import e164

Claim = str | int | bool | dict[str, str]


class Source(StrEnum):
    """Where a claim's value can come from: a closed list."""

    FULL_NAME = "full_name"
    BIRTHDATE = "birthdate"
    BIRTHDATE_PRECISION = "birthdate_precision"
    GENDER = "gender"
    PERSONAL_NUMBER = "personal_number"
    TECH_ID = "tech_id"
    TAX_CODE = "tax_code"
    ENTERPRISE_CODE = "enterprise_code"
    BUSINESS_NAME = "business_name"
    PASSPORT = "passport"
    AGENCY_CODE = "agency_code"
    PHONE = "phone"
    PHONE_VERIFIED = "phone_verified"
    EMAIL = "email"
    EMAIL_VERIFIED = "email_verified"
    ADDRESS = "address"
    UPDATED_AT = "updated_at"
    ACCOUNT_KIND = "account_kind"
    LOCAL_ACCOUNT = "local_account"
    ACR = "acr"


class Transform(StrEnum):
    """What may be done to a value: a closed list."""

    NONE = "none"
    UPPER = "upper"
    FOLD_ASCII = "fold_ascii"
    YYYYMMDD = "yyyymmdd"
    YEAR_ONLY = "year_only"
    E164 = "e164"
    FORMATTED_ADDRESS = "formatted_address"
    VNCONNECT_KIND = "vnconnect_kind"
    """`LoaiTaiKhoan`: 1 for a citizen, 2 for a business; nothing for anybody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRule:
    """One released claim: its name, its source, and the scope that opens it."""

    claim: str
    source: Source
    transform: Transform = Transform.NONE
    required: bool = False
    scope: str = "openid"


def claims_for(
    rules: tuple[ClaimRule, ...],
    identity: VerifiedIdentity,
    account: LocalAccount | None,
    scopes: frozenset[str],
    requested: frozenset[str],
) -> dict[str, Claim]:
    """What the rules name and the scopes, or a request by name, open; nothing else.

    Empty values are left out.

    Spec: OIDC Core §5.1, §5.4, §5.5
    Raises: RequiredClaimMissing.
    """
    claims: dict[str, Claim] = {}
    for rule in rules:
        if rule.scope not in scopes and rule.claim not in requested:
            continue
        value = _value(rule, identity, account)
        if value is not None:
            claims[rule.claim] = value
        elif rule.required:
            raise RequiredClaimMissing(rule.claim)
    return claims


def required_claims(
    rules: tuple[ClaimRule, ...], scopes: frozenset[str], requested: frozenset[str]
) -> frozenset[str]:
    """The claims that `claims_for` would not go without; known before the person is."""
    return frozenset(
        rule.claim
        for rule in rules
        if rule.required and (rule.scope in scopes or rule.claim in requested)
    )


def missing_sources(
    rules: tuple[ClaimRule, ...],
    claims: frozenset[str],
    identity: VerifiedIdentity,
    account: LocalAccount | None,
) -> frozenset[Source]:
    """Where these claims would come from, and nothing is: kinds of data, never a value."""
    return frozenset(
        rule.source
        for rule in rules
        if rule.claim in claims and _value(rule, identity, account) is None
    )


def differing_sources(before: PersonAttributes, after: PersonAttributes) -> frozenset[Source]:
    """Which kinds of data are not as they were: kinds, never a value.

    Why without `updated_at`: every visit moves it, and by itself it says nothing of the person.
    """
    differing = frozenset(
        source
        for source in _OF_ATTRIBUTES
        if getattr(before, source.value) != getattr(after, source.value)
    )
    aged = Source.BIRTHDATE in differing
    return differing | ({Source.BIRTHDATE_PRECISION} if aged else frozenset())


def scopes_named(rules: tuple[ClaimRule, ...], names: frozenset[str]) -> frozenset[str]:
    """The scopes that claims asked for by name belong to: what a person is asked about."""
    return frozenset(rule.scope for rule in rules if rule.claim in names)


def _value(
    rule: ClaimRule, identity: VerifiedIdentity, account: LocalAccount | None
) -> Claim | None:
    """The transformed value; None where there is none, before or after the transform."""
    value = _SOURCES[rule.source](identity, account)
    if value is None or value == "":
        return None
    transformed = _TRANSFORMS[rule.transform](value)
    return None if transformed == "" else transformed


Read = Callable[[VerifiedIdentity, LocalAccount | None], str | int | bool | None]

_SOURCES: Mapping[Source, Read] = {
    Source.FULL_NAME: lambda who, _: unicodedata.normalize("NFC", who.attributes.full_name),
    Source.BIRTHDATE: lambda who, _: (
        who.attributes.birthdate.value if who.attributes.birthdate else None
    ),
    Source.BIRTHDATE_PRECISION: lambda who, _: (
        who.attributes.birthdate.precision if who.attributes.birthdate else None
    ),
    Source.GENDER: lambda who, _: who.attributes.gender,
    Source.PERSONAL_NUMBER: lambda who, _: who.attributes.personal_number,
    Source.TECH_ID: lambda who, _: who.attributes.tech_id,
    Source.TAX_CODE: lambda who, _: who.attributes.tax_code,
    Source.ENTERPRISE_CODE: lambda who, _: who.attributes.enterprise_code,
    Source.BUSINESS_NAME: lambda who, _: who.attributes.business_name,
    Source.PASSPORT: lambda who, _: who.attributes.passport,
    Source.AGENCY_CODE: lambda who, _: who.attributes.agency_code,
    Source.PHONE: lambda who, _: who.attributes.phone,
    Source.PHONE_VERIFIED: lambda who, _: (
        who.attributes.phone_verified if who.attributes.phone else None
    ),
    Source.EMAIL: lambda who, _: who.attributes.email,
    Source.EMAIL_VERIFIED: lambda who, _: (
        who.attributes.email_verified if who.attributes.email else None
    ),
    Source.ADDRESS: lambda who, _: who.attributes.address,
    Source.UPDATED_AT: lambda who, _: who.attributes.updated_at,
    Source.ACCOUNT_KIND: lambda who, _: who.kind.value,
    Source.LOCAL_ACCOUNT: lambda _, account: account.account if account else None,
    Source.ACR: lambda who, _: who.assurance.acr,
}


_OF_ATTRIBUTES = frozenset(Source) - {
    Source.BIRTHDATE_PRECISION, Source.UPDATED_AT, Source.ACCOUNT_KIND, Source.LOCAL_ACCOUNT,
    Source.ACR,
}  # fmt: skip
"""Sources that are an attribute of the same name."""


def fold_ascii(text: str) -> str:
    """Vietnamese text in plain letters; `đ` does not decompose and is folded by name."""
    spelled = text.replace("đ", "d").replace("Đ", "D")
    decomposed = unicodedata.normalize("NFD", spelled)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _text(change: Callable[[str], Claim]) -> Callable[[str | int | bool], Claim]:
    return lambda value: change(value) if isinstance(value, str) else value


_VNCONNECT_KINDS = {AccountKind.CITIZEN.value: "1", AccountKind.BUSINESS.value: "2"}
_TRANSFORMS: Mapping[Transform, Callable[[str | int | bool], Claim]] = {
    Transform.NONE: lambda value: value,
    Transform.UPPER: _text(str.upper),
    Transform.FOLD_ASCII: _text(fold_ascii),
    Transform.YYYYMMDD: _text(lambda text: text.replace("-", "")),
    Transform.YEAR_ONLY: _text(lambda text: text[:4]),
    Transform.E164: _text(e164),
    Transform.VNCONNECT_KIND: _text(lambda text: _VNCONNECT_KINDS.get(text, "")),
    Transform.FORMATTED_ADDRESS: _text(lambda text: {"formatted": text}),
}


def _rule(
    scope: str, claim: str, source: Source, transform: Transform = Transform.NONE
) -> ClaimRule:
    return ClaimRule(claim=claim, source=source, transform=transform, scope=scope)


STANDARD_RULES: tuple[ClaimRule, ...] = (
    _rule("openid", "vn_account_type", Source.ACCOUNT_KIND),
    _rule("openid", "local_account", Source.LOCAL_ACCOUNT),
    _rule("profile", "name", Source.FULL_NAME),
    _rule("profile", "birthdate", Source.BIRTHDATE),
    _rule("profile", "gender", Source.GENDER),
    _rule("profile", "updated_at", Source.UPDATED_AT),
    _rule("email", "email", Source.EMAIL),
    _rule("email", "email_verified", Source.EMAIL_VERIFIED),
    _rule("phone", "phone_number", Source.PHONE, Transform.E164),
    _rule("phone", "phone_number_verified", Source.PHONE_VERIFIED),
    _rule("address", "address", Source.ADDRESS, Transform.FORMATTED_ADDRESS),
    _rule("vn_identity", "vn_personal_id", Source.PERSONAL_NUMBER),
    _rule("vn_identity", "vn_birthdate_precision", Source.BIRTHDATE_PRECISION),
    _rule("vn_identity", "vn_tech_id", Source.TECH_ID),
    _rule("vn_business", "vn_tax_code", Source.TAX_CODE),
    _rule("vn_business", "vn_enterprise_code", Source.ENTERPRISE_CODE),
    _rule("vn_staff", "vn_agency_code", Source.AGENCY_CODE),
)
"""What scopes open for a system that declares no rules. A full name is one string: upstream
family and given names are unreliable, so they are not split (OIDC Core §5.1 leaves both optional).
"""

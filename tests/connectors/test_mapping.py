"""Golden tests of claim mapping: what is not named is not released."""

import pytest

from connectors.contract import (
    AccountId,
    AccountKind,
    Assurance,
    Birthdate,
    LocalAccount,
    PairwiseSub,
    PersonAttributes,
    SubjectId,
    SystemId,
    VerifiedIdentity,
)
from connectors.errors import ConnectorsError, RequiredClaimMissing
from connectors.mapping import (
    STANDARD_RULES,
    ClaimRule,
    Source,
    Transform,
    claims_for,
    e164,
    fold_ascii,
    missing_sources,
    required_claims,
)

ALL = frozenset({"openid", "profile", "email", "phone", "address"}) | {
    "vn_identity",
    "vn_business",
    "vn_staff",
}
ACCOUNT = LocalAccount(system=SystemId("land"), account=AccountId("dd-0017"))
NOTHING: frozenset[str] = frozenset()


def who(**attributes: object) -> VerifiedIdentity:
    known: dict[str, object] = {
        "full_name": "Đặng Thị Thúy",
        "birthdate": Birthdate(value="1985-03-14"),
        "gender": "female",
        "personal_number": "074185000001",
        "tech_id": "t-1",
        "phone": "0905 000 001",
        "phone_verified": True,
        "email": "thuy@vidu.example",
        "address": "Phường Thủ Dầu Một",
        "updated_at": 1_700_000_000,
    }
    return VerifiedIdentity(
        subject=SubjectId("subject-1"),
        sub=PairwiseSub("pairwise-1"),
        kind=AccountKind.CITIZEN,
        assurance=Assurance.LEVEL_2,
        amr=("pwd", "otp"),
        authenticated_at=1_800_000_000,
        attributes=PersonAttributes(**(known | attributes)),  # type: ignore[arg-type]
    )


def one(transform: Transform, source: Source = Source.FULL_NAME, **attributes: object) -> object:
    rule = ClaimRule(claim="x", source=source, transform=transform)
    return claims_for((rule,), who(**attributes), ACCOUNT, frozenset({"openid"}), NOTHING).get("x")


def test_the_standard_table_with_every_scope_gives_exactly_the_known_claims() -> None:
    assert claims_for(STANDARD_RULES, who(), ACCOUNT, ALL, NOTHING) == {
        "vn_account_type": "citizen",
        "local_account": "dd-0017",
        "name": "Đặng Thị Thúy",
        "birthdate": "1985-03-14",
        "gender": "female",
        "updated_at": 1_700_000_000,
        "email": "thuy@vidu.example",
        "email_verified": False,
        "phone_number": "+84905000001",
        "phone_number_verified": True,
        "address": {"formatted": "Phường Thủ Dầu Một"},
        "vn_personal_id": "074185000001",
        "vn_birthdate_precision": "day",
        "vn_tech_id": "t-1",
    }


@pytest.mark.parametrize(
    ("scope", "claims"),
    [
        ("openid", {"vn_account_type", "local_account"}),
        ("profile", {"name", "birthdate", "gender", "updated_at"}),
        ("email", {"email", "email_verified"}),
        ("phone", {"phone_number", "phone_number_verified"}),
        ("address", {"address"}),
        ("vn_identity", {"vn_personal_id", "vn_birthdate_precision", "vn_tech_id"}),
        ("vn_business", {"vn_tax_code", "vn_enterprise_code"}),
        ("vn_staff", {"vn_agency_code"}),
    ],
)
def test_a_scope_opens_its_own_claims_and_no_others(scope: str, claims: set[str]) -> None:
    identity = who(tax_code="3700000000", enterprise_code="e-1", agency_code="H55.242")
    assert set(claims_for(STANDARD_RULES, identity, ACCOUNT, frozenset({scope}), NOTHING)) == claims


def test_neither_scope_nor_request_releases_nothing() -> None:
    assert claims_for(STANDARD_RULES, who(), ACCOUNT, NOTHING, NOTHING) == {}


def test_a_claim_requested_by_name_is_released_without_its_scope() -> None:
    claims = claims_for(STANDARD_RULES, who(), None, NOTHING, frozenset({"email"}))
    assert claims == {"email": "thuy@vidu.example"}


def test_a_request_cannot_name_a_claim_that_the_system_did_not_declare() -> None:
    rules = (ClaimRule(claim="name", source=Source.FULL_NAME),)
    asked = frozenset({"email", "vn_personal_id"})
    assert claims_for(rules, who(), ACCOUNT, ALL, asked) == {"name": "Đặng Thị Thúy"}


def test_empty_values_are_left_out_and_false_is_not_empty() -> None:
    identity = who(email="", birthdate=None, phone="0905000001", phone_verified=False)
    claims = claims_for(STANDARD_RULES, identity, None, ALL, NOTHING)
    assert not {"email", "email_verified", "birthdate", "vn_birthdate_precision"} & set(claims)
    assert claims["phone_number_verified"] is False
    assert "local_account" not in claims


def test_without_a_phone_nothing_is_said_about_its_verification() -> None:
    claims = claims_for(STANDARD_RULES, who(phone=None), None, ALL, NOTHING)
    assert not {"phone_number", "phone_number_verified"} & set(claims)


def test_a_phone_that_is_no_number_is_left_out() -> None:
    claims = claims_for(STANDARD_RULES, who(phone="không có"), None, ALL, NOTHING)
    assert "phone_number" not in claims


def test_a_required_claim_that_the_transform_empties_is_missing() -> None:
    rule = ClaimRule(claim="p", source=Source.PHONE, transform=Transform.E164, required=True)
    with pytest.raises(RequiredClaimMissing):
        claims_for((rule,), who(phone="?"), None, frozenset({"openid"}), NOTHING)


def test_a_missing_required_claim_refuses_by_name_and_without_any_value() -> None:
    rules = (
        ClaimRule(claim="name", source=Source.FULL_NAME),
        ClaimRule(claim="tax", source=Source.TAX_CODE, required=True),
    )
    with pytest.raises(RequiredClaimMissing) as refused:
        claims_for(rules, who(), ACCOUNT, ALL, NOTHING)
    assert refused.value.claim == "tax"
    assert isinstance(refused.value, ConnectorsError)
    assert "Thúy" not in str(refused.value)


def test_a_required_claim_behind_a_closed_scope_is_not_asked_for() -> None:
    rules = (ClaimRule(claim="tax", source=Source.TAX_CODE, required=True, scope="vn_business"),)
    assert claims_for(rules, who(), ACCOUNT, frozenset({"openid"}), NOTHING) == {}


REQUIRING = (
    ClaimRule(claim="name", source=Source.FULL_NAME, required=True),
    ClaimRule(claim="mail", source=Source.EMAIL),
    ClaimRule(claim="tax", source=Source.TAX_CODE, required=True, scope="vn_business"),
    ClaimRule(claim="p", source=Source.PHONE, transform=Transform.E164, required=True),
    ClaimRule(claim="ok", source=Source.EMAIL_VERIFIED, required=True),
    ClaimRule(claim="account", source=Source.LOCAL_ACCOUNT, required=True),
)


@pytest.mark.parametrize(
    ("scopes", "requested", "required"),
    [
        ({"openid"}, NOTHING, {"name", "p", "ok", "account"}),
        ({"openid", "vn_business"}, NOTHING, {"name", "p", "ok", "account", "tax"}),
        ({"openid"}, frozenset({"tax"}), {"name", "p", "ok", "account", "tax"}),
        (set(), frozenset({"mail"}), set()),
    ],
)
def test_what_is_required_follows_from_the_request_alone(
    scopes: set[str], requested: frozenset[str], required: set[str]
) -> None:
    assert required_claims(REQUIRING, frozenset(scopes), requested) == required


@pytest.mark.parametrize("account", [None, ACCOUNT])
@pytest.mark.parametrize(
    ("known", "missing"),
    [
        ({"tax_code": "0123456789", "email": "a@vidu.example"}, set()),
        ({"tax_code": "", "email": "a@vidu.example"}, {Source.TAX_CODE}),
        ({"tax_code": None, "phone": "?", "email": None},
         {Source.TAX_CODE, Source.PHONE, Source.EMAIL_VERIFIED}),
    ],
)  # fmt: skip
def test_what_is_missing_is_what_the_claims_would_be_refused_for(
    known: dict[str, object], missing: set[Source], account: LocalAccount | None
) -> None:
    person = who(**known)
    asked = required_claims(REQUIRING, ALL, NOTHING)
    found = missing_sources(REQUIRING, asked, person, account)
    assert found == missing | (set() if account else {Source.LOCAL_ACCOUNT})
    if found:
        with pytest.raises(RequiredClaimMissing):
            claims_for(REQUIRING, person, account, ALL, NOTHING)
    else:
        assert claims_for(REQUIRING, person, account, ALL, NOTHING)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Đặng Thị Thúy", "Dang Thi Thuy"),
        ("đường Ngô Gia Tự", "duong Ngo Gia Tu"),
        ("Nguyễn Ước", "Nguyen Uoc"),
        ("NGUYE\u0302\u0303N", "NGUYEN"),
        ("Smith", "Smith"),
    ],
)
def test_folding_leaves_plain_letters(text: str, folded: str) -> None:
    assert fold_ascii(text) == folded


@pytest.mark.parametrize("phone", ["0905000001", "+84 905 000 001", "84905000001", "0905.000.001"])
def test_every_spelling_of_a_phone_is_one_international_number(phone: str) -> None:
    assert e164(phone) == "+84905000001"


@pytest.mark.parametrize(
    ("transform", "source", "expected"),
    [
        (Transform.NONE, Source.FULL_NAME, "Đặng Thị Thúy"),
        (Transform.UPPER, Source.FULL_NAME, "ĐẶNG THỊ THÚY"),
        (Transform.FOLD_ASCII, Source.FULL_NAME, "Dang Thi Thuy"),
        (Transform.YYYYMMDD, Source.BIRTHDATE, "19850314"),
        (Transform.YEAR_ONLY, Source.BIRTHDATE, "1985"),
        (Transform.E164, Source.PHONE, "+84905000001"),
        (Transform.FORMATTED_ADDRESS, Source.ADDRESS, {"formatted": "Phường Thủ Dầu Một"}),
        (Transform.VNCONNECT_KIND, Source.ACCOUNT_KIND, "1"),
        (Transform.NONE, Source.ACR, "LoA2"),
        (Transform.UPPER, Source.UPDATED_AT, 1_700_000_000),
    ],
)
def test_each_transform(transform: Transform, source: Source, expected: object) -> None:
    assert one(transform, source) == expected


def test_a_decomposed_name_is_released_composed() -> None:
    assert one(Transform.NONE, full_name="Thu\u0301y") == "Th\u00fay"


@pytest.mark.parametrize(
    ("value", "precision"), [("1950", "year"), ("1950-02", "month"), ("1950-02-03", "day")]
)
def test_a_birthdate_is_told_with_what_is_known_of_it(value: str, precision: str) -> None:
    identity = who(birthdate=Birthdate(value=value))
    claims = claims_for(STANDARD_RULES, identity, None, ALL, NOTHING)
    assert (claims["birthdate"], claims["vn_birthdate_precision"]) == (value, precision)


def test_every_source_and_every_transform_has_a_meaning() -> None:
    for source in Source:
        for transform in Transform:
            one(transform, source, tax_code="1", enterprise_code="2", agency_code="3")

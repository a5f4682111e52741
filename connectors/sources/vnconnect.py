"""VNConnect, the sign-on of the National Public Service Portal: its claims, as clients see them."""

from collections.abc import Mapping

from connectors.contract import AccountKind, PersonAttributes
from connectors.errors import UpstreamRefused
from connectors.sources.model import Source, UpstreamIdentity
from connectors.sources.oidc import acr_in, authentication_of
from connectors.sources.told import Told
from keys.verified import VerifiedClaims

LEVELS = {"LoA1": 1, "LoA2": 2}
KINDS = {"1": AccountKind.CITIZEN, "2": AccountKind.BUSINESS}
_SEX = {"nam": "male", "nữ": "female", "nu": "female", "1": "male", "2": "female"}


def identity_of(
    source: Source, claims: VerifiedClaims | None, userinfo: Mapping[str, object]
) -> UpstreamIdentity:
    """The person or business. `HoVaTen` is one string and stays one: it is never split.

    `sub` alone is the identity; `TechID` goes on as an attribute, since other systems know the
    person by it.

    Raises: UpstreamRefused.
    """
    told = Told(userinfo)
    kind = KINDS.get(told.code("LoaiTaiKhoan") or "")
    if kind is None:
        raise UpstreamRefused("account_kind")
    name = "HoVaTen" if kind is AccountKind.CITIZEN else _name_of_business(told)
    return UpstreamIdentity(
        source=source.source_id,
        issuer=source.issuer,
        subject=told.subject("sub"),
        kind=kind,
        authentication=authentication_of(source, claims, acr_in(claims) or told.code("acr")),
        attributes=PersonAttributes(
            full_name=told.full_name(name),
            birthdate=told.birthdate("NgayThangNamSinh"),
            gender=_SEX.get((told.code("GioiTinh") or "").lower()),
            personal_number=told.personal_number("SoDinhDanh", "SoCMND"),
            tech_id=told.text("TechID"),
            tax_code=told.text("MaSoThue"),
            enterprise_code=told.text("MaSoDoanhNghiep"),
            business_name=told.text("TenDoanhNghiep") if kind is AccountKind.BUSINESS else None,
            passport=told.text("HoChieu"),
            phone=told.phone("SoDienThoai"),
            email=told.text("ThuDienTu"),
            address=told.text("DiaChi"),
        ),
    )


def _name_of_business(told: Told) -> str:
    return "TenDoanhNghiep" if told.text("TenDoanhNghiep") else "HoVaTen"

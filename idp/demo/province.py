"""The synthetic province: nobody in it exists, and no secret of it is used anywhere else."""

import secrets
from base64 import b32encode
from dataclasses import dataclass, field

from connectors.contract import AccountKind, Birthdate, PersonAttributes


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """A made-up person with an account at the provider and, perhaps, an old account."""

    username: str
    kind: AccountKind
    attributes: PersonAttributes
    password: str = field(repr=False)
    totp_secret: bytes = field(repr=False)
    old_account: str | None = None
    old_password: str | None = field(default=None, repr=False)
    linked: bool = False
    """Whether the old account is already linked when the demo starts."""

    def facts(self) -> dict[str, object]:
        """What an outside program needs to sign in as this person."""
        facts: dict[str, object] = {
            "username": self.username,
            "password": self.password,
            "otp_secret": b32encode(self.totp_secret).decode(),
            "name": self.attributes.full_name,
        }
        if self.old_account is not None:
            facts["old_account"] = {
                "system": "onestop",
                "account": self.old_account,
                "password": self.old_password,
                "linked": self.linked,
            }
        return facts


def _resident(
    username: str,
    name: str,
    born: str,
    number: str,
    kind: AccountKind = AccountKind.CITIZEN,
    *,
    old_account: str | None = None,
    linked: bool = False,
) -> Resident:
    return Resident(
        username=username,
        kind=kind,
        attributes=PersonAttributes(
            full_name=name,
            birthdate=Birthdate(value=born),
            gender="female" if number[3] in "13" else "male",
            personal_number=number,
            tech_id=secrets.token_hex(16),
            phone="09" + number[-8:],
            phone_verified=True,
            email=f"{username}@vidu.example",
            email_verified=True,
            address="Phường Thủ Dầu Một, Thành phố Hồ Chí Minh",
            agency_code="H55.242" if kind is AccountKind.STAFF else None,
        ),
        password=f"Vidu-{secrets.token_hex(6)}",
        totp_secret=secrets.token_bytes(20),
        old_account=old_account,
        old_password=f"cu{secrets.token_hex(4)}" if old_account else None,
        linked=linked,
    )


def residents() -> list[Resident]:
    """Five citizens and two members of staff. Serials end in zeros: they were never issued."""
    return [
        _resident(
            "lan.nguyen", "Nguyễn Thị Lan", "1985-03-14", "074185000001",
            old_account="lannt85", linked=True,
        ),
        _resident(
            "dung.tran", "Trần Văn Dũng", "1990-11-02", "077090000002", old_account="dungtv"
        ),
        _resident("hoa.le", "Lê Thị Hoà", "1978", "079178000003", old_account="lethihoa78"),
        _resident("minh.pham", "Phạm Quốc Minh", "2001-06-30", "074201000004"),
        _resident("thuy.vo", "Võ Ngọc Thuý", "1969-12", "079169000005"),
        _resident(
            "canbo.son", "Đỗ Hoàng Sơn", "1982-05-19", "074082000006", AccountKind.STAFF
        ),
        _resident(
            "canbo.huong", "Bùi Thu Hương", "1988-09-09", "077188000007", AccountKind.STAFF
        ),
    ]  # fmt: skip

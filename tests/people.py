"""The fixture people. Their data must never reach a log (see `fixtures_privacy`)."""

import secrets
from dataclasses import dataclass

from connectors.contract import AccountKind, Birthdate, PersonAttributes, SubjectId
from idp.model import Account

ALICE_NAME = "Nguyễn Thị Ánh Tuyết"
BOB_NAME = "Trần Bảo Khánh"
PRIVATE = (
    ALICE_NAME, BOB_NAME, "074185999111", "077090999222", "0905999111", "anh.tuyet", "bao.khanh",
    "mat-khau-cua-alice", "mat-khau-cua-bob", "tuyet@vidu.example",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    account: Account
    password: str

    @property
    def totp(self) -> bytes:
        assert self.account.totp_secret is not None
        return self.account.totp_secret


def make_person(
    username: str,
    name: str,
    number: str,
    password: str,
    password_hash: str,
    *,
    enabled: bool = True,
    totp: bool = True,
) -> Person:
    account = Account(
        subject=SubjectId(secrets.token_hex(16)),
        username=username,
        kind=AccountKind.CITIZEN,
        enabled=enabled,
        password_hash=password_hash,
        totp_secret=secrets.token_bytes(20) if totp else None,
        attributes=PersonAttributes(
            full_name=name,
            birthdate=Birthdate(value="1985-03-14"),
            gender="female",
            personal_number=number,
            phone="0905999111",
            phone_verified=True,
            email="tuyet@vidu.example",
            address="Phường Thủ Dầu Một",
        ),
    )
    return Person(account=account, password=password)

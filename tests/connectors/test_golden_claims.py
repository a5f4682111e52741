"""What each system of the demo is told about one person, whole: one golden file for a system.

After a change that is meant: `LIENTHONG_WRITE_GOLDENS=1 pytest tests/connectors/test_golden_claims.py`,
and read the difference.
"""

import json
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from connectors.contract import (
    AccountId,
    AccountKind,
    Assurance,
    Birthdate,
    LocalAccount,
    PairwiseSub,
    PersonAttributes,
    SessionId,
    SignInResult,
    SubjectId,
    SystemId,
    VerifiedIdentity,
)
from connectors.mapping import STANDARD_RULES, ClaimRule, claims_for
from connectors.systems.signed_ticket import ticket_form
from idp.config import Settings, load_settings
from idp.demo.files import DemoFiles
from idp.demo.province import residents
from idp.demo.scene import Addresses
from idp.demo.stand_ins import STAND_INS
from idp.protocol.scopes import KNOWN
from tests.tokens import claims_of

GOLDENS = Path(__file__).parent / "goldens"
NOW = 1_800_000_000
WHO = VerifiedIdentity(
    subject=SubjectId("subject-that-never-leaves"),
    sub=PairwiseSub("pairwise-1"),
    kind=AccountKind.CITIZEN,
    assurance=Assurance.LEVEL_2,
    amr=("pwd", "otp", "mfa"),
    authenticated_at=NOW - 60,
    attributes=PersonAttributes(
        full_name="Đặng Thị Thúy",
        birthdate=Birthdate(value="1985-03"),
        gender="female",
        personal_number="074185000001",
        tech_id="5f0c7b1e",
        tax_code="3700000000",
        enterprise_code="E-1",
        business_name="Công ty TNHH Ví Dụ",
        passport="C1234567",
        agency_code="H55.242",
        phone="0905 000 001",
        phone_verified=True,
        email="thuy@vidu.example",
        email_verified=False,
        address="Phường Thủ Dầu Một",
        updated_at=1_700_000_000,
    ),
)


@cache
def demo() -> Settings:
    systems = {s.name: f"http://127.0.0.1:{8101 + n}" for n, s in enumerate(STAND_INS)}
    addresses = Addresses(issuer="http://127.0.0.1:8000", systems=systems)
    with TemporaryDirectory() as folder:
        files = DemoFiles(Path(folder), addresses, residents())
        files.write()
        return load_settings(files.config, {}, demo=True)


def opened(rules: tuple[ClaimRule, ...], account: LocalAccount, *scopes: str) -> dict[str, object]:
    return dict(claims_for(rules, WHO, account, frozenset(scopes), frozenset()))


def told(name: str) -> dict[str, object]:
    """Everything that a system, or a client without one, can be told."""
    settings = demo()
    system = settings.systems.get(SystemId(name))
    account = LocalAccount(system=SystemId(name), account=AccountId("acc-0017"))
    rules = system.claims if system else STANDARD_RULES
    found: dict[str, object] = {
        f"scope {scope}": opened(rules, account, scope) for scope in sorted(KNOWN)
    }
    for client in settings.clients.values():
        if client.client_id == name:
            found["as registered"] = opened(rules, account, *client.scopes)
    if system and system.ticket:
        result = SignInResult(identity=WHO, session=SessionId("sid-1"), account=account)
        claims = opened(rules, account, *(rule.scope for rule in rules))
        form = ticket_form(
            system, result, claims, issuer=settings.issuer, now=NOW, jti="jti-1", state="st-1"
        )
        found["ticket"] = claims_of(form["ticket"])
    return found


@pytest.mark.parametrize(
    "name", ["portal", "hotline", "onestop", "land", "school", "intranet", "sandbox"]
)
def test_a_system_is_told_exactly_what_its_golden_file_says(name: str) -> None:
    golden = GOLDENS / f"{name}.json"
    found = told(name)
    if os.environ.get("LIENTHONG_WRITE_GOLDENS"):
        golden.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", "utf-8")
    assert found == json.loads(golden.read_text("utf-8"))


def test_every_system_of_the_demo_has_a_golden_file() -> None:
    assert {str(system) for system in demo().systems} <= {p.stem for p in GOLDENS.glob("*.json")}


def test_no_golden_file_holds_the_subject() -> None:
    for golden in GOLDENS.glob("*.json"):
        assert "subject-that-never-leaves" not in golden.read_text("utf-8")

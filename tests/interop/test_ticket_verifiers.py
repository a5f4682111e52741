"""The samples of the integrator's guide, on their platforms, against tickets that we made."""

import os
import shutil
import subprocess
import sys
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hmac import digest
from pathlib import Path
from typing import Any

import pytest
from jose import jwt

from connectors.contract import (
    AccountId,
    AccountKind,
    Assurance,
    Dialect,
    LocalAccount,
    LocalText,
    PairwiseSub,
    PersonAttributes,
    SectorId,
    SessionId,
    SignInResult,
    SubjectId,
    SystemId,
    VerifiedIdentity,
    WhenUnlinked,
)
from connectors.registry import System, TicketSettings
from connectors.systems.signed_ticket import logout_ticket_form, ticket_form

SAMPLES = Path(__file__).parents[2] / "docs" / "guides" / "ticket-verifiers"
ISSUER, SECRET, STATE = "https://id.example", "a-secret-of-the-old-application-0123", "state-1"
UNSIGNED = urlsafe_b64encode(b'{"alg":"none","typ":"ticket+jwt"}').rstrip(b"=").decode()
PLATFORMS = ("python", "php", "java", "dotnet")


@dataclass
class Sample:
    command: list[str]

    def told(self, *tickets: str, secret: str = SECRET, state: str = STATE) -> list[str]:
        """What the sample says of each ticket."""
        done = subprocess.run(
            [*self.command, ISSUER, "onestop", state], input="\n".join(tickets) + "\n",
            env=dict(os.environ) | {"TICKET_SECRET": secret},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stdout + done.stderr
        return done.stdout.splitlines()


@pytest.fixture(scope="module", params=PLATFORMS)
def sample(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sample:
    name, folder = request.param, tmp_path_factory.mktemp("sample")
    match name:
        case "python":
            return Sample([sys.executable, str(SAMPLES / "ticket.py")])
        case "php":
            _needs("php", "Debian: php-cli")
            return Sample(["php", str(SAMPLES / "ticket.php")])
        case "java":
            _needs("javac", "Debian: default-jdk-headless")
            subprocess.run(
                ["javac", "-Xlint:all", "-Werror", "-d", str(folder), str(SAMPLES / "Ticket.java")],
                check=True,
            )
            return Sample(["java", "-cp", str(folder), "Ticket"])
    _needs("dotnet", "not in Debian")
    shutil.copy(SAMPLES / "Ticket.cs", folder)
    project = ("<Project Sdk='Microsoft.NET.Sdk'><PropertyGroup><OutputType>Exe</OutputType>"
               "<TargetFramework>net8.0</TargetFramework><Nullable>enable</Nullable>"
               "</PropertyGroup></Project>")  # fmt: skip
    (folder / "ticket.csproj").write_text(project)
    subprocess.run(["dotnet", "build", "-o", str(folder / "out")], cwd=folder, check=True)
    return Sample(["dotnet", str(folder / "out" / "ticket.dll")])


def _needs(program: str, where: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed ({where})")


def system(secret: str = SECRET, system_id: str = "onestop") -> System:
    return System(
        system_id=SystemId(system_id), name=LocalText(vi="Một cửa", en="One-stop"), owners=(),
        level="commune", dialect=Dialect.SIGNED_TICKET, sector=SectorId("s"),
        required_assurance=Assurance.LEVEL_1, when_unlinked=WhenUnlinked.CLAIM,
        ticket=TicketSettings(return_urls=("https://x.example/t",), secrets=(secret,)),
    )  # fmt: skip


def ticket(jti: str = "j-1", **changes: Any) -> str:
    """A ticket as the product makes it."""
    made = {"secret": SECRET, "system_id": "onestop", "issuer": ISSUER, "state": STATE,
            "now": int(time.time())} | changes  # fmt: skip
    who = VerifiedIdentity(
        subject=SubjectId("x"), sub=PairwiseSub("sub-1"), kind=AccountKind.CITIZEN,
        assurance=Assurance.LEVEL_2, amr=("pwd", "otp"), authenticated_at=made["now"],
        attributes=PersonAttributes(full_name="Lan"),
    )  # fmt: skip
    account = LocalAccount(system=SystemId("onestop"), account=AccountId('tuyết "nt85"\\'))
    result = SignInResult(identity=who, session=SessionId("sid"), account=account)
    claims = {"name": "Nguyễn Thị Ánh Tuyết", "address": {"formatted": "Bến Cát"}, "ok": True}
    place = system(made["secret"], made["system_id"])
    form = ticket_form(
        place, result, claims, issuer=made["issuer"], now=made["now"], jti=jti, state=made["state"]
    )
    return form["ticket"]


def signed(claims: dict[str, Any], secret: str = SECRET, **header: Any) -> str:
    """A ticket that the product never makes, under any header."""
    now = int(time.time())
    whole = {"iss": ISSUER, "aud": "onestop", "sub": "sub-1", "exp": now + 60, "jti": "j-9",
             "state": STATE} | claims  # fmt: skip
    kept = {name: value for name, value in whole.items() if value is not None}
    token = jwt.encode(kept, secret, "HS256", headers={"typ": "ticket+jwt"})
    if not header:
        return str(token)
    import json

    head = json.dumps({"alg": "HS256", "typ": "ticket+jwt"} | header).encode()
    start = f"{_b64(head)}.{token.split('.')[1]}"
    return f"{start}.{_b64(digest(secret.encode(), start.encode(), 'sha256'))}"


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_ticket_of_the_product_is_taken_once(sample: Sample) -> None:
    one, other = ticket(), ticket("j-2")
    assert sample.told(one, one, other) == ["ok sub-1", "refused", "ok sub-1"]


def test_a_ticket_that_is_tampered_with_or_not_for_us_is_refused(sample: Sample) -> None:
    good, old = ticket(), int(time.time()) - 61
    head, payload, signature = good.split(".")
    other = urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).replace(b"sub-1", b"sub-2")
    logout = logout_ticket_form(
        system(), sub="sub-1", sid="sid", issuer=ISSUER, now=int(time.time()), jti="j-3"
    )
    wrong = {
        "edited": f"{head}.{_b64(other)}.{signature}",
        "cut": good[:-1],
        "padded": good + "=",
        "no signature": f"{head}.{payload}.",
        "another signature": f"{head}.{payload}.{_b64(b'x' * 32)}",
        "alg none, unsigned": UNSIGNED + f".{payload}.",
        "another secret": ticket(secret="another-secret-another-secret-012345"),
        "another issuer": ticket(issuer="https://evil.example"),
        "another system": ticket(system_id="portal"),
        "another state": ticket(state="state-2"),
        "no state": ticket(state=None),
        "old": ticket(now=old),
        "a logout ticket": logout["ticket"],
        "alg none, signed": signed({}, alg="none"),
        "alg HS512": signed({}, alg="HS512"),
        "typ JWT": signed({}, typ="JWT"),
        "no exp": signed({"exp": None}),
        "exp as a text": signed({"exp": "9999999999"}),
        "no jti": signed({"jti": None}),
        "jti as a number": signed({"jti": 7}),
        "aud as a list": signed({"aud": ["onestop", "portal"]}),
        "state as a number": signed({"state": 1}),
        "empty": "",
        "one part": "abc",
        "four parts": good + ".x",
    }
    told = dict(zip(wrong, sample.told(*wrong.values()), strict=True))
    assert [name for name, said in told.items() if said != "refused"] == []
    assert sample.told(signed({}), good) == ["ok sub-1", "ok sub-1"]


def test_without_a_secret_or_a_state_nobody_enters(sample: Sample) -> None:
    assert sample.told(signed({}, secret=""), secret="") == ["refused"]
    assert sample.told(ticket(state=""), ticket(state=None), state="") == ["refused"] * 2

"""`scim2 test`, the compliance check of scim2-cli, against a really served provider."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from idp.config import load_settings
from idp.demo.processes import free_port
from idp.store.sql_migrate import migrate
from tests.interop.conftest import wait_for

SCIM2 = Path(__file__).parents[2] / ".venv" / "scim-tools" / "bin" / "scim2"
pytestmark = pytest.mark.skipif(not SCIM2.exists(), reason="make .venv/scim-tools.stamp")


@dataclass
class Served:
    address: str
    tokens: dict[str, str]

    def scim2(self, connector: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The tool, its token in the environment as its own help says."""
        header = f"Authorization: Bearer {self.tokens[connector]}"
        return subprocess.run(
            [str(SCIM2), "-u", f"{self.address}/scim/v2", *arguments],
            env=os.environ | {"SCIM_CLI_HEADERS": header, "NO_PROXY": "127.0.0.1"},
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("scim")
    address = f"http://127.0.0.1:{free_port()}"
    tokens = {name: secrets.token_urlsafe(36) for name in ("hr", "hr-with-passwords")}
    config = folder / "lienthong.toml"
    config.write_text(f"""
[provider]
issuer = "{address}"
listen = "{address.removeprefix("http://")}"

[storage]
database_url = "sqlite:///{folder / "scim.sqlite"}"

[keys]
keks = [{{ inline = "{secrets.token_hex(32)}" }}]

[scim.connectors.hr]
tokens = [{{ inline = "{tokens["hr"]}" }}]

[scim.connectors.hr-with-passwords]
tokens = [{{ inline = "{tokens["hr-with-passwords"]}" }}]
sets_passwords = true
""")
    migrate(load_settings(config, {}, demo=True).tables.storage.database_url)
    log = (folder / "provider.log").open("ab")
    server = subprocess.Popen(
        [sys.executable, "-m", "idp.cli", "serve", "--demo", "-c", str(config)],
        stdout=log, stderr=log,
    )  # fmt: skip
    try:
        wait_for(f"{address}/healthz")
        yield Served(address, tokens)
    finally:
        server.terminate()
        server.wait(20)
        log.close()


@pytest.mark.parametrize("connector", ["hr", "hr-with-passwords"])
def test_the_compliance_check_finds_no_failure_and_skips_nothing(
    served: Served, connector: str
) -> None:
    told = served.scim2(connector, "test")
    words = [line.split(" ")[0] for line in told.stdout.splitlines() if line[:1].isupper()]
    assert words.count("SUCCESS") >= 80, told.stdout + told.stderr
    others = set(words) - {"SUCCESS", "Performing"}
    assert (told.returncode, others) == (0, set()), told.stdout


def test_the_tool_creates_finds_and_deletes_and_another_connector_sees_nothing(
    served: Served,
) -> None:
    made = served.scim2("hr", "create", "user", "--user-name", "can.bo.01")
    assert made.returncode == 0, made.stdout + made.stderr
    user = json.loads(made.stdout[made.stdout.index("{") :])
    mine = served.scim2("hr", "query", "user", user["id"])
    assert json.loads(mine.stdout[mine.stdout.index("{") :])["userName"] == "can.bo.01"
    theirs = served.scim2("hr-with-passwords", "query", "user", user["id"])
    assert "404" in theirs.stdout + theirs.stderr
    assert "can.bo.01" not in theirs.stdout
    assert served.scim2("hr", "delete", "user", user["id"]).returncode == 0
    gone = served.scim2("hr", "query", "user", user["id"])
    assert "404" in gone.stdout + gone.stderr

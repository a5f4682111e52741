"""One OpenLDAP for each worker, and a world of staff above it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures_world import Clock, RunningClock
from tests.ldap.directories import GROUP, Slapd, allowed_toml, source_toml


@pytest.fixture(scope="session")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    made = Slapd(tmp_path_factory.mktemp("slapd"))
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def _refusals_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idp.flows.directory_sign_in.REFUSALS_EVERY_SECONDS", 0.01)


@pytest.fixture
def world_clock() -> Clock:
    return RunningClock()


@pytest.fixture
def more_config(slapd: Slapd, tmp_path: Path) -> str:
    ca = slapd.folder / "ca.pem"
    tls, plain = f"ldaps://localhost:{slapd.tls_port}", f"ldap://localhost:{slapd.port}"
    return (
        allowed_toml(slapd.tls_port, slapd.port)
        + allowed_toml(slapd.tls_port, host="127.0.0.1")
        + source_toml("staff", tls, ca, more='agency_code = "H55.01"')
        + source_toml("starttls", plain, ca, more='allowed_systems = ["portal"]')
        + source_toml("grouped", tls, ca, more=f'groups = ["{GROUP}"]')
        + source_toml("elsewhere", f"ldaps://127.0.0.1:{slapd.tls_port}", ca)
    )

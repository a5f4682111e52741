"""The whole province as processes: the provider, three systems, and people enough for every test."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

from idp.authn.totp import code_at, step_of
from idp.config import load_settings
from idp.demo.files import DemoFiles
from idp.demo.processes import Processes, free_port
from idp.demo.province import Resident, residents
from idp.demo.scene import Addresses
from idp.demo.seed import seed
from idp.demo.stand_ins import STAND_INS
from idp.store.sql_migrate import migrate

PLAIN, CLAIMANTS, LINKED = 40, 16, 12
"""A code of an authenticator counts once in thirty seconds: each sign-in takes a person of its own."""

MORE_CLIENTS = """
[clients.asking]
name = {{ vi = "Ứng dụng Sức khỏe học đường của ngành giáo dục", en = "School health application of the education service" }}
auth_method = "none"
redirect_uris = ["{landing}"]
scopes = ["openid", "profile", "email", "phone", "address", "offline_access", "vn_identity"]
grant_types = ["authorization_code", "refresh_token"]
consent = "ask"

[clients.register]
name = {{ vi = "Sổ hộ tịch điện tử", en = "Civil register" }}
auth_method = "none"
redirect_uris = ["{landing}"]
scopes = ["openid"]
system = "register"
consent = "implied"

[systems.register]
name = {{ vi = "Sổ hộ tịch điện tử", en = "Civil register" }}
owners = [{{ code = "H55.3", name = "Sở Tư pháp", valid_from = 2025-07-01 }}]
level = "province"
dialect = "oidc"
when_unlinked = "refuse"
"""


@dataclass
class Province:
    """Where everything listens, and who has not signed in yet."""

    addresses: Addresses
    landing: str
    """An address of ours that receives answers of clients registered only for the tests."""
    plain: list[Resident]
    claimants: list[Resident]
    linked: list[Resident]
    staff: list[Resident]

    @property
    def issuer(self) -> str:
        return self.addresses.issuer

    @property
    def portal(self) -> str:
        return self.addresses.systems["portal"]

    @property
    def hotline(self) -> str:
        return self.addresses.systems["hotline"]

    @property
    def onestop(self) -> str:
        return self.addresses.systems["onestop"]

    @property
    def systems(self) -> tuple[str, str, str]:
        return self.portal, self.hotline, self.onestop

    def authorize(self, client_id: str, scope: str = "openid", **more: str) -> str:
        """The address that begins a sign-in for one of the tests' own clients."""
        query = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": self.landing,
            "scope": scope,
            "state": "st",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        }
        return f"{self.issuer}/authorize?{urlencode(query | more)}"


def otp(person: Resident) -> str:
    """The present code of a person's authenticator."""
    return code_at(person.totp_secret, step_of(int(time.time())))


@contextmanager
def running_province(folder: Path, landing: str) -> Iterator[Province]:
    """Everything started; ended again by the ids of the processes.

    The systems are reached as `localhost` and the provider as `127.0.0.1`: to a browser these are
    two sites, as they are in life.
    """
    issuer = f"http://127.0.0.1:{free_port()}"
    systems = {system.name: f"http://localhost:{free_port()}" for system in STAND_INS}
    addresses = Addresses(issuer=issuer, systems=systems)
    plain, claimants, linked = _people()
    staff = residents()[5:]
    everybody = [*plain, *claimants, *linked, *staff]
    files = DemoFiles(folder, addresses, everybody)
    files.write()
    with files.config.open("a", encoding="utf-8") as file:
        file.write(MORE_CLIENTS.format(landing=landing))
    settings = load_settings(files.config, {}, demo=True)
    migrate(settings.tables.storage.database_url)
    asyncio.run(seed(settings, everybody))
    processes = Processes(folder)
    try:
        processes.start("provider", "idp.cli", "serve", "--demo", "-c", str(files.config))
        for system in STAND_INS:
            told = str(files.told(system.name))
            processes.start(system.name, f"connectors.simulators.{system.name}", "--config", told)
        asyncio.run(processes.wait_for(issuer, *systems.values()))
        yield Province(
            addresses=addresses, landing=landing,
            staff=staff, plain=plain, claimants=claimants, linked=linked,
        )  # fmt: skip
    finally:
        processes.stop()


def _people() -> tuple[list[Resident], list[Resident], list[Resident]]:
    models = residents()
    return (
        [_somebody(models[3], f"minh.pham{n}", None) for n in range(PLAIN)],
        [_somebody(models[2], f"hoa.le{n}", f"lethihoa{n}") for n in range(CLAIMANTS)],
        [_somebody(models[0], f"lan.nguyen{n}", f"lannt{n}", linked=True) for n in range(LINKED)],
    )


def _somebody(
    model: Resident, username: str, old_account: str | None, *, linked: bool = False
) -> Resident:
    fresh = residents()[0]
    return replace(
        model, username=username, password=fresh.password, totp_secret=fresh.totp_secret,
        attributes=replace(model.attributes, tech_id=fresh.attributes.tech_id),
        old_account=old_account, old_password="cu-2009" if old_account else None, linked=linked,
    )  # fmt: skip

"""A real provider process with two people, for clients that we did not write."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from joserfc.jwk import ECKey

from idp.authn.totp import code_at, step_of
from idp.config import load_settings
from idp.demo.browser import Browser
from idp.demo.files import DemoFiles
from idp.demo.processes import free_port
from idp.demo.province import Resident, residents
from idp.demo.scene import Addresses
from idp.demo.seed import seed
from idp.demo.stand_ins import STAND_INS
from idp.store.sql_migrate import migrate
from tests.interop.saml_systems import SpFiles, mellon_tables, school_table, sp_files, toolkit_table

PROXIES = ("nginx", "haproxy", "caddy")


@dataclass
class Provider:
    issuer: str
    secret: str
    apache: str
    apache_secret: str
    cas_apache: str
    cas_php: str
    land: str
    mellon: str
    onelogin: str
    academy: str
    sp: SpFiles
    """What the service providers of SAML sign with."""
    database: Path
    opencps_secret: str
    people: list[Resident]
    client_key: dict[str, str]
    """The private JWK of the client `keyed`."""
    newcomers: list[Resident]

    def newcomer(self) -> Resident:
        """A citizen who has not signed in yet: a code of an authenticator is good for one sign-in."""
        return self.newcomers.pop()

    protected: dict[str, str]
    """Where each reverse proxy protects the intranet."""
    identity_secret: str

    async def sign_in(self, url: str, person: Resident) -> Browser:
        """A browser that has answered both stages; consent is given where asked for."""
        browser = Browser()
        await browser.open(url)
        await browser.submit({"username": person.username, "password": person.password})
        await browser.submit({"otp": code_at(person.totp_secret, step_of(int(time.time())))})
        return browser


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    folder = tmp_path_factory.mktemp("interop")
    issuer = f"http://127.0.0.1:{free_port()}"
    apache = f"http://127.0.0.1:{free_port()}"
    cas_apache, cas_php, land = (f"http://127.0.0.1:{free_port()}" for _ in range(3))
    mellon, onelogin, academy = (f"http://127.0.0.1:{free_port()}" for _ in range(3))
    sp = sp_files(folder)
    people = residents()
    newcomers = [
        replace(p, username=f"{p.username}.{n}") for n in range(4) for p in residents()[:5]
    ]
    people += newcomers
    files = DemoFiles(
        folder / "demo",
        Addresses(issuer=issuer, systems={system.name: apache for system in STAND_INS}),
        people,
    )
    files.write()
    apache_secret, opencps_secret = secrets.token_urlsafe(36), secrets.token_urlsafe(36)
    protected = {name: f"http://127.0.0.1:{free_port()}" for name in PROXIES}
    identity_secret = secrets.token_urlsafe(36)
    key = ECKey.generate_key("P-256", {"kid": "k-1", "alg": "ES256", "use": "sig"})
    jwks = json.dumps({"keys": [key.as_dict(private=False)]})
    with files.config.open("a", encoding="utf-8") as file:
        file.write(f"""
[systems.behind-proxies]
name = {{ vi = "Mạng nội bộ", en = "Intranet" }}
owners = [{{ code = "H55", name = "Văn phòng", valid_from = 2025-07-01 }}]
level = "province"
dialect = "forward_auth"
when_unlinked = "create"
new_account_prefix = "mang-"
claims = [{{ claim = "name", source = "full_name" }}]

[systems.behind-proxies.forward_auth]
origins = {json.dumps(list(protected.values()))}
secrets = [{{ inline = "{identity_secret}" }}]
public_paths = ["/public"]
headers = {{ x-auth-user = "sub", x-auth-name = "name" }}

[systems.cabinet]
name = {{ vi = "Cổng nội bộ", en = "Intranet" }}
owners = [{{ code = "H55", name = "Văn phòng", valid_from = 2025-07-01 }}]
level = "province"
dialect = "oidc"
when_unlinked = "create"
new_account_prefix = "cong-"

[clients.apache]
system = "cabinet"
backchannel_logout_uri = "{apache}/app/callback?logout=backchannel"
name = {{ vi = "Cổng nội bộ", en = "Intranet" }}
secrets = [{{ inline = "{apache_secret}" }}]
redirect_uris = ["{apache}/app/callback"]
post_logout_redirect_uris = ["{apache}/bye.html"]
scopes = ["openid", "profile"]
consent = "implied"

[systems.archive]
name = {{ vi = "Lưu trữ", en = "Archive" }}
owners = [{{ code = "H55", name = "Sở", valid_from = 2025-07-01 }}]
level = "province"
dialect = "cas"
when_unlinked = "create"
new_account_prefix = "lt-"
claims = [{{ claim = "full_name", source = "full_name" }}]
cas = {{ services = ["{cas_apache}/app/"] }}

[systems.staff]
name = {{ vi = "Nội bộ", en = "Staff pages" }}
owners = [{{ code = "H55", name = "Sở", valid_from = 2025-07-01 }}]
level = "province"
dialect = "cas"
when_unlinked = "create"
new_account_prefix = "nb-"
claims = [{{ claim = "full_name", source = "full_name" }}]
cas = {{ services = ["{cas_php}/"] }}

[systems.land-office]
name = {{ vi = "Đất đai", en = "Land registry" }}
owners = [{{ code = "H55", name = "Sở", valid_from = 2025-07-01 }}]
level = "province"
dialect = "cas"
when_unlinked = "create"
new_account_prefix = "dd-"
claims = [{{ claim = "name", source = "full_name" }}]
cas = {{ services = ["{land}/"] }}

[clients.opencps]
name = {{ vi = "Cổng OpenCPS", en = "OpenCPS portal" }}
auth_method = "client_secret_post"
secrets = [{{ inline = "{opencps_secret}" }}]
redirect_uris = ["http://127.0.0.1:8400/vnconnect"]
post_logout_redirect_uris = ["http://127.0.0.1:8400/vnconnect/bye"]
pkce_required = false
id_token_alg = "RS256"
system = "opencps"
consent = "implied"

[systems.opencps]
name = {{ vi = "Cổng OpenCPS", en = "OpenCPS portal" }}
owners = [{{ code = "H55.9", name = "Sở Tài chính", valid_from = 2025-07-01 }}]
level = "province"
dialect = "vnconnect"
when_unlinked = "not-needed"
claims = [
  {{ claim = "TechID", source = "tech_id", required = true }},
  {{ claim = "LoaiTaiKhoan", source = "account_kind", transform = "vnconnect_kind" }},
  {{ claim = "HoVaTen", source = "full_name" }},
  {{ claim = "SoDinhDanh", source = "personal_number" }},
  {{ claim = "NgayThangNamSinh", source = "birthdate", transform = "yyyymmdd" }},
  {{ claim = "SoDienThoai", source = "phone" }},
]

[clients.keyed]
name = {{ vi = "Ứng dụng có khóa", en = "Application with a key" }}
auth_method = "private_key_jwt"
jwks = '{jwks}'
redirect_uris = ["http://127.0.0.1:8400/callback"]
post_logout_redirect_uris = ["http://127.0.0.1:8400/bye"]
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
scopes = ["openid", "profile", "reports.read"]
consent = "implied"
""")
        file.write(mellon_tables(mellon, sp) + toolkit_table(onelogin, sp))
        file.write(school_table(academy))
    settings = load_settings(files.config, {}, demo=True)
    migrate(settings.tables.storage.database_url)
    asyncio.run(seed(settings, people))
    log = (folder / "provider.log").open("ab")
    server = subprocess.Popen(
        [sys.executable, "-m", "idp.cli", "serve", "--demo", "-c", str(files.config)],
        stdout=log, stderr=log, env=dict(os.environ),
    )  # fmt: skip
    try:
        wait_for(f"{issuer}/healthz")
        yield Provider(
            issuer=issuer,
            secret=files.scene.secret("sandbox"),
            apache=apache,
            apache_secret=apache_secret,
            cas_apache=cas_apache,
            cas_php=cas_php,
            land=land,
            mellon=mellon,
            onelogin=onelogin,
            academy=academy,
            sp=sp,
            database=Path(settings.tables.storage.database_url.removeprefix("sqlite:///")),
            opencps_secret=opencps_secret,
            people=people,
            client_key=key.as_dict(private=True),
            newcomers=newcomers,
            protected=protected,
            identity_secret=identity_secret,
        )
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def wait_for(url: str) -> None:
    ends_at = time.monotonic() + 30
    while time.monotonic() < ends_at:
        try:
            httpx.get(url, trust_env=False, timeout=1)
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(url)


def as_json(line: str) -> dict[str, object]:
    return dict(json.loads(line))


HERE = Path(__file__).parent


def install_npm_packages() -> None:
    """openid-client, as the lock file says."""
    if not (HERE / "node_modules" / "openid-client").is_dir():
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=HERE, check=True)

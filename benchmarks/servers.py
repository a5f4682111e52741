"""Starting what is measured: node oidc-provider, and ourselves on each pair of stores."""

import asyncio
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx

from benchmarks.flows import CHALLENGE
from benchmarks.load import Target
from connectors.contract import AccountKind, PersonAttributes, SubjectId
from idp.adapters import open_stores
from idp.authn.password import PasswordHasher
from idp.config import load_settings
from idp.demo.browser import Browser
from idp.demo.processes import free_port
from idp.model import Account
from idp.store.sql_migrate import migrate

PEER = Path(__file__).parent / "peer"
SECRET = "bench-secret-" + secrets.token_urlsafe(24)
RENEWING = "renewing"
"""The client that is given refresh tokens; the other one is not, so that its flow stays bare."""
PEER_SECRET = "bench-secret-bench-secret-bench-secret"
PASSWORD = "mot-mat-khau-du-dai"
PIN = ["taskset", "-c", "0"] if shutil.which("taskset") and (os.cpu_count() or 1) > 1 else []


def install_peer() -> None:
    """node oidc-provider, by npm, as the lock file says."""
    if (PEER / "node_modules" / "oidc-provider").is_dir():
        return
    if shutil.which("npm") is None:
        raise SystemExit("npm is needed to install the peer (Debian: nodejs npm)")
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=PEER, check=True)


@contextmanager
def child(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours, ended by its id."""
    with log.open("ab") as out:
        process = subprocess.Popen([*PIN, *command], stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    ends_at = time.monotonic() + 30
    while time.monotonic() < ends_at:
        if process.poll() is not None:
            raise SystemExit(f"a server ended at once:\n{log.read_text('utf-8')[-2000:]}")
        try:
            httpx.get(url, trust_env=False, timeout=1)
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"{url} does not answer")


@contextmanager
def node(alg: str, redis_url: str | None, folder: Path) -> Iterator[Target]:
    """The peer, with a live session."""
    port, log = free_port(), folder / "node.log"
    command = [
        "node",
        str(PEER / "server.mjs"),
        str(port),
        alg,
        *([redis_url] if redis_url else []),
    ]
    with child(command, log) as process:
        base = f"http://127.0.0.1:{port}"
        wait_until_up(f"{base}/.well-known/openid-configuration", process, log)
        yield Target(
            name=f"node oidc-provider ({'redis' if redis_url else 'memory'})",
            port=port,
            authorize="/auth",
            token="/token",
            userinfo="/me",
            introspect="/token/introspection",
            jwks="/jwks",
            client_id="bench",
            secret=PEER_SECRET,
            redirect_uri="https://rp.test/cb",
            cookies=_peer_session(base),
            processes=(process.pid,),
        )


def _peer_session(base: str) -> str:
    """Sign in at the peer through its development pages: login, then consent for each client."""
    with httpx.Client(base_url=base, trust_env=False) as client:
        for client_id in ("bench", RENEWING):
            _peer_consent(client, client_id)
        kept = {c.name: c.value for c in client.cookies.jar if c.name.startswith("_session")}
    return "; ".join(f"{name}={value}" for name, value in kept.items())


def _peer_consent(client: httpx.Client, client_id: str) -> None:
    query = {
        "response_type": "code", "client_id": client_id, "redirect_uri": "https://rp.test/cb",
        "scope": "openid profile", "state": "s", "nonce": "n",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    response = client.get("/auth", params=query)
    for _ in range(12):
        if response.is_redirect:
            location = response.headers["location"]
            if location.startswith("https://rp.test"):
                return
            response = client.get(location)
            continue
        action = re.search(r'action="([^"]+)"', response.text)
        prompt = "login" if 'name="login"' in response.text else "consent"
        if action is None:
            break
        data = {"prompt": prompt, "login": "lan", "password": "x"}
        response = client.post(action.group(1), data=data)
    raise SystemExit("the peer did not sign in; its pages may have changed")


CONFIG = """
[provider]
issuer = "http://127.0.0.1:{port}"
listen = "127.0.0.1:{port}"
[storage]
database_url = "{database_url}"
{redis}
[keys]
keks = [{{ inline = "{kek}" }}]
[clients.bench]
name = {{ vi = "Đo tốc độ", en = "Benchmark" }}
secrets = [{{ inline = "{secret}" }}]
redirect_uris = ["https://rp.test/cb"]
grant_types = ["authorization_code", "client_credentials"]
scopes = ["openid", "profile", "reports.read"]
id_token_alg = "{alg}"
consent = "implied"
[systems.intranet]
name = {{ vi = "Mạng nội bộ", en = "Intranet" }}
owners = [{{ code = "H55", name = "Văn phòng", valid_from = 2025-07-01 }}]
level = "province"
dialect = "forward_auth"
when_unlinked = "not-needed"
claims = [{{ claim = "name", source = "full_name" }}]
forward_auth = {{ origins = ["http://intranet.test"], secrets = [{{ inline = "{secret}" }}], headers = {{ x-auth-user = "sub" }} }}
[clients.renewing]
name = {{ vi = "Đo tốc độ gia hạn", en = "Benchmark of refreshing" }}
secrets = [{{ inline = "{secret}" }}]
redirect_uris = ["https://rp.test/cb"]
grant_types = ["authorization_code", "refresh_token"]
scopes = ["openid", "profile"]
id_token_alg = "{alg}"
consent = "implied"
[systems.land]
name = {{ vi = "Đo tốc độ CAS", en = "Benchmark of CAS" }}
owners = [{{ code = "H55", name = "Sở", valid_from = 2025-07-01 }}]
level = "province"
dialect = "cas"
when_unlinked = "create"
claims = [{{ claim = "name", source = "full_name" }}]
cas = {{ services = ["https://land.test/"] }}
[systems.school]
name = {{ vi = "Đo tốc độ SAML", en = "Benchmark of SAML" }}
owners = [{{ code = "H55", name = "Sở", valid_from = 2025-07-01 }}]
level = "province"
dialect = "saml"
when_unlinked = "create"
claims = [{{ claim = "name", source = "full_name" }}]
saml = {{ entity_id = "https://school.test", acs = [{{ url = "https://school.test/acs" }}], want_signed_requests = false }}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A configured node of ours, its stores prepared, not started."""

    port: int
    command: list[str]
    log: Path

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def place_for(alg: str, redis_url: str | None, postgres_url: str | None, folder: Path) -> Place:
    """Write the configuration, bring up the schema, add one account."""
    port, place = free_port(), Path(tempfile.mkdtemp(dir=folder))
    database_url = f"sqlite:///{place / 'bench.sqlite'}"
    if postgres_url is not None:
        database_url = asyncio.run(_fresh_database(postgres_url))
    config = place / "bench.toml"
    config.write_text(
        CONFIG.format(
            port=port,
            database_url=database_url,
            redis=f'redis_url = "{redis_url}"' if redis_url else "",
            kek=secrets.token_hex(32),
            secret=SECRET,
            alg=alg,
        ),
        "utf-8",
    )
    asyncio.run(_seed(config))
    command = [sys.executable, "-m", "idp.cli", "serve", "--demo", "-c", str(config)]
    return Place(port=port, command=command, log=place / "bench.log")


@contextmanager
def ours(
    alg: str, redis_url: str | None, postgres_url: str | None, folder: Path
) -> Iterator[Target]:
    """Ourselves, with a live session."""
    place = place_for(alg, redis_url, postgres_url, folder)
    with child(place.command, place.log) as process:
        wait_until_up(f"{place.base}/healthz", process, place.log)
        stores = "postgresql + redis" if postgres_url else "redis" if redis_url else "memory"
        yield Target(
            name=f"lienthong ({stores})",
            port=place.port,
            authorize="/authorize",
            token="/token",
            userinfo="/userinfo",
            introspect="/introspect",
            jwks="/jwks",
            client_id="bench",
            secret=SECRET,
            redirect_uri="https://rp.test/cb",
            cookies=asyncio.run(_our_session(place.base)),
            processes=(process.pid,),
        )


async def _fresh_database(url: str) -> str:
    name = f"bench_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    await admin.close()
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def _seed(config: Path) -> None:
    settings = load_settings(config, {}, demo=True)
    await asyncio.to_thread(migrate, settings.tables.storage.database_url)
    hasher = PasswordHasher(workers=1, queue_limit=1)
    async with open_stores(settings) as stores:
        account = Account(
            subject=SubjectId(secrets.token_hex(16)),
            username="lan",
            kind=AccountKind.CITIZEN,
            enabled=True,
            password_hash=await hasher.hash(PASSWORD),
            totp_secret=None,
            attributes=PersonAttributes(full_name="Nguyễn Thị Lan"),
        )
        await stores.accounts.add(account, "lan", int(time.time()))
    hasher.close()


async def _our_session(base: str) -> str:
    browser = Browser()
    query = (
        "response_type=code&client_id=bench&redirect_uri=https%3A%2F%2Frp.test%2Fcb"
        f"&scope=openid&code_challenge={CHALLENGE}&code_challenge_method=S256"
    )
    await browser.open(f"{base}/authorize?{query}")
    cookies = await browser.sign_in_cookies({"username": "lan", "password": PASSWORD})
    await browser.close()
    return "; ".join(f"{n}={v}" for n, v in cookies.items() if n.endswith("session"))

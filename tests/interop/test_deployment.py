"""A small real deployment: https issuer, nginx with a certificate of its own in front."""

import asyncio
import os
import secrets
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import pytest

from idp.config import load_settings
from idp.demo.processes import free_port
from idp.store.sql_migrate import migrate
from tests.certificates import certificate
from tests.fixtures_world import CHALLENGE
from tests.interop.conftest import wait_for

ROOT = Path(__file__).parents[2]
CONFIG = """
[provider]
issuer = "https://localhost:{tls_port}"
listen = "127.0.0.1:{port}"
[storage]
database_url = "sqlite:///{folder}/x.sqlite"
[keys]
keks = [{{ env = "KEK" }}]
[network]
trusted_proxies = ["127.0.0.1/32"]
ca_file = "{folder}/ca.pem"
[clients.rp]
name = {{ vi = "Thử", en = "Trial" }}
auth_method = "none"
redirect_uris = ["https://rp.test/cb"]
consent = "implied"
"""


def nginx_config(folder: Path, port: int, tls_port: int) -> Path:
    """The example that we ship, with its addresses and paths changed, and nothing else."""
    server = (ROOT / "deploy/nginx/lienthong.conf").read_text("utf-8")
    for old, new in (
        ("server 127.0.0.1:8080;", f"server 127.0.0.1:{port};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{tls_port} ssl;"),
        ("server_name id.example;", "server_name localhost;"),
        ("/etc/lienthong/tls/fullchain.pem", f"{folder}/ca.pem"),
        ("/etc/lienthong/tls/privkey.pem", f"{folder}/key.pem"),
        ("/var/log/nginx/access.log", f"{folder}/access.log"),
        ("/var/log/nginx/error.log", f"{folder}/error.log"),
        ("proxy_set_header Host $host;", "proxy_set_header Host $http_host;"),
    ):
        assert old in server, old
        server = server.replace(old, new)
    version = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
    if tuple(map(int, version.rpartition("/")[2].split()[0].split("."))) < (1, 25, 1):
        server = server.replace("    http2 on;\n", "")  # the directive is newer than Debian 12
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = folder / "nginx.conf"
    path.write_text(
        f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{\n{paths}\n{server}\n}}\n",
        "utf-8",
    )
    return path


@pytest.mark.skipif(
    shutil.which("nginx") is None, reason="nginx is not installed (Debian: nginx-light)"
)
async def test_the_nginx_example_carries_a_sign_in() -> None:
    folder = Path(tempfile.mkdtemp(prefix="lienthong-nginx-"))
    folder.chmod(0o755)
    port, tls_port = free_port(), free_port()
    certificate(folder)
    config = folder / "lienthong.toml"
    config.write_text(CONFIG.format(folder=folder, port=port, tls_port=tls_port), "utf-8")
    environment = dict(os.environ) | {"KEK": secrets.token_hex(32)}
    settings = load_settings(config, environment)
    await asyncio.to_thread(migrate, settings.tables.storage.database_url)
    add = subprocess.run(
        [sys.executable, "-m", "idp.cli", "accounts", "add", "-c", str(config), "lan",
         "--full-name", "Lan", "--password", "mot-mat-khau-du-dai", "--no-otp"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert add.returncode == 0, add.stderr
    log = (folder / "provider.log").open("ab")
    node = subprocess.Popen(
        [sys.executable, "-m", "idp.cli", "serve", "-c", str(config)],
        env=environment, stdout=log, stderr=log,
    )  # fmt: skip
    proxy = subprocess.Popen(
        ["nginx", "-c", str(nginx_config(folder, port, tls_port)), "-p", str(folder)],
        stdout=log, stderr=log,
    )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz")
        time.sleep(0.3)
        await _sign_in(folder, tls_port)
        logged = (folder / "access.log").read_text("utf-8")
        assert '"GET /authorize" 303' in logged
        assert "?" not in logged, "hints and states stand in the query"
    finally:
        for process in (proxy, node):
            process.terminate()
            process.wait(20)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


async def _sign_in(folder: Path, tls_port: int) -> None:
    base = f"https://localhost:{tls_port}"
    trust = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    lying = {"x-forwarded-for": "198.51.100.66", "x-forwarded-host": "evil.test"}
    async with httpx.AsyncClient(
        base_url=base, verify=trust, trust_env=False, headers=lying
    ) as browser:
        document = (await browser.get("/.well-known/openid-configuration")).json()
        assert document["issuer"] == base
        query = {
            "response_type": "code", "client_id": "rp", "redirect_uri": "https://rp.test/cb",
            "scope": "openid", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        }  # fmt: skip
        started = await browser.get("/authorize", params=query)
        assert started.headers["strict-transport-security"]
        page = await browser.get(started.headers["location"])
        from tests.fixtures_world import Fields

        data = Fields(page.text).values | {"username": "lan", "password": "mot-mat-khau-du-dai"}
        done = await browser.post("/sign-in", data=data)
        assert done.headers["location"].startswith("https://rp.test/cb?code=ac_")
        cookies = done.headers.get_list("set-cookie")
        assert any(c.startswith("__Host-lt-session=") and "Secure" in c for c in cookies)
        assert (await browser.post("/token", content=b"x" * 100_000)).status_code == 413


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine"
)
def test_the_systemd_unit_is_well_formed(tmp_path: Path) -> None:
    unit = (ROOT / "deploy/systemd/lienthong.service").read_text("utf-8")
    copy = tmp_path / "lienthong.service"
    copy.write_text(unit.replace("/opt/lienthong/bin/lienthong", "/bin/true"), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False
    )
    assert "lienthong.service" not in done.stderr, done.stderr

"""Clients that we did not write: Apache with mod_auth_cas, and phpCAS, as Debian has them."""

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from idp.demo.browser import Browser
from tests.interop.apache import apache, needs
from tests.interop.conftest import Provider, wait_for

LOGOUT_SECONDS = 5.0
PROTECTED = """
CASVersion 2
CASLoginURL {issuer}/cas/login
CASValidateURL {issuer}/cas/p3/serviceValidate
CASCookiePath {root}/cache/
CASSSOEnabled On
CASDebug On
<Location /app>
  AuthType CAS
  Require valid-user
  CASScope /app
  CASAuthNHeader CAS-User
  SetOutputFilter INCLUDES
</Location>
"""


def protected(provider: Provider, root: Path) -> str:
    (root / "cache").mkdir()
    shutil.chown(root / "cache", "www-data", "www-data")
    return PROTECTED.format(root=root, issuer=provider.issuer)


@contextmanager
def behind_mod_auth_cas(provider: Provider) -> Iterator[Path]:
    """A place that only mod_auth_cas lets people into; its folder."""
    pages = {"app/index.html": '<p>user=<!--#echo var="REMOTE_USER" --></p>'}
    with apache(provider.cas_apache, "auth_cas", pages, partial(protected, provider)) as root:
        yield root


@needs("auth_cas", "libapache2-mod-auth-cas")
async def test_apache_with_mod_auth_cas_signs_in_and_is_signed_out(provider: Provider) -> None:
    with behind_mod_auth_cas(provider) as root:
        place = f"{provider.cas_apache}/app/index.html?ho_so=1"
        browser = await provider.sign_in(place, provider.people[5])
        log = root / "error.log"
        page = (await browser._client.get(place)).text
        assert "user=lt-" in page, page + log.read_text("utf-8")[-4000:]
        assert browser.url == place, "the ticket is gone from the address"
        left = await signed_out(provider, browser, place)
        assert left.headers["location"].startswith(f"{provider.issuer}/cas/login?service=")
        assert await told(provider, "archive")
        await browser.close()


PHP = """<?php
require_once 'CAS.php';
phpCAS::client(CAS_VERSION_3_0, '127.0.0.1', 443, '/cas', '{address}');
phpCAS::setServerLoginURL('{issuer}/cas/login?service=' . urlencode('{address}/index.php'));
phpCAS::setServerServiceValidateURL('{issuer}/cas/p3/serviceValidate');
phpCAS::setNoCasServerValidation();
phpCAS::handleLogoutRequests(false);
phpCAS::forceAuthentication();
echo 'user=' . phpCAS::getUser() . ' name=' . phpCAS::getAttribute('full_name');
"""


@asynccontextmanager
async def child(command: list[str], folder: Path, ready: str) -> AsyncIterator[None]:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            wait_for(ready)
            yield
        finally:
            process.terminate()
            process.wait(20)


@pytest.mark.skipif(
    not Path("/usr/share/php/CAS.php").exists(), reason="phpCAS is not installed (Debian: php-cas)"
)
async def test_phpcas_signs_in_and_is_signed_out(provider: Provider, tmp_path: Path) -> None:
    page = PHP.format(address=provider.cas_php, issuer=provider.issuer)
    (tmp_path / "index.php").write_text(page, "utf-8")
    (tmp_path / "up.html").write_text("up", "utf-8")
    (tmp_path / "sessions").mkdir()
    command = [
        "php", "-d", f"session.save_path={tmp_path / 'sessions'}",
        "-S", provider.cas_php.removeprefix("http://"), "-t", str(tmp_path),
    ]  # fmt: skip
    async with child(command, tmp_path, f"{provider.cas_php}/up.html"):
        place, person = f"{provider.cas_php}/index.php", provider.people[6]
        browser = await provider.sign_in(place, person)
        entered = (await browser._client.get(place)).text
        assert "user=nb-" in entered, entered + (tmp_path / "log").read_text("utf-8")[-2000:]
        assert f"name={person.attributes.full_name}" in entered
        await signed_out(provider, browser, place)
        assert await told(provider, "staff")
        await browser.close()


async def test_the_land_registry_of_the_demo_signs_in_and_out(
    provider: Provider, tmp_path: Path
) -> None:
    settings = {
        "name_vi": "Đất đai", "name_en": "Land registry", "address": provider.land,
        "issuer": provider.issuer, "database": str(tmp_path / "land.sqlite"),
    }  # fmt: skip
    (tmp_path / "land.json").write_text(json.dumps(settings), "utf-8")
    command = [sys.executable, "-m", "connectors.simulators.land", "--config", "land.json"]
    async with child(command, tmp_path, f"{provider.land}/healthz"):
        browser = await provider.sign_in(f"{provider.land}/login", provider.people[1])
        known = await browser.json(f"{provider.land}/whoami")
        assert str(known["local_account"]).startswith("dd-")
        assert provider.people[1].attributes.full_name in str(known["greeting"])
        await browser.open(f"{provider.land}/logout")
        assert "confirmation" in (browser.form.fields if browser.form else {})
        await browser.submit({})
        assert browser.url == f"{provider.land}/"
        assert await told(provider, "land-office")
        await browser.close()


async def signed_out(provider: Provider, browser: Browser, place: str) -> httpx.Response:
    """The person leaves at the provider; what the client answers once it has heard."""
    await browser.open(f"{provider.issuer}/cas/logout")
    await browser.submit({})
    ends_at = time.monotonic() + LOGOUT_SECONDS
    while (left := await browser._client.get(place)).status_code == 200:
        assert time.monotonic() < ends_at, left.text
        await asyncio.sleep(0.05)
    return left


async def told(provider: Provider, system: str) -> bool:
    """The notice counts as delivered: it is not sent a second time."""
    sql = "SELECT delivered_at FROM notice WHERE participant = ?"
    for _ in range(100):
        with sqlite3.connect(provider.database) as connection:
            rows = connection.execute(sql, (f"system:{system}",)).fetchall()
        if rows and all(row[0] is not None for row in rows):
            return True
        await asyncio.sleep(0.05)
    return False

"""One provider above another, by SAML, in a real browser: two sites, posts from one to the other."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from idp.config import load_settings
from idp.demo.processes import Processes, free_port
from idp.demo.province import Resident, residents
from idp.demo.seed import seed
from idp.store.sql_migrate import migrate
from tests.browser.chrome import Chrome
from tests.browser.gallery import Gallery
from tests.browser.province import otp
from tests.fixtures_world import CHALLENGE

SUBMIT = "button.primary"
BOTH = """
[provider]
issuer = "{issuer}"
listen = "127.0.0.1:{port}"

[storage]
database_url = "sqlite:///{folder}/{name}.sqlite"

[keys]
keks = [{{ inline = "{kek}" }}]
"""
ABOVE = """
[systems.province]
name = {{ vi = "Cổng của tỉnh", en = "Provincial sign-in" }}
owners = [{{ code = "H55", name = "Tỉnh", valid_from = 2025-07-01 }}]
level = "province"
dialect = "saml"
when_unlinked = "create"
provisioning = "just-in-time"
new_account_prefix = "t-"
claims = [{{ claim = "name", source = "full_name" }}]

[systems.province.saml]
metadata_file = "below.xml"
"""
BELOW = """
[sources.above]
preset = "saml"
name = {{ vi = "Định danh quốc gia", en = "National identity" }}
metadata_file = "above.xml"
attributes = {{ full_name = "name" }}
assurance_otherwise = 1

[clients.app]
name = {{ vi = "Ứng dụng", en = "Application" }}
auth_method = "none"
redirect_uris = ["{landing}"]
scopes = ["openid", "profile"]
consent = "implied"
"""


@dataclass
class Two:
    below: str
    above: str
    landing: str
    people: list[Resident]

    def authorization(self) -> str:
        query = {
            "response_type": "code", "client_id": "app", "redirect_uri": self.landing,
            "scope": "openid profile", "state": "s", "nonce": "n",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        }  # fmt: skip
        return f"{self.below}/authorize?{urlencode(query)}"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, gallery: Gallery) -> Iterator[Two]:
    """`127.0.0.1` above, `localhost` below: to a browser these are two sites. Each is given the
    metadata of the other, as their administrators would do it.
    """
    folder = tmp_path_factory.mktemp("two")
    ports = free_port(), free_port()
    above, below = f"http://127.0.0.1:{ports[0]}", f"http://localhost:{ports[1]}"
    people = [replace(residents()[3], username=f"minh{number}") for number in range(2)]
    place = {"folder": folder, "landing": gallery.landing}

    def written(name: str, issuer: str, port: int) -> Path:
        config = folder / f"{name}.toml"
        own = {"name": name, "issuer": issuer, "port": port, "kek": secrets.token_hex(32)}
        config.write_text(BOTH.format(**own, **place), "utf-8")
        return config

    def more(config: Path, text: str) -> None:
        config.write_text(config.read_text("utf-8") + text.format(**place), "utf-8")

    @contextmanager
    def running(config: Path, issuer: str) -> Iterator[None]:
        settings = load_settings(config, {}, demo=True)
        migrate(settings.tables.storage.database_url)
        processes = Processes(folder)
        try:
            processes.start(config.stem, "idp.cli", "serve", "--demo", "-c", str(config))
            asyncio.run(processes.wait_for(issuer))
            yield
        finally:
            processes.stop()

    def kept(address: str, name: str) -> None:
        (folder / name).write_bytes(httpx.get(address, trust_env=False).content)

    upper, lower = written("above", above, ports[0]), written("below", below, ports[1])
    with running(upper, above):
        kept(f"{above}/saml/metadata", "above.xml")
    asyncio.run(seed(load_settings(upper, {}, demo=True), people))
    more(lower, BELOW)
    with running(lower, below):
        kept(f"{below}/upstream/above/metadata", "below.xml")
        more(upper, ABOVE)
        with running(upper, above):
            yield Two(below=below, above=above, landing=gallery.landing, people=people)


@pytest.mark.parametrize("scripts", [True, False], ids=["by-itself", "by-button"])
def test_an_answer_posted_from_another_site_ends_in_the_browser_that_asked(
    chrome: Chrome, two: Two, scripts: bool
) -> None:
    person = two.people.pop()
    chrome.begin(scripts=scripts)
    chrome.open(two.authorization())
    chrome.enter('a[href^="/upstream/above/start"]')
    chrome.arrives(two.above)
    chrome.fill_in(username=person.username, password=person.password)
    if chrome.has('[name="otp"]'):
        chrome.fill_in(otp=otp(person))
    while not scripts and not chrome.url.startswith(two.landing):
        if not chrome.has(SUBMIT):
            break
        chrome.enter(SUBMIT)
    chrome.arrives(f"{two.landing}?")
    assert "code=" in chrome.url
    chrome.open(f"{two.below}/")
    assert person.attributes.full_name in chrome.text

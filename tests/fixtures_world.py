"""A whole provider in the test's own process, with a clock that the test may turn."""

import asyncio
import hashlib
import json
import secrets
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from idp.adapters import open_stores
from idp.app import open_service
from idp.authn.password import PasswordHasher
from idp.authn.totp import code_at, step_of
from idp.authn.usernames import fold
from idp.config import Settings, load_settings
from idp.store.sql_migrate import migrate
from keys.jwks import public_jwk
from keys.signer import Signer
from tests.people import ALICE_NAME, BOB_NAME, Person, make_person

ISSUER = "https://id.test"
SECRET_1 = "c1-" + "abcdefghijklmnopqrstuvwxyz0123456789"
SECRET_2 = "c2-" + "abcdefghijklmnopqrstuvwxyz0123456789"
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
C1_KEY = ec.generate_private_key(ec.SECP256R1())
C1_JWKS = json.dumps({"keys": [public_jwk(C1_KEY, "ES256")]})
C1_SIGNER = Signer(public_jwk(C1_KEY, "ES256")["kid"], "ES256", C1_KEY)

CONFIG = """
[provider]
issuer = "https://id.test"

[storage]
database_url = "{database_url}"
{redis}

[keys]
keks = [{{ env = "KEK" }}]

[network]
trusted_proxies = ["10.0.0.0/8"]

[clients.c1]
name = {{ vi = "Ứng dụng một", en = "Application one" }}
secrets = [{{ env = "SECRET_1" }}]
redirect_uris = ["https://rp1.test/cb", "https://rp1.test/other"]
post_logout_redirect_uris = ["https://rp1.test/bye"]
backchannel_logout_uri = "https://rp1.test/backchannel"
grant_types = ["authorization_code", "refresh_token", "client_credentials"]
scopes = ["openid", "profile", "email", "phone", "address", "vn_identity", "reports.read"]
consent = "implied"

[clients.c2]
name = {{ vi = "Ứng dụng hai", en = "Application two" }}
auth_method = "client_secret_post"
secrets = [{{ env = "SECRET_2" }}]
redirect_uris = ["https://rp2.test/cb"]
post_logout_redirect_uris = ["https://rp2.test/bye"]
grant_types = ["authorization_code", "refresh_token"]
scopes = ["openid", "profile"]
pkce_required = false
id_token_alg = "RS256"
claims_in_id_token = true
consent = "ask"

[clients.k1]
name = {{ vi = "Ứng dụng có khóa", en = "Application with a key" }}
auth_method = "private_key_jwt"
jwks = '{jwks}'
redirect_uris = ["https://rp3.test/cb"]
access_token_format = "jwt"
resource = "https://api.test"
grant_types = ["authorization_code", "client_credentials"]
scopes = ["openid", "profile", "reports.read"]
consent = "implied"
introspects_all = true

[clients.n1]
name = {{ vi = "Ứng dụng di động", en = "Mobile application" }}
application_type = "native"
auth_method = "none"
redirect_uris = ["http://127.0.0.1/cb"]
grant_types = ["authorization_code", "refresh_token"]
scopes = ["openid", "profile"]
consent = "implied"

[clients.high]
name = {{ vi = "Dịch vụ mức 2", en = "Level 2 service" }}
secrets = [{{ env = "SECRET_1" }}]
redirect_uris = ["https://high.test/cb"]
required_assurance = 2
consent = "implied"

[clients.x1]
name = {{ vi = "Đã khóa", en = "Disabled" }}
secrets = [{{ env = "SECRET_1" }}]
redirect_uris = ["https://x1.test/cb"]
disabled = true

[clients.portal]
name = {{ vi = "Cổng dịch vụ công", en = "Portal" }}
secrets = [{{ env = "SECRET_1" }}]
redirect_uris = ["https://portal.test/cb"]
backchannel_logout_uri = "https://portal.test/backchannel"
scopes = ["openid", "profile"]
system = "portal"
consent = "implied"

[clients.register]
name = {{ vi = "Sổ hộ tịch", en = "Civil register" }}
secrets = [{{ env = "SECRET_1" }}]
redirect_uris = ["https://register.test/cb"]
system = "register"
consent = "implied"

[deep_links."H55.242"]
system = "onestop"
start = "https://onestop.test/nop-ho-so"

[systems.portal]
name = {{ vi = "Cổng dịch vụ công", en = "Portal" }}
owners = [{{ code = "H55", name = "Văn phòng", valid_from = 2025-07-01 }}]
level = "province"
dialect = "oidc"
when_unlinked = "create"
new_account_prefix = "p-"

[systems.register]
name = {{ vi = "Sổ hộ tịch", en = "Civil register" }}
owners = [{{ code = "H55", name = "Văn phòng", valid_from = 2025-07-01 }}]
level = "province"
dialect = "oidc"
when_unlinked = "refuse"

[systems.onestop]
name = {{ vi = "Một cửa", en = "One-stop" }}
owners = [{{ code = "H55", name = "Văn phòng", valid_from = 2025-07-01 }}]
level = "commune"
dialect = "signed_ticket"
when_unlinked = "claim"
claims = [{{ claim = "name", source = "full_name" }}]
verification = {{ password_file = "{extract}" }}
ticket = {{ return_urls = ["https://onestop.test/ticket"], logout_url = "https://onestop.test/bye", secrets = [{{ env = "SECRET_2" }}] }}

[systems.land]
name = {{ vi = "Đất đai", en = "Land registry" }}
owners = [{{ code = "H55", name = "Sở", valid_from = 2025-07-01 }}]
level = "province"
dialect = "cas"
when_unlinked = "create"
new_account_prefix = "dd-"
claims = [{{ claim = "name", source = "full_name" }}, {{ claim = "acr", source = "acr" }}]
cas = {{ services = ["https://app.test/land/", "https://land.test/enter"], proxy_callbacks = ["https://app.test/pgt"] }}

[systems.maps]
name = {{ vi = "Bản đồ", en = "Maps" }}
owners = [{{ code = "H55", name = "Sở", valid_from = 2025-07-01 }}]
level = "province"
dialect = "cas"
when_unlinked = "not-needed"
claims = []
cas = {{ services = ["https://maps.test/"], proxied_by = ["land"], proxy_callbacks = ["https://maps.test/pgt"] }}

[systems.safe]
name = {{ vi = "Kho mức 2", en = "Level 2 store" }}
owners = [{{ code = "H55", name = "Sở", valid_from = 2025-07-01 }}]
level = "province"
dialect = "cas"
when_unlinked = "not-needed"
required_assurance = 2
claims = [{{ claim = "vn_personal_id", source = "personal_number", required = true }}]
cas = {{ services = ["https://safe.test/"], proxied_by = ["land"], logout = false }}
[systems.intranet]
name = {{ vi = "Mạng nội bộ", en = "Intranet" }}
owners = [{{ code = "H55", name = "Văn phòng", valid_from = 2025-07-01 }}]
level = "province"
dialect = "forward_auth"
when_unlinked = "not-needed"
claims = [{{ claim = "name", source = "full_name" }}, {{ claim = "email", source = "email" }}]

[systems.intranet.forward_auth]
origins = ["https://intranet.test", "https://wiki.test:8443"]
secrets = [{{ env = "SECRET_1" }}, {{ env = "SECRET_2" }}]
public_paths = ["/public", "/healthz"]
headers = {{ x-auth-user = "sub", x-auth-name = "name", x-auth-email = "email" }}

[systems.staffroom]
name = {{ vi = "Phòng cán bộ", en = "Staff room" }}
owners = [{{ code = "H55", name = "Văn phòng", valid_from = 2025-07-01 }}]
level = "province"
dialect = "forward_auth"
when_unlinked = "not-needed"
claims = []

[systems.staffroom.forward_auth]
origins = ["https://staff.test"]
secrets = [{{ env = "SECRET_1" }}]
admits = {{ account_kinds = ["citizen"], agencies = ["H55"] }}
"""
EXTRACT_ROWS = (
    ("tuyetnt85", "mat-khau-cu-2009"),
    ("khanhtb", "mat-khau-cu-2010"),
)


class Clock:
    """Time as the test wants it."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


class Fields(HTMLParser):
    """What a page's forms hold."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.names: list[str] = []
        self.actions: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.actions.append(found.get("action", ""))
        if tag in ("input", "button") and "name" in found:
            self.names.append(found["name"])
            if found.get("type") == "hidden":
                self.values[found["name"]] = found.get("value", "")


class RunningClock(Clock):
    """Time that passes by itself, and that the test may still put forward."""

    def __init__(self, *, skew_seconds: float = 0.0) -> None:
        self.ahead = skew_seconds

    @property
    def now(self) -> float:
        return time.time() + self.ahead

    @now.setter
    def now(self, value: float) -> None:
        self.ahead = value - time.time()

    def __call__(self) -> float:
        return self.now


class Watcher(Protocol):
    """Looks at every request and answer of a world (see `tests.attacks.oracle`)."""

    def before(self, request: httpx.Request) -> object:
        """What is remembered until the answer."""
        ...

    def after(self, request: httpx.Request, response: httpx.Response, kept: object) -> None:
        """Fails the test where the answer is not as every answer must be."""
        ...


class _ToTheWorld(httpx.AsyncBaseTransport):
    """Leads to whichever node the caller is at now, past the watcher of that world."""

    def __init__(self, place: Callable[[], "World"], address: str) -> None:
        self._place = place
        self._client = (address, 40000)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        world = self._place()
        transport = httpx.ASGITransport(world.app, client=self._client)
        if world.watcher is None:
            return await transport.handle_async_request(request)
        kept = world.watcher.before(request)
        response = await transport.handle_async_request(request)
        await response.aread()
        world.watcher.after(request, response, kept)
        return response


class Browser:
    """One person's browser at the provider; redirects are looked at, never followed blindly.

    Where there are several nodes, `world` says which one it talks to; its cookies go along.
    """

    def __init__(self, world: "World", address: str = "203.0.113.7") -> None:
        self.world = world
        self.http = httpx.AsyncClient(
            transport=_ToTheWorld(lambda: self.world, address), base_url=ISSUER
        )

    async def authorize(self, method: str = "GET", **changes: str | None) -> httpx.Response:
        query = self.world.authorization(**changes)
        if method == "POST":
            return await self.http.post("/authorize", data=query)
        return await self.http.get("/authorize", params=query)

    async def follow(self, response: httpx.Response) -> httpx.Response:
        """Follow redirects that stay at the provider."""
        while response.is_redirect and response.headers["location"].startswith("/"):
            response = await self.http.get(response.headers["location"])
        return response

    async def submit(self, page: httpx.Response, **fields: str) -> httpx.Response:
        form = Fields(page.text)
        response = await self.http.post(form.actions[0], data=form.values | fields)
        return await self.follow(response)

    async def sign_in(self, person: Person, start: httpx.Response) -> httpx.Response:
        """From the first page to whatever comes after the second factor."""
        page = await self.follow(start)
        page = await self.submit(page, username=person.account.username, password=person.password)
        if person.account.totp_secret is None:
            return page
        return await self.submit(page, otp=self.world.otp(person))

    async def code(self, person: Person | None = None, **changes: str | None) -> str:
        """A code, signing in where that is asked for."""
        response = await self.authorize(**changes)
        if person is not None and response.headers.get("location", "").startswith("/"):
            response = await self.sign_in(person, response)
        return str(answer(response)["code"])

    async def tokens(self, person: Person | None = None, **changes: str | None) -> dict[str, Any]:
        code = await self.code(person, **changes)
        client_id = changes.get("client_id") or "c1"
        response = await self.world.redeem(code, client_id, changes.get("redirect_uri"))
        assert response.status_code == 200, response.text
        return dict(response.json())


def answer(response: httpx.Response) -> dict[str, str]:
    """The parameters of a redirect back to the client."""
    assert response.status_code == 303, (response.status_code, response.text[:400])
    return {k: v[0] for k, v in parse_qs(urlsplit(response.headers["location"]).query).items()}


class World:
    """The provider, its clients, its people."""

    def __init__(
        self,
        app: Any,
        clock: Clock,
        settings: Settings,
        alice: Person,
        bob: Person,
        dora: Person,
        pat: Person,
    ) -> None:
        self.app = app
        self.clock = clock
        self.settings = settings
        self.alice, self.bob, self.dora, self.pat = alice, bob, dora, pat
        self.watcher: Watcher | None = None
        self.http = httpx.AsyncClient(
            transport=_ToTheWorld(lambda: self, "198.51.100.9"), base_url=ISSUER
        )
        self._browsers: list[Browser] = []

    def browser(self, address: str = "203.0.113.7") -> Browser:
        made = Browser(self, address)
        self._browsers.append(made)
        return made

    async def close(self) -> None:
        for browser in self._browsers:
            await browser.http.aclose()
        await self.http.aclose()

    def otp(self, person: Person) -> str:
        """A code that has not been used: time goes on by one step."""
        self.clock.now += 30
        return code_at(person.totp, step_of(int(self.clock.now)))

    def authorization(self, **changes: str | None) -> dict[str, str]:
        query: dict[str, str | None] = {
            "response_type": "code",
            "client_id": "c1",
            "redirect_uri": "https://rp1.test/cb",
            "scope": "openid profile",
            "state": "st-1",
            "nonce": "no-1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (query | changes).items() if value is not None}

    async def redeem(
        self,
        code: str,
        client_id: str = "c1",
        redirect_uri: str | None = None,
        **changes: str | None,
    ) -> httpx.Response:
        defaults = {
            "c1": "https://rp1.test/cb",
            "c2": "https://rp2.test/cb",
            "n1": "http://127.0.0.1/cb",
            "k1": "https://rp3.test/cb",
        }
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri or defaults.get(client_id, f"https://{client_id}.test/cb"),
            "code_verifier": VERIFIER,
        }
        return await self.token(client_id, **(form | changes))

    async def token(self, client_id: str = "c1", **form: str | None) -> httpx.Response:
        """A token request, authenticated as the client is registered."""
        sent = {k: v for k, v in form.items() if v is not None}
        headers = {}
        if client_id == "c2":
            sent |= {"client_id": "c2", "client_secret": SECRET_2}
        elif client_id == "k1":
            sent |= {
                "client_assertion": self.assertion(),
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            }
        elif client_id == "n1":
            sent |= {"client_id": "n1"}
        else:
            headers = basic(client_id, SECRET_1)
        return await self.http.post("/token", data=sent, headers=headers)

    def assertion(self, **changes: Any) -> str:
        now = int(self.clock.now)
        claims = {
            "iss": "k1",
            "sub": "k1",
            "aud": ISSUER,
            "exp": now + 60,
            "iat": now,
            "jti": secrets.token_hex(8),
        } | changes
        kept = {k: v for k, v in claims.items() if v is not None}
        return C1_SIGNER.sign("JWT", json.dumps(kept).encode())

    async def userinfo(self, access_token: str) -> httpx.Response:
        return await self.http.get("/userinfo", headers={"authorization": f"Bearer {access_token}"})

    async def introspect(self, token: str) -> dict[str, Any]:
        response = await self.http.post(
            "/introspect", data={"token": token}, headers=basic("c1", SECRET_1)
        )
        return dict(response.json())


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()}


def query_of(**parameters: str) -> str:
    return urlencode(parameters)


@pytest.fixture(scope="session")
def hashes() -> dict[str, str]:
    async def make() -> dict[str, str]:
        hasher = PasswordHasher(workers=1, queue_limit=10)
        made = {p: await hasher.hash(p) for p in ("mat-khau-cua-alice", "mat-khau-cua-bob")}
        hasher.close()
        return made

    return asyncio.run(make())


def write_extract(folder: Path) -> Path:
    path = folder / "extract.csv"
    lines = ["account,scheme,salt,digest"]
    for account, password in EXTRACT_ROWS:
        digest = hashlib.sha1(f"s{password}".encode(), usedforsecurity=False).hexdigest()
        lines.append(f"{account},sha1,s,{digest}")
    path.write_text("\n".join(lines), "utf-8")
    return path


def write_config(
    folder: Path, database_url: str, redis_url: str | None = None, more: str = ""
) -> Path:
    path = folder / "lienthong.toml"
    text = CONFIG.format(
        database_url=database_url,
        redis=f'redis_url = "{redis_url}"' if redis_url else "",
        jwks=C1_JWKS,
        extract=write_extract(folder),
    )
    path.write_text(text + more, "utf-8")
    return path


ENVIRONMENT = {"SECRET_1": SECRET_1, "SECRET_2": SECRET_2, "KEK": secrets.token_hex(32)}


@pytest.fixture
def world_database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'world.sqlite'}"


@pytest.fixture
def more_config() -> str:
    """What a module adds to the configuration of its world."""
    return ""


@pytest.fixture
def world_clock() -> Clock:
    return Clock()


async def settle(settings: Settings, clock: Clock, hashes: dict[str, str]) -> list[Person]:
    """The schema, and the people in it: Alice, Bob, Dora (disabled), Pat (no second factor)."""
    migrate(settings.tables.storage.database_url)
    a, b = "mat-khau-cua-alice", "mat-khau-cua-bob"
    people = [
        make_person("anh.tuyet", ALICE_NAME, "074185999111", a, hashes[a]),
        make_person("bao.khanh", BOB_NAME, "077090999222", b, hashes[b]),
        make_person("dora", "Dora", "079190999333", b, hashes[b], enabled=False),
        make_person("pat", "Pat", "079190999444", b, hashes[b], totp=False),
    ]
    async with open_stores(settings, clock) as stores:
        for person in people:
            folded = fold(person.account.username)
            assert await stores.accounts.add(person.account, folded, int(clock.now))
    return people


@pytest.fixture
async def world(
    tmp_path: Path,
    world_database_url: str,
    hashes: dict[str, str],
    more_config: str,
    world_clock: Clock,
) -> AsyncIterator[World]:
    path = write_config(tmp_path, world_database_url, more=more_config)
    settings, clock = load_settings(path, ENVIRONMENT), world_clock
    people = await settle(settings, clock, hashes)
    async with open_service(settings, clock) as app:
        made = World(app, clock, settings, *people)
        yield made
        await made.close()

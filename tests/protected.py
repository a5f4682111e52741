"""A browser in front of a protected host, and the proxy between them and us."""

import asyncio
import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from hashlib import sha256
from hmac import digest
from urllib.parse import urlsplit

import httpx

from idp.adapters import open_stores
from idp.store.sealed_columns import seal_attributes
from tests.fixtures_world import ISSUER, Browser, World
from tests.people import Person

HOST = "intranet.test"
VISIT = "__Host-lt-forward"


class Proxied:
    """One person's browser; what it asks of a protected host, the proxy asks us about."""

    def __init__(self, world: World, host: str = HOST, browser: Browser | None = None) -> None:
        self.host = host
        self.browser = browser or world.browser()
        self.cookies: dict[str, str] = {}

    async def ask(
        self,
        target: str = "/",
        *,
        place: str = "/forward-auth",
        cookie: str | None = None,
        **more: str,
    ) -> httpx.Response:
        """The question of the proxy; `cookie` is the whole header, where it is not this browser's."""
        headers = {"x-forwarded-host": self.host, "x-forwarded-uri": target} | {
            name.replace("_", "-"): value for name, value in more.items()
        }
        return await self._send(place, headers, cookie)

    async def own_place(self, url: str) -> httpx.Response:
        """A page under /.lienthong/ of the protected host, which the proxy hands to us."""
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        return await self._send(path, {"x-forwarded-host": self.host}, None)

    async def _send(self, path: str, headers: dict[str, str], cookie: str | None) -> httpx.Response:
        kept = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = kept if cookie is None else cookie
        http = self.browser.world.http
        response = await http.get(path, headers=headers | ({"cookie": sent} if sent else {}))
        for line in response.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        http.cookies.clear()
        return response

    async def begin(self, target: str = "/") -> httpx.Response:
        """From a refused page to the first page of the sign-in, at our own host."""
        refused = await self.ask(target)
        assert refused.status_code == 401
        started = await self.own_place(refused.headers["location"])
        assert started.headers["location"].startswith(f"{ISSUER}/forward-auth/start?state=fs_")
        return await self.browser.http.get(started.headers["location"])

    async def enter(self, person: Person | None = None, target: str = "/") -> httpx.Response:
        """All the way to the page that was asked for; `person` signs in where that is asked."""
        answered = await self.begin(target)
        if person is not None and answered.headers.get("location", "").startswith("/"):
            answered = await self.browser.sign_in(person, answered)
        assert answered.status_code == 303, answered.text[:400]
        return await self.own_place(answered.headers["location"])


async def belongs_to(world: World, person: Person, agency: str | None) -> None:
    """From now on, the person is of this agency."""
    attributes = replace(person.account.attributes, agency_code=agency)
    subject = person.account.subject
    async with open_stores(world.settings, world.clock) as stores:
        sealed = seal_attributes(stores.sealer, subject, attributes)
        sql = "UPDATE subject SET attributes_sealed = $2 WHERE id = $1"
        assert await stores.database.change(sql, subject, sealed) == 1
    await asyncio.sleep(0)  # the reads of one turn see one state


def identity(token: str, secret: str) -> dict[str, object]:
    """What a signed identity says, to a reader of our own that knows only the secret."""
    head, payload, signature = token.split(".")
    assert digest(secret.encode(), f"{head}.{payload}".encode(), sha256) == _decode(signature)
    assert json.loads(_decode(head)) == {"alg": "HS256", "typ": "forward-auth+jwt"}
    return dict(json.loads(_decode(payload)))


def _decode(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))

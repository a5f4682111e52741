"""A browser that stops where it is sent, in front of addresses at which nobody listens."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from idp.authn.totp import code_at, step_of
from idp.demo.browser import Browser
from idp.demo.province import Resident


class Arrived(Exception):
    """The browser is about to open an address that belongs to the client."""


class ArrivingBrowser:
    """One citizen, who signs in when first asked."""

    def __init__(self, person: Resident) -> None:
        self.browser = Browser()
        self._person = person
        self._prefix, self._seen = "", ""
        self.browser._client.event_hooks["request"].append(self._stop)

    async def _stop(self, request: httpx.Request) -> None:
        if str(request.url).startswith(self._prefix):
            self._seen = str(request.url)
            raise Arrived

    async def arrives_at(self, url: str, prefix: str) -> str:
        """The first address with this prefix to which the browser is sent."""
        self._prefix = prefix
        try:
            await self.browser.open(url)
            await self._sign_in()
        except Arrived:
            return self._seen
        raise AssertionError(f"the browser stayed at {self.browser.url}")

    async def _sign_in(self) -> None:
        person = self._person
        await self.browser.submit({"username": person.username, "password": person.password})
        await self.browser.submit({"otp": code_at(person.totp_secret, step_of(int(time.time())))})


@asynccontextmanager
async def arriving(person: Resident) -> AsyncIterator[ArrivingBrowser]:
    """A browser without a past."""
    made = ArrivingBrowser(person)
    try:
        yield made
    finally:
        await made.browser.close()

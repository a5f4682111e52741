"""One login, many systems: the journey that the demo drives and checks."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from connectors.contract import AccountKind
from idp.authn.totp import code_at, step_of
from idp.demo.browser import Browser
from idp.demo.province import Resident
from idp.demo.scene import Addresses

LOGOUT_SECONDS = 5.0
Report = Callable[["StepResult"], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """One step: what was to happen, whether it did, how long it took."""

    name: str
    ok: bool
    ms: int
    seen: str


class Journey:
    """Drives two citizens and a member of staff through the systems, and looks at what each system
    says of them.
    """

    def __init__(self, addresses: Addresses, people: list[Resident], report: Report) -> None:
        self._at = addresses.systems
        self._source = addresses.vneid
        self._linked = next(p for p in people if p.linked)
        self._claims = self.claimant(people)
        self._staff = next(p for p in people if p.kind is AccountKind.STAFF)
        self._report = report
        self.results: list[StepResult] = []

    @staticmethod
    def claimant(people: list[Resident]) -> Resident:
        """Who claims an old account on the way."""
        return next(p for p in people if p.old_account and not p.linked)

    async def run(self) -> bool:
        """All steps; whether every one went as it should."""
        first, second, third = Browser(), Browser(), Browser()
        at = self._at
        try:
            await self._step("sign in at the portal by VNeID", self._sign_in(first, self._linked))
            await self._step("enter the hotline, no prompt", self._enter(first, at["hotline"]))
            await self._step("enter the one-stop, no prompt", self._enter(first, at["onestop"]))
            await self._step("enter the land registry, no prompt", self._enter(first, at["land"]))
            await self._step("enter the school, no prompt", self._enter(first, at["school"]))
            await self._step("no way into the staff intranet", self._kept_out(first))
            await self._step("sign in as a second citizen", self._sign_in(second, self._claims))
            await self._step("claim the old account", self._claim(second))
            await self._step("enter again, no proof asked", self._enter(second, at["onestop"]))
            await self._step("sign in as a member of staff", self._sign_in(third, self._staff))
            await self._step("enter the intranet, no prompt", self._enter_intranet(third))
            await self._step("log out once", self._log_out(first))
            await self._step("all sessions have ended", self._all_ended(first))
            await self._step("the other citizen is still signed in", self._still(second))
            await self._step("the intranet closes with its session", self._close_intranet(third))
        finally:
            await first.close()
            await second.close()
            await third.close()
        return all(result.ok for result in self.results)

    async def _step(self, name: str, doing: Awaitable[str]) -> None:
        started = time.perf_counter()
        try:
            seen, ok = await doing, True
        except (AssertionError, LookupError, OSError, ValueError) as fault:
            seen, ok = str(fault) or type(fault).__name__, False
        milliseconds = round((time.perf_counter() - started) * 1000)
        result = StepResult(name=name, ok=ok, ms=milliseconds, seen=seen)
        self.results.append(result)
        self._report(result)

    async def _sign_in(self, browser: Browser, person: Resident) -> str:
        """At the citizens' source where there is one; staff, and all where there is none, here."""
        await browser.open(f"{self._at['portal']}/login")
        if self._source is not None and person.kind is AccountKind.CITIZEN:
            await browser.click("VNeID")
            if not browser.url.startswith(self._source):
                raise ValueError("the browser was not sent to the source")
            await browser.click(str(person.attributes.full_name))
            return await self._greeting(browser, self._at["portal"])
        await browser.submit({"username": person.username, "password": person.password})
        await browser.submit({"otp": code_at(person.totp_secret, step_of(int(time.time())))})
        return await self._greeting(browser, self._at["portal"])

    async def _enter(self, browser: Browser, address: str) -> str:
        questions = browser.pages_with_a_question
        await browser.open(f"{address}/login")
        if browser.pages_with_a_question != questions:
            raise ValueError("a second prompt was shown")
        return await self._greeting(browser, address)

    async def _kept_out(self, browser: Browser) -> str:
        """The system admits members of staff; a citizen is told so, and not asked to sign in again."""
        questions = browser.pages_with_a_question
        await browser.open(f"{self._at['intranet']}/")
        if browser.pages_with_a_question != questions:
            raise ValueError("a second prompt was shown")
        if await self._knows(browser, self._at["intranet"]):
            raise ValueError("the citizen was let in")
        return "it is for members of staff, and says so"

    async def _enter_intranet(self, browser: Browser) -> str:
        """The proxy in front of it asks about every request; there is nothing to sign in to."""
        questions = browser.pages_with_a_question
        await browser.open(f"{self._at['intranet']}/")
        if browser.pages_with_a_question != questions:
            raise ValueError("a second prompt was shown")
        return await self._greeting(browser, self._at["intranet"])

    async def _close_intranet(self, browser: Browser) -> str:
        await self._log_out(browser)
        if await self._knows(browser, self._at["intranet"]):
            raise ValueError("the intranet is still open")
        return "asked again, and closed"

    async def _knows(self, browser: Browser, address: str) -> bool:
        """Whether a system knows who this browser is; a proxy that sends it away has not asked it."""
        try:
            return bool((await browser.json(f"{address}/whoami"))["signed_in"])
        except ValueError:
            return False

    async def _claim(self, browser: Browser) -> str:
        person = self._claims
        await browser.open(f"{self._at['onestop']}/login")
        await browser.submit(
            {
                "account": person.old_account or "",
                "password": person.old_password or "",
                "decision": "claim",
            }
        )
        greeting = await self._greeting(browser, self._at["onestop"])
        if str(person.old_account) not in greeting:
            raise ValueError("the system knows another account")
        return greeting

    async def _greeting(self, browser: Browser, address: str) -> str:
        seen = await browser.json(f"{address}/whoami")
        if seen["signed_in"] is not True:
            raise ValueError("the system does not know the citizen")
        return f"{seen['greeting']} ({seen['local_account']})"

    async def _log_out(self, browser: Browser) -> str:
        await browser.open(f"{self._at['portal']}/logout")
        return "the provider has answered"

    async def _all_ended(self, browser: Browser) -> str:
        """Back-channel notices reach every system within five seconds."""
        systems = (
            self._at["portal"],
            self._at["hotline"],
            self._at["onestop"],
            self._at["land"],
            self._at["school"],
        )
        ends_at = time.monotonic() + LOGOUT_SECONDS
        living = list(systems)
        while living and time.monotonic() < ends_at:
            living = [s for s in living if await self._knows(browser, s)]
            if living:
                await asyncio.sleep(0.05)
        if living:
            raise ValueError(f"{len(living)} system(s) still know the citizen")
        return f"{len(systems)} systems, no session"

    async def _still(self, browser: Browser) -> str:
        return await self._greeting(browser, self._at["onestop"])

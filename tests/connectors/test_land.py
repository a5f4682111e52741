"""The land registry of the demo: a CAS client that binds each ticket to the browser that began."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from connectors.simulators import land as module
from connectors.simulators.land import LandRegistry
from connectors.simulators.stand_in import StandInSettings
from connectors.systems.cas.answers import Success, failure_document, success_document
from connectors.systems.cas.failures import FailureCode
from connectors.systems.cas.logout import logout_request

HOME, ISSUER = "http://land.test:80", "http://id.test"


class Provider:
    """Says yes once to one ticket for one service."""

    def __init__(self) -> None:
        self.tickets: dict[tuple[str, str], str] = {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        query = {name: value[0] for name, value in parse_qs(request.url.query.decode()).items()}
        account = self.tickets.pop((query.get("ticket", ""), query["service"]), None)
        if request.url.path != "/cas/p3/serviceValidate" or account is None:
            return httpx.Response(200, text=failure_document(FailureCode.INVALID_TICKET))
        success = Success(
            user=account, claims={"name": "Lê <Thị> Đất"}, authenticated_at=0, fresh=False
        )
        return httpx.Response(200, text=success_document(success, attributes=True))


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    made, plain = Provider(), httpx.AsyncClient

    def client(*, trust_env: bool) -> httpx.AsyncClient:
        return plain(transport=httpx.MockTransport(made.answer), trust_env=trust_env)

    monkeypatch.setattr(module.httpx, "AsyncClient", client)
    return made


def browser_at(application: object) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application)  # type: ignore[arg-type]  # an ASGI application
    return _CLIENT(transport=transport, base_url=HOME)


_CLIENT = httpx.AsyncClient


@pytest.fixture
async def land(provider: Provider, tmp_path: Path) -> AsyncIterator[LandRegistry]:
    return LandRegistry(
        StandInSettings(
            name_vi="Đất đai", name_en="Land", address=HOME, issuer=ISSUER,
            database=str(tmp_path / "land.sqlite"),
        )
    )  # fmt: skip


async def begun(browser: httpx.AsyncClient) -> str:
    """The service that the browser is sent to the provider with."""
    left = await browser.get("/login")
    address = urlsplit(left.headers["location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{ISSUER}/cas/login"
    return parse_qs(address.query)["service"][0]


async def whoami(browser: httpx.AsyncClient) -> object:
    return (await browser.get("/whoami")).json()["local_account"]


async def test_a_ticket_opens_a_session_of_the_local_account_once(
    land: LandRegistry, provider: Provider
) -> None:
    async with browser_at(land.application) as browser:
        service = await begun(browser)
        provider.tickets["ST-1", service] = "dd-000017"
        entered = await browser.get(f"{service}&ticket=ST-1")
        assert entered.headers["location"] == "/"
        assert await whoami(browser) == "dd-000017"
        page = (await browser.get("/")).text
        assert "Lê &lt;Thị&gt; Đất" in page
        again = await browser.get(f"{service}&ticket=ST-1")
        assert again.status_code == 403


async def test_a_ticket_of_another_browser_opens_nothing(
    land: LandRegistry, provider: Provider
) -> None:
    async with browser_at(land.application) as mine, browser_at(land.application) as theirs:
        service = await begun(theirs)
        provider.tickets["ST-1", service] = "dd-000017"
        assert (await mine.get(f"{service}&ticket=ST-1")).status_code == 403
        await begun(mine)
        assert (await mine.get(f"{service}&ticket=ST-1")).status_code == 403
        assert await whoami(mine) is None


async def test_the_provider_ends_the_session_behind_a_ticket_and_no_other(
    land: LandRegistry, provider: Provider
) -> None:
    async with browser_at(land.application) as browser:
        service = await begun(browser)
        provider.tickets["ST-1", service] = "dd-000017"
        await browser.get(f"{service}&ticket=ST-1")
        for ticket, left in (("ST-2", "dd-000017"), ("ST-1", None)):
            document = logout_request(ticket, request_id="1", now=0)
            told = await browser.post(service, data={"logoutRequest": document})
            assert told.status_code == 200
            assert await whoami(browser) == left


@pytest.mark.parametrize("document", ["", "<a/>", "<a", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
async def test_what_is_no_logout_request_ends_nothing(land: LandRegistry, document: str) -> None:
    async with browser_at(land.application) as browser:
        told = await browser.post("/enter", data={"logoutRequest": document})
        assert told.status_code in (400, 422)


async def test_leaving_ends_the_own_session_and_goes_to_the_provider(
    land: LandRegistry, provider: Provider
) -> None:
    async with browser_at(land.application) as browser:
        service = await begun(browser)
        provider.tickets["ST-1", service] = "dd-000017"
        await browser.get(f"{service}&ticket=ST-1")
        left = await browser.get("/logout")
        assert left.headers["location"].startswith(f"{ISSUER}/cas/logout?service=http%3A%2F%2Fland")
        assert left.headers["clear-site-data"] == '"cache"'
        assert await whoami(browser) is None

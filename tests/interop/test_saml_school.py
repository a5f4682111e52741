"""The school that stands in for a real one: it enters by SAML and hears of a logout by SOAP."""

import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from idp.demo.browser import Browser
from tests.interop.arriving import Arrived
from tests.interop.conftest import Provider
from tests.interop.test_cas import child, told
from tests.saml.messages import SpKey, instant, signed_xml

LOGOUT_SECONDS = 5.0


@asynccontextmanager
async def school(provider: Provider, folder: Path) -> AsyncIterator[None]:
    settings = {
        "name_vi": "Trường học", "name_en": "School", "address": provider.academy,
        "issuer": provider.issuer, "database": str(folder / "school.sqlite"),
    }  # fmt: skip
    (folder / "school.json").write_text(json.dumps(settings), "utf-8")
    command = [sys.executable, "-m", "connectors.simulators.school", "--config", "school.json"]
    async with child(command, folder, f"{provider.academy}/healthz"):
        yield


async def test_the_school_signs_in_and_hears_of_a_logout(
    provider: Provider, tmp_path: Path
) -> None:
    async with school(provider, tmp_path):
        person, who = provider.newcomer(), f"{provider.academy}/whoami"
        browser = await provider.sign_in(f"{provider.academy}/login", person)
        assert browser.url == f"{provider.academy}/"
        known = await browser.json(who)
        assert str(known["local_account"]).startswith("academy-")
        assert person.attributes.full_name in str(known["greeting"])
        await browser.open(f"{provider.issuer}/logout")
        await browser.submit({})
        ends_at = time.monotonic() + LOGOUT_SECONDS
        while (await browser.json(who))["signed_in"]:
            assert time.monotonic() < ends_at
            await asyncio.sleep(0.05)
        assert await told(provider, "academy")
        await browser.close()


async def test_a_response_enters_once_and_only_in_the_browser_that_asked(
    provider: Provider, tmp_path: Path
) -> None:
    acs = f"{provider.academy}/acs"
    async with school(provider, tmp_path):
        browser = await provider.sign_in(f"{provider.academy}/login", provider.newcomer())
        posted: list[httpx.Request] = []

        async def hold(request: httpx.Request) -> None:
            if str(request.url) == acs and not posted:
                posted.append(request)
                raise Arrived

        browser._client.event_hooks["request"].append(hold)
        with pytest.raises(Arrived):
            await browser.open(f"{provider.academy}/login")
        (held,) = posted
        stranger = Browser()
        await stranger._client.get(f"{provider.academy}/login")
        answer = await stranger._client.post(
            acs, content=held.content, headers={"content-type": held.headers["content-type"]}
        )
        assert answer.status_code == 403, "the answer to another browser"
        assert (await browser._client.send(held)).status_code == 303, "the one that asked"
        assert (await browser._client.send(held)).status_code == 403, "the same once more"
        await stranger.close()
        await browser.close()


async def test_a_logout_that_somebody_else_signed_ends_nothing(
    provider: Provider, tmp_path: Path
) -> None:
    async with school(provider, tmp_path):
        browser = await provider.sign_in(f"{provider.academy}/login", provider.newcomer())
        now = time.time()
        request = (
            '<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"'
            ' xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r1" Version="2.0"'
            f' IssueInstant="{instant(now)}" NotOnOrAfter="{instant(now + 60)}"'
            f' Destination="{provider.academy}/soap">'
            f"<saml:Issuer>{provider.issuer}/saml/metadata</saml:Issuer>"
            f"<samlp:SessionIndex>{_session(tmp_path)}</samlp:SessionIndex></samlp:LogoutRequest>"
        )
        for inner in (request, signed_xml(request, SpKey())):
            envelope = (
                '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
                f"{inner}</s:Body></s:Envelope>"
            )
            answer = await browser._client.post(f"{provider.academy}/soap", content=envelope)
            assert answer.status_code == 400
        assert (await browser.json(f"{provider.academy}/whoami"))["signed_in"]
        await browser.close()


def _session(folder: Path) -> str:
    with sqlite3.connect(folder / "school.sqlite") as connection:
        (sid,) = connection.execute("SELECT sid FROM session").fetchone()
    assert sid
    return str(sid)

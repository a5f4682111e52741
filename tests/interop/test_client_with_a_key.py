"""openid-client authenticates with a private key, and logs the person out."""

import asyncio
import json
import os
import shutil
import time

import httpx
import pytest

from idp.authn.totp import code_at, step_of
from idp.demo.browser import Browser
from tests.interop.conftest import HERE, Provider, as_json, install_npm_packages

CALLBACK = "http://127.0.0.1:8400/callback"
BYE = "http://127.0.0.1:8400/bye"


class Left(Exception):
    """The browser left for an address of the client, where nobody listens in this test."""


async def left_for(client: httpx.AsyncClient, journey: object) -> str:
    """Where the browser leaves the provider for."""
    seen: list[str] = []

    async def stop(request: httpx.Request) -> None:
        if str(request.url).startswith((CALLBACK, BYE)):
            seen.append(str(request.url))
            raise Left

    client.event_hooks["request"] = [stop]
    with pytest.raises(Left):
        await journey  # type: ignore[misc]
    client.event_hooks["request"] = []
    return seen[0]


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed (Debian: nodejs npm)")
async def test_openid_client_with_a_private_key_signs_in_refreshes_and_logs_out(
    provider: Provider,
) -> None:
    install_npm_packages()
    child = await asyncio.create_subprocess_exec(
        "node", str(HERE / "client.mjs"), provider.issuer, "keyed",
        json.dumps(provider.client_key), CALLBACK, BYE,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env=dict(os.environ),
    )  # fmt: skip
    assert child.stdout is not None
    url = (await asyncio.wait_for(child.stdout.readline(), 30)).decode().strip()
    person, browser = provider.people[2], Browser()
    await browser.open(url)
    await browser.submit({"username": person.username, "password": person.password})
    otp = code_at(person.totp_secret, step_of(int(time.time())))
    callback = await left_for(browser._client, browser.submit({"otp": otp}))
    output, errors = await asyncio.wait_for(child.communicate((callback + "\n").encode()), 30)
    assert child.returncode == 0, errors.decode()[-2000:]
    told = as_json(output.decode().splitlines()[-1])
    assert told["name"] == person.attributes.full_name
    assert (told["active"], told["after"]) == (True, False)
    assert str(told["machine"]).lower() == "bearer"

    assert (
        await left_for(browser._client, browser.open(str(told["logout"]))) == f"{BYE}?state=bye-1"
    )
    silent = await browser._client.get(url + "&prompt=none")
    assert "error=login_required" in silent.headers["location"]
    await browser.close()

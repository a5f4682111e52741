"""The simulators as the demo runs them: processes of their own, reached over the one way out."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from idp.demo.processes import Processes, free_port
from idp.egress.client import outgoing_client
from tests import fixtures_world
from tests.fixtures_world import ISSUER, SECRET_1, Clock, RunningClock, World, answer
from tests.upstreams import PRIVATE_PEM, PUBLIC_PEM, come_back, leave

PRESETS = ("vnconnect", "vneid")
Addresses = dict[str, str]


@pytest.fixture
def addresses() -> Addresses:
    return {name: f"http://127.0.0.1:{free_port()}" for name in PRESETS}


@pytest.fixture
def simulators(tmp_path: Path, addresses: Addresses) -> Iterator[Processes]:
    (tmp_path / "recipient.pem").write_bytes(PUBLIC_PEM)
    processes = Processes(tmp_path)
    for name, address in addresses.items():
        settings = {
            "name_vi": name,
            "name_en": name,
            "address": address,
            "client_id": "province",
            "client_secret": SECRET_1,
            "redirect_uris": [f"{ISSUER}/upstream/{name}/callback"],
            "recipient_key_file": str(tmp_path / "recipient.pem"),
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(settings), "utf-8")
        module = f"connectors.simulators.{name}"
        processes.start(name, module, "--config", str(tmp_path / f"{name}.json"))
    yield processes
    processes.stop()


@pytest.fixture
def world_clock() -> Clock:
    return RunningClock()


@pytest.fixture
def more_config(tmp_path: Path, addresses: Addresses, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("idp.app.outgoing_client", outgoing_client)  # the real one
    ports = [int(address.rpartition(":")[2]) for address in addresses.values()]
    allowed = f'[network]\nallowed_hosts = [{{{{ host = "127.0.0.1", ports = {ports}, plain_http = true }}}}]'
    changed = fixtures_world.CONFIG.replace("[network]", allowed, 1)
    monkeypatch.setattr(fixtures_world, "CONFIG", changed)
    (tmp_path / "vneid.pem").write_bytes(PRIVATE_PEM)
    vneid = addresses["vneid"]
    common = 'client_id = "province"\nsecret = { env = "SECRET_1" }'
    return f"""
[sources.vnconnect]
preset = "vnconnect"
name = {{ vi = "VNConnect", en = "VNConnect" }}
issuer = "{addresses["vnconnect"]}"
{common}

[sources.vneid]
preset = "vneid"
name = {{ vi = "VNeID", en = "VNeID" }}
issuer = "{vneid}"
{common}
endpoints = {{ authorization = "{vneid}/authorize", token = "{vneid}/token", userinfo = "{vneid}/userinfo" }}
envelope = {{ key_file = "vneid.pem", key_wrap = "RSA-OAEP-256", cipher = "A256GCM" }}
"""


async def test_a_person_signs_in_at_each_simulator_and_an_outage_there_is_told(
    simulators: Processes, world: World, addresses: Addresses
) -> None:
    await simulators.wait_for(*addresses.values())
    async with httpx.AsyncClient(trust_env=False) as there:
        for name in PRESETS:
            browser = world.browser()
            page = await there.get(await leave(browser, name))
            assert "Quý vị là ai?" in page.text
            address = addresses[name] + _first_choice(page.text)
            back = (await there.get(address)).headers["location"]
            assert answer(await come_back(browser, back))["code"]
        faults = f"{addresses['vneid']}/faults"
        assert (await there.post(faults, json={"fault": "fire", "on": True})).status_code == 400
        told = await there.post(faults, json={"fault": "slow", "on": True})
        assert told.json()["slow"] is True
        browser = world.browser()
        page = await there.get(await leave(browser, "vneid"))
        back = (await there.get(addresses["vneid"] + _first_choice(page.text))).headers["location"]
        late = await come_back(browser, back)
        assert late.status_code == 503, "five seconds are more than the way out waits"


def _first_choice(page: str) -> str:
    start = page.index("/choose/an?")
    begin = page.rindex('href="', 0, start) + len('href="')
    return page[begin : page.index('"', begin)].replace("&amp;", "&")

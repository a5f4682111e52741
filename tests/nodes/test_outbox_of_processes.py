"""Two node processes empty one outbox; one of them is killed in the middle."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from connectors.contract import SessionId, SubjectId, SystemId
from connectors.provisioning.messages import Kind
from idp.adapters import Stores, open_stores
from idp.config import Settings, load_settings
from keys.sql import Row
from tests.fixtures_world import ENVIRONMENT, RunningClock, settle, write_config
from tests.provisioning.receivers import Receiver, receiving, until

LANES = ("land", "portal")
BURST = 15
TOLD = """
[systems.{system}.provisioning]
mode = "notify"
deliver = "webhook"
url = "{url}/events"
secrets = [{{ env = "SECRET_1" }}]
"""
NODE = """
import asyncio, os, sys
from pathlib import Path
from idp.app import open_service
from idp.config import load_settings
from idp.flows import provisioning

provisioning.IDLE_SECONDS, provisioning.LEASE_SECONDS = 0.02, 3

async def main():
    async with open_service(load_settings(Path(sys.argv[1]), os.environ)):
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def hooks() -> Iterator[dict[str, Receiver]]:
    with ExitStack() as stack:
        yield {system: stack.enter_context(receiving()) for system in LANES}


@pytest.fixture
def settings(tmp_path: Path, empty_postgres: str, hooks: dict[str, Receiver]) -> Settings:
    more = "".join(TOLD.format(system=system, url=hook.url) for system, hook in hooks.items())
    path = write_config(tmp_path, empty_postgres, more=more)
    ports = ", ".join(hook.url.rsplit(":", 1)[1] for hook in hooks.values())
    allowed = f'allowed_hosts = [{{ host = "127.0.0.1", ports = [{ports}], plain_http = true }}]'
    text = path.read_text("utf-8").replace("[network]", f"[network]\n{allowed}")
    path.write_text(text, "utf-8")
    return load_settings(path, ENVIRONMENT)


@pytest.fixture
async def stores(settings: Settings, hashes: dict[str, str]) -> AsyncIterator[Stores]:
    await settle(settings, RunningClock(), hashes)
    async with open_stores(settings) as opened:
        yield opened


Node = subprocess.Popen[bytes]


@pytest.fixture
def nodes(stores: Stores, tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", NODE, str(tmp_path / "lienthong.toml")],
            cwd=Path(__file__).parents[2], env=os.environ | ENVIRONMENT, stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]  # fmt: skip
    try:
        for node in started:
            assert node.stdout is not None
            assert node.stdout.readline() == b"ready\n"
        yield started[0], started[1]
    finally:
        for node in started:
            node.kill()
            node.communicate()


async def tell(stores: Stores, system: str, name: str) -> None:
    """A session that nobody else has, so that what is told twice is seen to be."""
    kind, sid = Kind.SESSION_REVOKED, SessionId(name)
    async with stores.database.transaction() as statements:
        await stores.outbox.write(statements, SystemId(system), kind, SubjectId("s"), 1, sid=sid)


async def lane(stores: Stores, system: str) -> Row:
    row = await stores.database.one("SELECT * FROM outbox_lane WHERE system_id = $1", system)
    assert row is not None
    return row


async def waits(stores: Stores) -> bool:
    return bool(await stores.database.one("SELECT 1 AS n FROM outbox WHERE settled_at IS NULL"))


async def holder_while_the_other_stands_still(
    stores: Stores, hook: Receiver, other: Node, name: str
) -> object:
    """Under which name the one that still runs has delivered."""
    other.send_signal(signal.SIGSTOP)
    before = len(hook.calls)
    await tell(stores, "land", name)
    await until(lambda: len(hook.calls) == before + 1)
    async with asyncio.timeout(10):  # whoever is stopped inside the lane keeps it locked
        while (await lane(stores, "land"))["leased_until"] != 0 or await waits(stores):
            await asyncio.sleep(0.01)
    other.send_signal(signal.SIGCONT)
    return (await lane(stores, "land"))["holder"]


async def test_both_deliver_and_when_one_is_killed_the_other_ends_the_work_in_order(
    stores: Stores, hooks: dict[str, Receiver], nodes: tuple[Node, Node]
) -> None:
    one, two = nodes
    land = hooks["land"]
    holders = {
        await holder_while_the_other_stands_still(stores, land, two, "first"): one,
        await holder_while_the_other_stands_still(stores, land, one, "second"): two,
    }
    assert len(holders) == 2, "each of them delivers"

    for number in range(BURST):
        for system in LANES:
            await tell(stores, system, f"{system}-early-{number}")
    await until(lambda: len(land.calls) > 2)
    land.hangs = True
    await tell(stores, "land", "while-it-hangs")  # at once, as the lease of who hangs is short
    await until(lambda: land.hanging)
    killed = holders[(await lane(stores, "land"))["holder"]]
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(10) == -signal.SIGKILL
    land.hangs = False
    for number in range(BURST):
        for system in LANES:
            await tell(stores, system, f"{system}-late-{number}")

    await until(lambda: len(land.calls) == 2 * BURST + 4)
    await until(lambda: len(hooks["portal"].calls) >= 2 * BURST)
    survivor = one if killed is two else two
    assert holders[(await lane(stores, "land"))["holder"]] is survivor
    assert survivor.poll() is None

    for system, hook in hooks.items():
        told = [(body["id"], body["sid"]) for body in map(json.loads, _bodies(hook))]
        ids = defaultdict(set)
        for message_id, sid in told:
            ids[sid].add(message_id)
        assert all(len(names) == 1 for names in ids.values()), "one thing under two names"
        numbers = [int(message_id.rpartition(":")[2]) for message_id, _ in told]
        assert numbers == sorted(numbers), f"the order of {system}"
        assert sorted(set(numbers)) == list(range(1, len(ids) + 1)), "nothing is left out"
        assert len(numbers) - len(ids) <= 1, "only what was on its way is told again"


def _bodies(hook: Receiver) -> list[bytes]:
    return [call.body for call in hook.calls]

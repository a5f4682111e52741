"""Every test of this room passes through the oracles."""

from collections.abc import AsyncIterator

import pytest

from tests.attacks.oracle import Egress, Logs, Oracle
from tests.fixtures_world import World


@pytest.fixture(autouse=True)
def egress(monkeypatch: pytest.MonkeyPatch) -> Egress:
    recorder = Egress()
    monkeypatch.setattr("idp.app.outgoing_client", recorder.client)
    monkeypatch.setattr("idp.audit.writer.FLUSH_SECONDS", 0.01)
    # The outbox is read when a logout wakes it, and not while a test has its own hands in it.
    monkeypatch.setattr("idp.flows.deliver.IDLE_SECONDS", 3600.0)
    return recorder


@pytest.fixture
async def world(
    world: World, egress: Egress, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    """The world of `fixtures_world`, watched. The mark `fault` allows an answer of 5xx."""
    logs = Logs()
    with logs.listening():
        watching = Oracle(world=world, egress=egress, logs=logs)
        watching.faults_allowed = request.node.get_closest_marker("fault") is not None
        world.watcher = watching
        yield world
        world.watcher = None
        await watching.settled()

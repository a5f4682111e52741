"""A world with four sources above it: VNConnect, VNeID, and two generic ones."""

from pathlib import Path

import pytest

from tests.fixtures_world import Clock, RunningClock
from tests.upstreams import Upstreams, sources_toml


@pytest.fixture
def more_config(tmp_path: Path) -> str:
    return sources_toml(tmp_path)


@pytest.fixture
def world_clock() -> Clock:
    return RunningClock()


@pytest.fixture
def upstreams(tmp_path: Path) -> Upstreams:
    return Upstreams(tmp_path)


@pytest.fixture(autouse=True)
def _egress(monkeypatch: pytest.MonkeyPatch, upstreams: Upstreams) -> None:
    monkeypatch.setattr("idp.app.outgoing_client", upstreams.client)

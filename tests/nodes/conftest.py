"""Two nodes of one provider, on one PostgreSQL and one Redis; and a canary that looks at both."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from idp.app import open_service
from idp.config import Settings, load_settings
from idp.flows import housekeeping
from tests.fixtures_world import (
    ENVIRONMENT,
    Browser,
    Clock,
    RunningClock,
    World,
    answer,
    settle,
    write_config,
)
from tests.people import Person
from tests.services import PrivateRedis


class Nodes:
    """The provider twice: n1 and n2 share their stores, and nothing in memory."""

    def __init__(self, n1: World, n2: World, redis: PrivateRedis, stack: AsyncExitStack) -> None:
        self.n1, self.n2, self.redis = n1, n2, redis
        self._stack = stack

    @property
    def both(self) -> tuple[World, World]:
        return self.n1, self.n2

    @property
    def settings(self) -> Settings:
        return self.n1.settings

    async def another(self, clock: Clock | None = None) -> World:
        """A third node, started now."""
        return await self._start(clock or self.n1.clock)

    async def _start(self, clock: Clock) -> World:
        app = await self._stack.enter_async_context(open_service(self.settings, clock))
        w = self.n1
        world = World(app, clock, self.settings, w.alice, w.bob, w.dora, w.pat)
        self._stack.push_async_callback(world.close)
        return world

    def lose_redis(self) -> None:
        """SIGKILL, and an empty server in its place."""
        self.redis.stop()
        self.redis.start()


@pytest.fixture(scope="session")
def nodes_redis() -> Iterator[PrivateRedis]:
    """A Redis of these tests' own, since they kill it."""
    server = PrivateRedis()
    server.start()
    yield server
    server.remove()


@pytest.fixture
async def nodes(
    tmp_path: Path,
    empty_postgres: str,
    nodes_redis: PrivateRedis,
    hashes: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    more_config: str,
) -> AsyncIterator[Nodes]:
    monkeypatch.setattr(housekeeping, "RING_SECONDS", 0.1)
    path = write_config(tmp_path, empty_postgres, nodes_redis.url, more_config)
    settings = load_settings(path, ENVIRONMENT)
    clock = RunningClock()
    people = await settle(settings, clock, hashes)
    async with AsyncExitStack() as stack:
        worlds = []
        for _ in range(2):
            app = await stack.enter_async_context(open_service(settings, clock))
            world = World(app, clock, settings, *people)
            stack.push_async_callback(world.close)
            worlds.append(world)
        made = Nodes(worlds[0], worlds[1], nodes_redis, stack)
        yield made
        for number, world in enumerate(made.both):
            await canary(world, made.n1.bob, f"192.0.2.{240 + number}")
    nodes_redis.stop()
    nodes_redis.start()


async def canary(world: World, person: Person, address: str) -> None:
    """O7: right after whatever happened, somebody else signs in here from start to finish."""
    browser = Browser(world, address)
    try:
        for _ in range(40):
            response = await browser.authorize()
            if response.status_code != 503:
                break
            await asyncio.sleep(0.05)
        told = answer(await browser.sign_in(person, response))
        tokens = (await world.redeem(told["code"])).json()
        assert (await world.userinfo(tokens["access_token"])).status_code == 200
        refresh = tokens["refresh_token"]
        renewed = await world.token(grant_type="refresh_token", refresh_token=refresh)
        assert renewed.status_code == 200
    finally:
        await browser.http.aclose()

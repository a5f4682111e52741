"""The oracle of unchanged rows: blind to what goes on behind the requests, to nothing else."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.fixtures_world import World

OPENS_A_CHAIN = (
    "INSERT INTO audit_head (chain, number, seq, last, mark) VALUES ('mine', 99, 0, '', '')"
)
MAKES_A_NOTICE = (
    "INSERT INTO notice (id, participant, sub, sid, created_at, due_at)"
    " VALUES ('n', 'c1', 's', 'sid', 1, 1)"
)


def rows(world: World, sql: str) -> list[tuple[object, ...]]:
    """What a statement of the test's own finds in, or does to, the world's database."""
    url = world.settings.tables.storage.database_url
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    try:
        with connection:
            return connection.execute(sql).fetchall()
    finally:
        connection.close()


async def refusal_during_which(world: World, deed: Callable[[], Awaitable[object]]) -> None:
    """A request for an unknown client; the deed is done while it is under way."""
    app = world.app

    async def slow(*scope_receive_send: Any) -> None:
        world.app = app
        await deed()
        await app(*scope_receive_send)

    world.app = slow
    response = await world.browser().authorize(client_id="nobody")
    assert response.status_code == 400


async def test_what_the_audit_writes_behind_a_refusal_is_not_laid_at_its_door(
    world: World,
) -> None:
    browser = world.browser()
    assert await browser.code(world.alice)

    async def somebody_else_succeeds() -> None:
        watcher, world.watcher = world.watcher, None
        head = rows(world, "SELECT seq FROM audit_head")
        assert await browser.code()
        world.watcher = watcher
        async with asyncio.timeout(10):
            while rows(world, "SELECT seq FROM audit_head") == head:
                await asyncio.sleep(0.01)

    await refusal_during_which(world, somebody_else_succeeds)


@pytest.mark.parametrize(
    "change",
    [
        OPENS_A_CHAIN,
        MAKES_A_NOTICE,
        "UPDATE audit_register SET chains = chains + 1",
        "UPDATE key_ring SET version = version + 1",
        "UPDATE subject SET updated_at = updated_at + 1",
        "UPDATE family SET generation = generation + 1",
        "UPDATE family SET revoked_at = 1",
        "UPDATE pairwise SET created_at = created_at + 1",
    ],
)
async def test_a_refusal_that_changes_a_row_fails_its_test(world: World, change: str) -> None:
    assert await world.browser().tokens(world.alice)

    async def changed() -> None:
        rows(world, change)

    with pytest.raises(AssertionError):
        await refusal_during_which(world, changed)

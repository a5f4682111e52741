"""The outbox itself: one order and one holder for each lane, on every database."""

import pytest

from connectors.contract import AccountId, SubjectId, SystemId
from connectors.provisioning.messages import Kind, Refused, Settled
from connectors.provisioning.outbox import Outbox
from connectors.provisioning.writer import OutboxWriter
from keys.sql import Database

NOW, LAND = 1_800_000_000, SystemId("land")


async def written(database: Database, *, count: int = 1) -> None:
    writer = OutboxWriter({LAND: frozenset(Kind)})
    for _ in range(count):
        async with database.transaction() as statements:
            await writer.write(
                statements, LAND, Kind.ACCOUNT_DISABLED, SubjectId("s"), NOW, account=AccountId("a")
            )


async def test_one_lane_has_one_holder_and_a_lost_lease_writes_nothing(database: Database) -> None:
    await written(database, count=3)
    outbox = Outbox(database)
    assert await outbox.take_lanes([LAND], "one", NOW, 60) == [LAND]
    assert await outbox.take_lanes([LAND], "two", NOW, 60) == []
    assert await outbox.take_lanes([LAND], "two", NOW + 60, 60) == [LAND]
    told = [(1, Settled())]
    assert not await outbox.settle(LAND, "one", told, NOW, leased_until=0, due_at=0)
    assert [m.number for m in await outbox.waiting(LAND, 9)] == [1, 2, 3]
    assert await outbox.settle(LAND, "two", told, NOW, leased_until=0, due_at=0)
    assert [m.number for m in await outbox.waiting(LAND, 9)] == [2, 3]


async def test_a_dead_message_is_replayed_at_the_end_of_its_lane(database: Database) -> None:
    await written(database, count=2)
    outbox = Outbox(database)
    assert await outbox.replay(LAND, 1, NOW) is None
    await outbox.take_lanes([LAND], "one", NOW, 60)
    await outbox.settle(LAND, "one", [(1, Refused("no"))], NOW, leased_until=0, due_at=0)
    assert [m.number for m in await outbox.waiting(LAND, 9)] == [2]
    assert await outbox.replay(LAND, 1, NOW) == 3
    assert [m.number for m in await outbox.waiting(LAND, 9)] == [2, 3]


async def test_a_change_that_is_rolled_back_tells_nobody(database: Database) -> None:
    writer = OutboxWriter({LAND: frozenset(Kind)})
    with pytest.raises(RuntimeError):
        async with database.transaction() as statements:
            await writer.write(statements, LAND, Kind.LINK_ENDED, SubjectId("s"), NOW)
            raise RuntimeError
    assert not await Outbox(database).waiting(LAND, 9)


async def test_what_is_discarded_is_listed_no_more_swept_in_time_and_replayed_until_then(
    database: Database,
) -> None:
    await written(database, count=3)
    outbox = Outbox(database)
    await outbox.take_lanes([LAND], "one", NOW, 60)
    await outbox.settle(LAND, "one", [(1, Refused("no"))], NOW, leased_until=0, due_at=0)
    assert not await outbox.discard(LAND, 2, NOW, waiting_too=False), "it has yet to be told"
    assert not await outbox.discard(LAND, 10**17, NOW, waiting_too=True)
    done = await outbox.discard(LAND, None, NOW, waiting_too=False)
    assert [message.number for message in done] == [1]
    done = await outbox.discard(LAND, None, NOW, waiting_too=True)
    assert [message.number for message in done] == [2, 3]
    assert not await outbox.waiting(LAND, 9)
    assert not await outbox.listing(dead_only=False, limit=9)
    assert await outbox.replay(LAND, 2, NOW) == 4
    assert [message.number for message in await outbox.waiting(LAND, 9)] == [4]
    assert await outbox.sweep(NOW + 1, 9) == 2

"""The SCIM client against a real server on loopback, and the lanes of the outbox."""

import threading
from collections.abc import Iterator
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import pytest
from scim2_models import ScimProvider
from scim2_server.applications.wsgi import WSGIApplication
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)

from connectors.contract import AccountId, SubjectId, SystemId
from connectors.provisioning.messages import Kind, Message, Parcel, Record, Refused, Settled
from connectors.provisioning.outbox import Outbox, OutboxWriter
from connectors.provisioning.scim import ScimDeliverer
from connectors.registry import ScimPush
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


class _Quiet(WSGIRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    provider = ScimProvider.from_discovery(
        load_default_schemas().values(),
        load_default_resource_types().values(),
        config=load_default_service_provider_config(),
    )
    service = ScimService(provider, secret="s" * 32)
    wsgi = make_server(
        "127.0.0.1", 0, WSGIApplication(InMemoryStorage(), provider, service), handler_class=_Quiet
    )
    thread = threading.Thread(target=wsgi.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{wsgi.server_port}"
    wsgi.shutdown()
    thread.join()
    wsgi.server_close()


async def test_a_scim_user_is_made_once_and_disabled(server: str) -> None:
    def parcel(*, active: bool) -> Parcel:
        message = Message(
            system=LAND, number=1, kind=Kind.ACCOUNT_CREATED, subject=SubjectId("s"), created_at=NOW
        )
        claims = {"name": "Nguyễn Ánh Tuyết", "email": "a@example.vn"} if active else {}
        record = Record(account=AccountId("dat-1"), active=active, claims=claims)
        return Parcel(message=message, record=record)

    async with httpx.AsyncClient() as client:
        scim = ScimDeliverer(client, ScimPush(url=server, token="t"), creates=True)
        for active in (True, True, False):
            assert await scim.deliver([parcel(active=active)]) == [Settled()]
        (user,) = (await client.get(f"{server}/Users")).json()["Resources"]
    assert (user["userName"], user["active"]) == ("dat-1", False)
    assert (user["displayName"], user["emails"][0]["value"]) == ("Nguyễn Ánh Tuyết", "a@example.vn")

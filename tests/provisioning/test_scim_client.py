"""The SCIM client against a real server on loopback: every object goes out, and is read back."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
import pytest

from connectors.contract import AccountId, SubjectId, SystemId
from connectors.provisioning.messages import Kind, Message, Parcel, Record, Refused, Settled
from connectors.provisioning.scim import BULK_BATCH, ScimDeliverer
from connectors.registry import ScimPush
from tests.provisioning.receivers import scim_server

NOW, LAND = 1_800_000_000, SystemId("land")
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CLAIMS: dict[str, object] = {
    "name": "Nguyễn Ánh Tuyết",
    "email": "a@example.vn",
    "phone_number": "+84912345678",
    "address": {"formatted": "12 Lê Lợi, Huế"},
    "department": "Một cửa",
}
BULK = pytest.mark.parametrize("bulk", [True, False])


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    with scim_server() as running:
        yield running


def parcel(account: str, *, active: bool = True, **claims: object) -> Parcel:
    message = Message(
        system=LAND, number=1, kind=Kind.ACCOUNT_CREATED, subject=SubjectId("s"), created_at=NOW
    )
    held: Any = CLAIMS | claims if active else {}
    return Parcel(
        message=message, record=Record(account=AccountId(account), active=active, claims=held)
    )


class Sender:
    """Our client at one server, and what the server holds."""

    def __init__(self, client: httpx.AsyncClient, url: str, *, bulk: bool) -> None:
        push = ScimPush(url=url, token="t", bulk=bulk, extension=ENTERPRISE)
        self._scim = ScimDeliverer(client, push, creates=True)
        self._client, self._url = client, url

    async def sends(self, parcels: Sequence[Parcel]) -> None:
        assert await self._scim.deliver(parcels) == [Settled()] * len(parcels)

    async def users(self) -> dict[str, dict[str, Any]]:
        listed = (await self._client.get(f"{self._url}/Users")).json()
        return {user["userName"]: user for user in listed["Resources"]}


def read_back(user: Mapping[str, Any]) -> dict[str, object]:
    """The claims that a user of the server holds."""
    return {
        "name": user["displayName"],
        "email": user["emails"][0]["value"],
        "phone_number": user["phoneNumbers"][0]["value"],
        "address": {"formatted": user["addresses"][0]["formatted"]},
        "department": user[ENTERPRISE]["department"],
    }


@BULK
async def test_every_object_is_made_changed_and_disabled_and_read_back_equal(
    server: tuple[str, list[str]], *, bulk: bool
) -> None:
    url, asked = server
    accounts = [f"dat-{number}" for number in range(BULK_BATCH)]
    async with httpx.AsyncClient() as client:
        sender = Sender(client, url, bulk=bulk)
        for name in ("Nguyễn Ánh Tuyết", "Nguyễn Thị Ánh Tuyết"):
            await sender.sends([parcel(account, name=name) for account in accounts])
            users = await sender.users()
            assert sorted(users) == accounts
            for user in users.values():
                assert read_back(user) == CLAIMS | {"name": name}
                assert (user["active"], user["externalId"]) == (True, user["userName"])
        ids = {name: user["id"] for name, user in users.items()}
        await sender.sends([parcel(account, active=False) for account in accounts])
        users = await sender.users()
    assert {name: user["id"] for name, user in users.items()} == ids
    assert {user["active"] for user in users.values()} == {False}
    assert not [path for path in asked if "dat-" in path], "an account stood in an address"
    assert ("/Bulk?" in asked) is bulk


async def test_what_a_person_has_no_more_is_taken_away_and_the_rest_stays(
    server: tuple[str, list[str]],
) -> None:
    url, _ = server
    gone = frozenset({"email", "address", "department"})
    left = {name: value for name, value in CLAIMS.items() if name not in gone}
    async with httpx.AsyncClient() as client:
        sender = Sender(client, url, bulk=False)
        whole = parcel("dat-1")
        record: Any = dataclasses.replace(whole.record, claims=left, withdrawn=gone)
        lesser = dataclasses.replace(whole, record=record)
        for sent in (whole, lesser, lesser):
            await sender.sends([sent])
        user = (await sender.users())["dat-1"]
    assert not user.keys() & {"emails", "addresses"}
    assert "department" not in user.get(ENTERPRISE, {})
    assert user["phoneNumbers"][0]["value"] == CLAIMS["phone_number"]


async def test_a_bulk_of_old_and_new_accounts_leaves_each_as_it_should_stand(
    server: tuple[str, list[str]],
) -> None:
    url, asked = server
    async with httpx.AsyncClient() as client:
        sender = Sender(client, url, bulk=True)
        await sender.sends([parcel("dat-1"), parcel("dat-2")])
        await sender.sends(
            [parcel("dat-1", active=False), parcel("dat-3"), parcel("dat-4", active=False)]
        )
        users = await sender.users()
    standing = {name: user["active"] for name, user in users.items()}
    assert standing == {"dat-1": False, "dat-2": True, "dat-3": True}
    assert asked.count("/Bulk?") == 2


async def test_what_a_real_server_refuses_in_a_bulk_stops_the_lane_there(
    server: tuple[str, list[str]],
) -> None:
    url, _ = server
    broken = parcel("dat-2")
    broken = dataclasses.replace(
        broken, record=dataclasses.replace(broken.record, claims={"name": 7})
    )
    async with httpx.AsyncClient() as client:
        push = ScimPush(url=url, token="t", bulk=True)
        scim = ScimDeliverer(client, push, creates=True)
        done = await scim.deliver([parcel("dat-1"), broken, parcel("dat-3")])
        users = await Sender(client, url, bulk=True).users()
    assert done[0] == Settled()
    assert len(done) == 2, "what comes after the refusal was not told of"
    assert isinstance(done[1], Refused)
    assert sorted(users) == ["dat-1"]

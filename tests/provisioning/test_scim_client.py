"""The SCIM client against a real server on loopback."""

from collections.abc import Iterator

import httpx
import pytest

from connectors.contract import AccountId, SubjectId, SystemId
from connectors.provisioning.messages import Kind, Message, Parcel, Record, Settled
from connectors.provisioning.scim import ScimDeliverer
from connectors.registry import ScimPush
from tests.provisioning.receivers import scim_server

NOW, LAND = 1_800_000_000, SystemId("land")


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    with scim_server() as running:
        yield running


async def test_a_scim_user_is_made_once_and_disabled(server: tuple[str, list[str]]) -> None:
    url, asked = server

    def parcel(*, active: bool) -> Parcel:
        message = Message(
            system=LAND, number=1, kind=Kind.ACCOUNT_CREATED, subject=SubjectId("s"), created_at=NOW
        )
        claims = {"name": "Nguyễn Ánh Tuyết", "email": "a@example.vn"} if active else {}
        record = Record(account=AccountId("dat-1"), active=active, claims=claims)
        return Parcel(message=message, record=record)

    async with httpx.AsyncClient() as client:
        scim = ScimDeliverer(client, ScimPush(url=url, token="t"), creates=True)
        for active in (True, True, False):
            assert await scim.deliver([parcel(active=active)]) == [Settled()]
        (user,) = (await client.get(f"{url}/Users")).json()["Resources"]
    assert not [path for path in asked if "dat-1" in path], "an account stood in an address"
    assert (user["userName"], user["active"]) == ("dat-1", False)
    assert (user["displayName"], user["emails"][0]["value"]) == ("Nguyễn Ánh Tuyết", "a@example.vn")

"""What a register takes away is told to the systems in which the person holds an account."""

import pytest

from connectors.contract import AccountId, SubjectId, SystemId
from connectors.links.model import Evidence, Link, LinkState, Transition
from connectors.links.sql import SqlLinks
from idp.adapters import open_stores
from idp.store.scim_users import SqlScimUsers
from keys.sql import StoreUnavailableError
from tests.fixtures_scim import Register
from tests.fixtures_world import World
from tests.provisioning.test_operator import TOLD

pytestmark = pytest.mark.usefixtures("scim_config")


@pytest.fixture
def more_config() -> str:
    return TOLD


async def linked(world: World) -> SubjectId:
    """The only person that a register pushed has an account in the land registry."""
    async with open_stores(world.settings, world.clock) as stores:
        row = await stores.database.one("SELECT subject_id FROM scim_resource")
        assert row is not None
        link = Link(
            link_id="l", subject=SubjectId(str(row["subject_id"])), system=SystemId("land"),
            account=AccountId("dd-9"), state=LinkState.ACTIVE, version=1, created_at=1,
        )  # fmt: skip
        evidence = Evidence(rule="claimed", rule_version=1)
        why = Transition(actor="t", reason="t", evidence=evidence, at=1)
        await SqlLinks(stores.database).open(link, why)
        return link.subject


async def told(world: World) -> list[tuple[object, ...]]:
    async with open_stores(world.settings, world.clock) as stores:
        sql = "SELECT system_id, kind, account_id FROM outbox ORDER BY number"
        return [tuple(dict(row).values()) for row in await stores.database.rows(sql)]


async def test_whom_a_register_deletes_is_told_as_disabled(world: World, k1: Register) -> None:
    user = await k1.made("can.bo")
    await linked(world)
    assert (await k1.ask("DELETE", f"/Users/{user['id']}")).status_code == 204
    assert await told(world) == [("land", "account_disabled", "dd-9")]


async def test_a_deletion_that_stops_half_way_has_told_it_already(
    world: World, k1: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate is closed by then: the system may not believe otherwise until it is repeated."""

    async def away(*_: object) -> bool:
        raise StoreUnavailableError("gone")

    user = await k1.made("can.bo")
    await linked(world)
    with monkeypatch.context() as patch:
        patch.setattr(SqlScimUsers, "remove", away)
        assert (await k1.ask("DELETE", f"/Users/{user['id']}")).status_code == 503
    assert await told(world) == [("land", "account_disabled", "dd-9")]


async def test_a_deletion_of_another_version_tells_nobody(world: World, k1: Register) -> None:
    user = await k1.made("can.bo")
    await linked(world)
    stale = await k1.ask("DELETE", f"/Users/{user['id']}", if_match='W/"7"')
    assert stale.status_code == 412
    assert await told(world) == []

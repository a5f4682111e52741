"""A message that fails to the end is a dead letter; it is replayed, and its lane keeps its order."""

from collections.abc import Iterator, Mapping

import httpx
import pytest

from connectors.contract import AccountId
from connectors.provisioning.messages import Message, Record
from connectors.provisioning.outbox import Outbox
from connectors.provisioning.webhook import MESSAGE, WebhookDeliverer
from connectors.registry import WebhookPush
from idp.flows.provisioning import RETRY_SECONDS, ProvisioningDelivery
from keys.sql import Database
from tests.provisioning.receivers import Receiver, receiving
from tests.provisioning.test_outbox import LAND, NOW, written

TRIES = len(RETRY_SECONDS) + 1


class Records:
    async def of(self, _: Message) -> Record:
        return Record(account=AccountId("a"), active=False)


class Audited(list[str]):
    def record(self, event: str, fields: Mapping[str, str | int]) -> None:
        self.append(event)


@pytest.fixture
def system() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.mark.parametrize("status", [401, 503])
async def test_it_is_tried_to_the_end_then_the_lane_goes_on_and_a_replay_comes_last(
    status: int, database: Database, system: Receiver
) -> None:
    now, audited, outbox = [NOW], Audited(), Outbox(database)
    await written(database, count=3)
    system.answers = [(status, b"")] * TRIES
    async with httpx.AsyncClient() as client:
        hook = WebhookDeliverer(client, WebhookPush(url=system.url, secrets=("s",)), lambda: NOW)
        journey = ProvisioningDelivery(
            outbox=outbox, records=Records(), deliverers={LAND: hook}, audit=audited,
            clock=lambda: now[0], holder="one",
        )  # fmt: skip
        for seconds in (0, *RETRY_SECONDS):
            now[0] += seconds
            await journey.deliver_due()
        told = [call.headers[MESSAGE] for call in system.calls]
        assert told == ["land:1"] * TRIES + ["land:2", "land:3"]
        (dead,) = await outbox.listing(dead_only=True, limit=9)
        assert (dead["number"], dead["reason"]) == (1, f"given up: status {status}")
        assert await outbox.replay(LAND, 1, now[0]) == 4
        await journey.deliver_due()
    assert system.calls[-1].headers[MESSAGE] == "land:4"
    assert not await outbox.listing(dead_only=False, limit=9)
    assert audited == [
        *["message_failed"] * len(RETRY_SECONDS), "message_dead", *["message_delivered"] * 3,
    ]  # fmt: skip

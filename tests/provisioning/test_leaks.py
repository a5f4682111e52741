"""When everything goes wrong, nothing of a person and no secret gets out by a side door."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.contract import AccountId, PairwiseSub, SubjectId
from connectors.errors import RequiredClaimMissing
from connectors.provisioning.csv_drop import CsvDrop
from connectors.provisioning.events import EventDeliverer
from connectors.provisioning.messages import (
    Deliverer,
    Kind,
    Message,
    Outcome,
    Parcel,
    Record,
    Refused,
)
from connectors.provisioning.outbox import Outbox
from connectors.provisioning.polled import PolledLanes
from connectors.provisioning.rest import RestDeliverer
from connectors.provisioning.scim import ScimDeliverer
from connectors.provisioning.webhook import WebhookDeliverer
from connectors.provisioning.writer import OutboxWriter
from connectors.registry import CsvPush, EventsPoll, EventsPush, RestPush, ScimPush, WebhookPush
from idp.flows.event_poll import EventPoll
from idp.flows.provisioning import ProvisioningDelivery
from idp.protocol.event_poll import read_poll
from keys.errors import SealBroken
from keys.sql import Database
from tests.people import ALICE_NAME, PRIVATE
from tests.provisioning.receivers import Receiver, receiving
from tests.provisioning.test_outbox import LAND, NOW

NUMBER = "074185999111"
TOKEN, HOOK_SECRET = "bearer-of-the-land-registry", "hook-of-the-land-registry"
KEPT_IN = (*PRIVATE, TOKEN, HOOK_SECRET)
ECHO = f'{{"detail": "{ALICE_NAME} {NUMBER} {TOKEN} {HOOK_SECRET}"}}'.encode()
STATUSES = (200, 302, 400, 401, 404, 409, 422, 500, 503)
RECORD = Record(
    account=AccountId(NUMBER), active=True, sub=PairwiseSub("p-1"), claims={"name": ALICE_NAME}
)
Made = Callable[[httpx.AsyncClient, str, Path], Deliverer]


def _scim(client: httpx.AsyncClient, url: str, _: Path) -> Deliverer:
    return ScimDeliverer(client, ScimPush(url=url, token=TOKEN, bulk=True), creates=True)


def _rest(client: httpx.AsyncClient, url: str, _: Path) -> Deliverer:
    body = {"a": "account", "n": "name"}
    return RestDeliverer(client, RestPush(url=url, method="POST", token=TOKEN, body=body))


def _hook(client: httpx.AsyncClient, url: str, _: Path) -> Deliverer:
    return WebhookDeliverer(client, WebhookPush(url=url, secrets=(HOOK_SECRET,)), lambda: NOW)


def _events(client: httpx.AsyncClient, url: str, _: Path) -> Deliverer:
    push = EventsPush(url=url, audience="a", token=TOKEN)
    return EventDeliverer(client, push, issuer="i", sign=lambda *_: "a.b.c", clock=lambda: NOW)


def _csv(_client: httpx.AsyncClient, _url: str, folder: Path) -> Deliverer:
    gone = folder / "gone"
    return CsvDrop(CsvPush(folder=str(gone), columns={"a": "account", "n": "name"}))


class _Broken:
    """A way with a fault of ours whose text holds everything."""

    batch = 1

    def __init__(self, *_: object) -> None:
        pass

    async def deliver(self, parcels: Sequence[Parcel]) -> Sequence[Outcome]:
        raise ValueError(f"{parcels} {ECHO!r} {ALICE_NAME}")


class Records:
    """Reads of an account, some of which fail with everything in their text."""

    def __init__(self) -> None:
        self.faults: list[Exception] = []

    async def of(self, _: Message) -> Record:
        if self.faults:
            raise self.faults.pop(0)
        return RECORD


class Audited(list[str]):
    def record(self, event: str, fields: Mapping[str, str | int]) -> None:
        self.append(f"{event} {fields}")


@pytest.fixture
def system() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


async def written(database: Database, count: int) -> None:
    writer, kinds = OutboxWriter({LAND: frozenset(Kind)}), list(Kind)
    for number in range(count):
        async with database.transaction() as statements:
            await writer.write(
                statements,
                LAND,
                kinds[number % len(kinds)],
                SubjectId("s"),
                NOW,
                account=AccountId(NUMBER),
            )


async def said_of(database: Database) -> str:
    """What the outbox keeps, but for the account that each message is about."""
    rows = await database.rows("SELECT system_id, kind, sid, reason FROM outbox")
    lanes = await database.rows("SELECT * FROM outbox_lane")
    return f"{[dict(row) for row in rows]} {[dict(row) for row in lanes]}"


def clean(text: str) -> bool:
    return not [kept for kept in KEPT_IN if kept in text]


@pytest.mark.parametrize("way", [_scim, _rest, _hook, _events, _csv, _Broken])
async def test_no_way_that_fails_leaks(
    way: Made,
    database: Database,
    system: Receiver,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In logs of ours and of libraries, in the audit, in the outbox, in addresses."""
    caplog.set_level(logging.DEBUG)
    now, audited, records = [NOW], Audited(), Records()
    await written(database, 2 * len(STATUSES))
    system.answers = [(status, ECHO) for status in STATUSES for _ in range(2)]
    async with httpx.AsyncClient(timeout=5) as client:
        journey = ProvisioningDelivery(
            outbox=Outbox(database),
            records=records,
            deliverers={LAND: way(client, system.url, tmp_path)},
            audit=audited,
            clock=lambda: now[0],
            holder="one",
        )
        records.faults = [
            RequiredClaimMissing(ALICE_NAME),
            SealBroken(f"{ALICE_NAME} {TOKEN}"),
            ValueError(f"{NUMBER} {HOOK_SECRET}"),
        ]
        for _ in range(12):
            await journey.deliver_due()
            now[0] += 86_400
    assert audited, "something went wrong, and was written down"
    logged = "\n".join(
        f"{each.getMessage()} {each.exc_info or ''} {each.exc_text or ''}"
        for each in caplog.records
        if not each.name.startswith("asyncio")
    )
    assert "lienthong.provisioning" in {each.name for each in caplog.records}
    assert clean(logged)
    assert clean("\n".join(audited))
    assert clean(await said_of(database))
    assert clean(" ".join(call.path for call in system.calls))


async def test_a_receiver_that_puts_a_name_into_its_complaint_leaves_no_trace_of_it(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    audited = Audited()
    await written(database, 1)
    poll = EventPoll(
        lanes=PolledLanes(database), records=Records(), issuer="i", sign=lambda *_: "a.b.c",
        audit=audited, clock=lambda: NOW,
    )  # fmt: skip
    await database.change("UPDATE outbox SET kind = 'link_ended'")
    await poll.answer(LAND, "a", read_poll(b'{"returnImmediately": true}'))
    errors = {"land:1": {"err": ALICE_NAME, "description": NUMBER}}
    body = json.dumps({"setErrs": errors, "maxEvents": 0})
    await poll.answer(LAND, "a", read_poll(body.encode()))
    assert audited, "the complaint was written down"
    assert clean("\n".join(audited))
    assert clean(await said_of(database))
    assert clean(caplog.text)


@pytest.mark.parametrize(
    "value",
    [
        RECORD,
        ScimPush(url="https://a", token=TOKEN),
        RestPush(url="https://a", method="PUT", token=TOKEN, body={}),
        EventsPush(url="https://a", audience="a", token=TOKEN),
        EventsPoll(client="c", audience="a"),
        WebhookPush(url="https://a", secrets=(HOOK_SECRET,)),
        Refused("status 400"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_is_printed_shows_nothing(value: Any) -> None:
    """What stands in the text of an exception, or in a debugger's log."""
    message = Message(
        system=LAND, number=1, kind=Kind.LINK_ENDED, subject=SubjectId("s"), account=AccountId(NUMBER),
        created_at=NOW,
    )  # fmt: skip
    assert clean(f"{value!r} {value} {Parcel(message=message, record=RECORD)!r}")

"""Each way out by itself: what arrives, what comes of an answer, and what is never sent."""

import base64
import csv
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from connectors.contract import AccountId, PairwiseSub, SessionId, SubjectId, SystemId
from connectors.provisioning.csv_drop import CsvDrop
from connectors.provisioning.events import EventDeliverer
from connectors.provisioning.messages import (
    Kind,
    Later,
    Message,
    Outcome,
    Parcel,
    Record,
    Refused,
    Settled,
)
from connectors.provisioning.rest import RestDeliverer
from connectors.provisioning.webhook import WebhookDeliverer, proven
from connectors.registry import CsvPush, EventsPush, RestPush, WebhookPush
from tests.provisioning.receivers import Receiver, receiving

NOW = 1_800_000_000
NAME = "Nguyễn Thị Ánh Tuyết"


def parcel(
    kind: Kind = Kind.ACCOUNT_DISABLED, *, name: str = NAME, sid: str | None = None
) -> Parcel:
    message = Message(
        system=SystemId("land"), number=42, kind=kind, subject=SubjectId("never told"),
        account=AccountId("acc-1"), sid=None if sid is None else SessionId(sid), created_at=NOW - 5,
    )  # fmt: skip
    record = Record(
        account=AccountId("acc-1"), active=False, sub=PairwiseSub("pair-1"), claims={"name": name}
    )
    return Parcel(message=message, record=record)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


async def by_rest(receiver: Receiver, method: str = "POST") -> Outcome:
    body = {"ma": "account", "con_hieu_luc": "active", "ten": "name", "email": "email"}
    push = RestPush(url=f"{receiver.url}/accounts", method=method, token="t-1", body=body)
    async with httpx.AsyncClient(trust_env=False) as client:
        (outcome,) = await RestDeliverer(client, push).deliver([parcel()])
    return outcome


async def by_webhook(receiver: Receiver, *secrets: str) -> Outcome:
    push = WebhookPush(url=f"{receiver.url}/hook", secrets=secrets)
    async with httpx.AsyncClient(trust_env=False) as client:
        (outcome,) = await WebhookDeliverer(client, push, lambda: NOW).deliver([parcel()])
    return outcome


async def by_event(receiver: Receiver, sent: Parcel) -> Outcome:
    push = EventsPush(url=f"{receiver.url}/events", audience="https://land.test", token="t-1")

    def sign(typ: str, claims: object) -> str:
        head = base64.urlsafe_b64encode(json.dumps({"typ": typ}).encode()).decode()
        return f"{head}.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()}.s"

    async with httpx.AsyncClient(trust_env=False) as client:
        deliverer = EventDeliverer(
            client, push, issuer="https://id.test", sign=sign, clock=lambda: NOW
        )
        (outcome,) = await deliverer.deliver([sent])
    return outcome


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_rest_sends_what_the_template_names_and_nothing_of_a_person_in_the_address(
    receiver: Receiver, method: str
) -> None:
    assert await by_rest(receiver, method) == Settled()
    (call,) = receiver.calls
    assert (call.method, call.path) == (method, "/accounts")
    assert call.headers["authorization"] == "Bearer t-1"
    assert call.headers["idempotency-key"] == "land:42"
    assert json.loads(call.body) == {"ma": "acc-1", "con_hieu_luc": False, "ten": NAME}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Settled()),
        (302, Refused("status 302")),
        (400, Refused("status 400")),
        (401, Later("status 401")),
        (429, Later("status 429")),
        (503, Later("status 503")),
    ],
)
async def test_a_status_says_whether_it_is_done_later_or_never(
    receiver: Receiver, status: int, outcome: Outcome
) -> None:
    receiver.answers = [(status, b"personal text of the system")]
    assert await by_rest(receiver) == outcome


async def test_a_system_that_is_not_there_is_told_later() -> None:
    with receiving() as gone:
        pass
    outcome = await by_rest(gone)
    assert isinstance(outcome, Later)
    assert "127.0.0.1" not in outcome.reason


async def test_a_web_hook_is_proven_under_either_secret_and_carries_no_claims(
    receiver: Receiver,
) -> None:
    assert await by_webhook(receiver, "new secret", "old secret") == Settled()
    (call,) = receiver.calls
    assert NAME.encode() not in call.body
    assert b"never told" not in call.body
    signed = {
        "message_id": call.headers["lienthong-message"],
        "timestamp": call.headers["lienthong-timestamp"],
        "signature": call.headers["lienthong-signature"],
        "body": call.body,
        "now": NOW,
    }
    assert proven("new secret", **signed)
    assert proven("old secret", **signed)
    assert not proven("another", **signed)
    assert not proven("new secret", **(signed | {"body": call.body + b" "}))
    assert not proven("new secret", **(signed | {"message_id": "land:43"}))
    assert not proven("new secret", **(signed | {"now": NOW + 301}))


async def test_an_event_is_a_security_event_token_about_the_pairwise_subject(
    receiver: Receiver,
) -> None:
    assert await by_event(receiver, parcel()) == Settled()
    (call,) = receiver.calls
    assert call.headers["content-type"] == "application/secevent+jwt"
    head, claims = (json.loads(base64.urlsafe_b64decode(p)) for p in call.body.split(b".")[:2])
    assert head["typ"] == "secevent+jwt"
    assert "exp" not in claims
    assert "sub" not in claims
    assert (claims["iss"], claims["aud"]) == ("https://id.test", "https://land.test")
    assert claims["jti"] == "land:42"
    assert claims["sub_id"] == {"format": "iss_sub", "iss": "https://id.test", "sub": "pair-1"}
    (kind,) = claims["events"]
    assert kind == "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
    assert claims["events"][kind]["event_timestamp"] == NOW - 5


async def test_a_revoked_session_names_user_and_session(receiver: Receiver) -> None:
    await by_event(receiver, parcel(Kind.SESSION_REVOKED, sid="sid-1"))
    claims = json.loads(base64.urlsafe_b64decode(receiver.calls[0].body.split(b".")[1]))
    assert claims["sub_id"]["format"] == "complex"
    assert claims["sub_id"]["session"] == {"format": "opaque", "id": "sid-1"}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b'{"err": "authentication_failed"}', Later("err of the receiver's authentication")),
        (b'{"err": "invalid_request"}', Refused("status 400")),
        (b"nonsense", Refused("status 400")),
    ],
)
async def test_an_error_of_the_receiver_is_read_as_rfc_8935_says(
    receiver: Receiver, answer: bytes, outcome: Outcome
) -> None:
    receiver.answers = [(400, answer)]
    assert await by_event(receiver, parcel()) == outcome


async def dropped(folder: Path, name: str = NAME) -> Outcome:
    columns = {"ma": "account", "ten": "name", "con_hieu_luc": "active"}
    (outcome,) = await CsvDrop(CsvPush(folder=str(folder), columns=columns)).deliver(
        [parcel(name=name)]
    )
    return outcome


async def test_a_file_is_whole_private_and_replaced_by_its_twin(tmp_path: Path) -> None:
    assert [await dropped(tmp_path) for _ in range(2)] == [Settled(), Settled()]
    (file,) = tmp_path.iterdir()
    assert file.name == "000000000042-account_disabled.csv"
    assert file.stat().st_mode & 0o777 == 0o600
    with file.open(encoding="utf-8-sig", newline="") as text:
        assert list(csv.reader(text)) == [["ma", "ten", "con_hieu_luc"], ["acc-1", NAME, "0"]]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
async def test_no_cell_is_a_formula(tmp_path: Path, start: str) -> None:
    await dropped(tmp_path, f"{start}cmd")
    (file,) = tmp_path.iterdir()
    assert f"'{start}cmd" in file.read_text("utf-8")


async def test_a_folder_that_is_gone_is_tried_later(tmp_path: Path) -> None:
    assert await dropped(tmp_path / "gone") == Later("FileNotFoundError")

"""Every way out of the outbox, against real receivers on loopback and a real folder."""

import csv
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jws
from joserfc.jwk import RSAKey

from connectors.contract import AccountId, PairwiseSub, SessionId, SubjectId, SystemId
from connectors.provisioning.csv_drop import CsvDrop
from connectors.provisioning.events import EventDeliverer
from connectors.provisioning.messages import (
    Deliverer,
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
from connectors.provisioning.webhook import TOLERANCE_SECONDS, WebhookDeliverer, proven, signatures
from connectors.registry import CsvPush, EventsPush, RestPush, WebhookPush
from keys.jwks import public_jwk
from keys.signer import Signer
from tests.provisioning.receivers import Receiver, receiving

NOW = 1_800_000_000
NUMBER = "074185999111"
OLD, NEW = "old-" + "abcdefghijklmnopqrstuvwxyz012345", "new-" + "abcdefghijklmnopqrstuvwxyz012345"
ISSUER = "https://id.test"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SIGNER = Signer("k1", "RS256", KEY)


@pytest.fixture
def system() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def parcel(
    kind: Kind = Kind.ACCOUNT_DISABLED, *, sid: str | None = None, name: str = "Nguyễn Ánh Tuyết"
) -> Parcel:
    message = Message(
        system=SystemId("land"), number=7, kind=kind, subject=SubjectId("who-never-leaves"),
        account=AccountId(NUMBER), sid=SessionId(sid) if sid else None, created_at=NOW - 60,
    )  # fmt: skip
    record = Record(
        account=AccountId(NUMBER),
        active=kind is Kind.ACCOUNT_CREATED,
        sub=PairwiseSub("pairwise-1"),
        claims={"name": name},
    )
    return Parcel(message=message, record=record)


def rest(client: httpx.AsyncClient, url: str, method: str = "PUT") -> Deliverer:
    body = {"taiKhoan": "account", "hoTen": "name", "hoatDong": "active", "email": "email"}
    return RestDeliverer(client, RestPush(url=f"{url}/users", method=method, token=OLD, body=body))


def hook(client: httpx.AsyncClient, url: str) -> Deliverer:
    return WebhookDeliverer(client, WebhookPush(url=url, secrets=(OLD, NEW)), lambda: NOW)


def events(client: httpx.AsyncClient, url: str) -> Deliverer:
    return EventDeliverer(
        client,
        EventsPush(url=f"{url}/set", audience="https://land.test", token=NEW),
        issuer=ISSUER,
        sign=lambda typ, claims: SIGNER.sign(typ, json.dumps(claims).encode()),
        clock=lambda: NOW,
    )


WAYS = pytest.mark.parametrize("way", [rest, hook, events])


async def told(way: object, system: Receiver, sent: Parcel) -> Outcome:
    async with httpx.AsyncClient() as client:
        (outcome,) = await way(client, system.url).deliver([sent])  # type: ignore[operator]
        return outcome  # type: ignore[no-any-return]


@WAYS
@pytest.mark.parametrize("kind", list(Kind))
async def test_no_way_puts_anything_of_a_person_into_an_address(
    way: object, kind: Kind, system: Receiver
) -> None:
    """Addresses stand in the logs of everything on the way; this account is a personal number."""
    assert await told(way, system, parcel(kind)) == Settled()
    for call in system.calls:
        assert call.path in ("/users", "/", "/set")
        assert NUMBER not in " ".join([call.path, *call.headers.values()])


@WAYS
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Settled()),
        (302, Refused("status 302")),
        (400, Refused("status 400")),
        (401, Later("status 401")),
        (404, Refused("status 404")),
        (429, Later("status 429")),
        (503, Later("status 503")),
    ],
)
async def test_a_status_means_the_same_by_every_way(
    way: object, status: int, expected: Outcome, system: Receiver
) -> None:
    system.answers = [(status, b"")]
    assert await told(way, system, parcel()) == expected


@WAYS
async def test_a_system_that_is_not_there_is_told_later(way: object) -> None:
    with receiving() as gone:
        pass
    outcome = await told(way, gone, parcel())
    assert isinstance(outcome, Later)
    assert "127.0.0.1" not in outcome.reason


async def test_rest_fills_the_template_of_the_agency_and_says_which_message_it_is(
    system: Receiver,
) -> None:
    assert await told(rest, system, parcel(Kind.ACCOUNT_CREATED)) == Settled()
    (call,) = system.calls
    assert (call.method, call.path) == ("PUT", "/users")
    assert json.loads(call.body) == {
        "taiKhoan": NUMBER, "hoTen": "Nguyễn Ánh Tuyết", "hoatDong": True,
    }  # fmt: skip
    assert call.headers["idempotency-key"] == "land:7"
    assert call.headers["authorization"] == f"Bearer {OLD}"


async def test_the_method_is_the_agency_s(system: Receiver) -> None:
    async with httpx.AsyncClient() as client:
        assert await rest(client, system.url, "POST").deliver([parcel()]) == [Settled()]
    (call,) = system.calls
    assert (call.method, json.loads(call.body)["hoatDong"]) == ("POST", False)


async def test_a_web_hook_is_proven_by_each_of_two_secrets_and_by_no_other(
    system: Receiver,
) -> None:
    assert await told(hook, system, parcel()) == Settled()
    (call,) = system.calls
    given = {
        "message_id": call.headers["lienthong-message"],
        "timestamp": call.headers["lienthong-timestamp"],
        "signature": call.headers["lienthong-signature"],
    }
    assert proven(OLD, **given, body=call.body, now=NOW)
    assert proven(NEW, **given, body=call.body, now=NOW)
    assert not proven("another", **given, body=call.body, now=NOW)
    assert not proven(OLD, **given, body=call.body + b" ", now=NOW)
    assert not proven(OLD, **given, body=call.body, now=NOW + TOLERANCE_SECONDS + 1)
    assert not proven(OLD, **given | {"message_id": "land:8"}, body=call.body, now=NOW)
    assert not proven(OLD, **given | {"timestamp": str(NOW + 1)}, body=call.body, now=NOW)
    assert not proven(OLD, **given | {"timestamp": "soon"}, body=call.body, now=NOW)
    assert "Tuyết" not in call.body.decode(), "a web-hook is a call to look, not a record"
    assert "who-never-leaves" not in call.body.decode(), "the subject is told to nobody"


def test_a_signature_is_what_the_guide_says() -> None:
    """A fixed value, so that a receiver written from the guide keeps working."""
    signed = signatures(["secret"], "land:7", "1800000000", b'{"id":"land:7"}')
    assert signed == "v1=9ca7faac3eb3b78a87c522121242a219121af8a0613b12c09e1562aad2d36225"


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        (Kind.ACCOUNT_DISABLED, "https://schemas.openid.net/secevent/risc/event-type/account-disabled"),
        (Kind.ACCOUNT_ENABLED, "https://schemas.openid.net/secevent/risc/event-type/account-enabled"),
        (Kind.LINK_ENDED, "urn:lienthong:secevent:link-ended"),
        (Kind.SESSION_REVOKED, "https://schemas.openid.net/secevent/caep/event-type/session-revoked"),
    ],
)  # fmt: skip
async def test_a_security_event_is_signed_and_names_the_person_as_the_system_does(
    kind: Kind, event: str, system: Receiver
) -> None:
    session = "sid-1" if kind is Kind.SESSION_REVOKED else None
    assert await told(events, system, parcel(kind, sid=session)) == Settled()
    (call,) = system.calls
    assert call.headers["content-type"] == "application/secevent+jwt"
    assert call.headers["authorization"] == f"Bearer {NEW}"
    opened = jws.deserialize_compact(
        call.body, RSAKey.import_key(public_jwk(KEY, "RS256")), algorithms=["RS256"]
    )
    assert opened.protected["typ"] == "secevent+jwt"
    claims = json.loads(opened.payload)
    assert set(claims) == {"iss", "aud", "iat", "jti", "txn", "sub_id", "events"}
    assert (claims["iss"], claims["aud"], claims["jti"]) == (ISSUER, "https://land.test", "land:7")
    assert claims["events"] == {event: {"event_timestamp": NOW - 60}}
    user = {"format": "iss_sub", "iss": ISSUER, "sub": "pairwise-1"}
    whole = {"format": "complex", "user": user, "session": {"format": "opaque", "id": "sid-1"}}
    assert claims["sub_id"] == (whole if session else user)
    assert NUMBER.encode() not in opened.payload


async def test_what_is_no_security_event_is_not_sent_as_one(system: Receiver) -> None:
    assert await told(events, system, parcel(Kind.ACCOUNT_CREATED)) == Settled()
    assert not system.calls


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"err":"authentication_failed"}', Later("err of the receiver's authentication")),
        (b'{"err":"access_denied"}', Later("err of the receiver's authentication")),
        (b'{"err":"invalid_request"}', Refused("status 400")),
        (b'{"err":"invalid_audience"}', Refused("status 400")),
        (b"[]", Refused("status 400")),
        (b"<html>", Refused("status 400")),
        (b'{"err":["authentication_failed"]}', Refused("status 400")),
    ],
)
async def test_the_error_of_a_receiver_of_events_decides_whether_it_is_asked_again(
    body: bytes, expected: Outcome, system: Receiver
) -> None:
    system.answers = [(400, body)]
    assert await told(events, system, parcel()) == expected


def drop(folder: Path) -> CsvDrop:
    columns = {"Tài khoản": "account", "Họ tên": "name", "Hoạt động": "active"}
    return CsvDrop(CsvPush(folder=str(folder), columns=columns))


async def test_a_csv_file_appears_whole_private_and_once(tmp_path: Path) -> None:
    for _ in range(2):
        assert await drop(tmp_path).deliver([parcel()]) == [Settled()]
    (path,) = tmp_path.iterdir()
    assert path.name == "000000000007-account_disabled.csv", "nothing of a person in a file's name"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rows = list(csv.reader(path.read_text("utf-8-sig").splitlines()))
    assert rows == [["Tài khoản", "Họ tên", "Hoạt động"], [NUMBER, "Nguyễn Ánh Tuyết", "0"]]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
async def test_no_cell_is_a_formula(name: str, tmp_path: Path) -> None:
    assert await drop(tmp_path).deliver([parcel(name=name)]) == [Settled()]
    (path,) = tmp_path.iterdir()
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file))[1][1] == "'" + name


async def test_a_folder_that_is_away_is_told_later(tmp_path: Path) -> None:
    assert await drop(tmp_path / "away").deliver([parcel()]) == [Later("FileNotFoundError")]

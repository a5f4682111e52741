"""Systems that fetch their events: handed out until they are acknowledged, each its own alone."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.contract import AccountId, SubjectId, SystemId
from connectors.provisioning.messages import Kind
from connectors.provisioning.outbox import Outbox
from idp.adapters import open_stores
from idp.config import ConfigurationRefused, load_settings
from idp.flows import event_poll
from idp.protocol.event_poll import MOST_WORDS
from tests.fixtures_world import ENVIRONMENT, SECRET_1, World, basic, write_config
from tests.provisioning.receivers import until
from tests.tokens import claims_of, header_of

FETCHER = """
[clients.{name}]
name = {{ vi = "Máy của {name}", en = "Machine of {name}" }}
secrets = [{{ env = "SECRET_1" }}]
redirect_uris = ["https://{name}.test/cb"]
grant_types = ["authorization_code", "client_credentials"]
scopes = ["openid", "ssf.read", "reports.read"]
consent = "implied"
"""
FETCHES = """
[systems.{system}.provisioning]
mode = "notify"
deliver = "poll"
client = "fetch-{system}"
audience = "https://{system}.test"
"""
JSON = {"content-type": "application/json"}


@pytest.fixture
def more_config() -> str:
    clients = ("fetch-land", "fetch-portal", "fetch-nothing")
    return "".join(FETCHER.format(name=name) for name in clients) + "".join(
        FETCHES.format(system=system) for system in ("land", "portal")
    )


async def token(world: World, client: str = "fetch-land", scope: str = "ssf.read") -> str:
    response = await world.http.post(
        "/token",
        data={"grant_type": "client_credentials", "scope": scope},
        headers=basic(client, SECRET_1),
    )
    return str(response.json()["access_token"])


async def ask(world: World, bearer: str, **members: Any) -> httpx.Response:
    content = json.dumps({"returnImmediately": True} | members)
    headers = JSON | {"authorization": f"Bearer {bearer}"}
    return await world.http.post("/ssf/poll", content=content, headers=headers)


async def fetched(world: World, bearer: str, **members: Any) -> dict[str, Any]:
    response = await ask(world, bearer, **members)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    return dict(response.json())


async def tell(world: World, *kinds: Kind, system: str = "land") -> None:
    async with open_stores(world.settings) as stores, stores.database.transaction() as statements:
        for kind in kinds:
            await stores.outbox.write(
                statements, SystemId(system), kind, SubjectId("s"), 1, account=AccountId("dd-1")
            )


async def dead(world: World) -> list[tuple[object, object]]:
    async with open_stores(world.settings) as stores:
        rows = await Outbox(stores.database).listing(dead_only=True, limit=9)
        return [(row["number"], row["reason"]) for row in rows]


async def test_an_event_comes_again_until_it_is_acknowledged_and_then_no_more(world: World) -> None:
    await tell(world, Kind.ACCOUNT_DISABLED, Kind.LINK_ENDED)
    bearer = await token(world)
    first = await fetched(world, bearer)
    assert list(first["sets"]) == ["land:1", "land:2"]
    assert "moreAvailable" not in first
    again = await fetched(world, bearer, ack=["land:1"])
    assert list(again["sets"]) == ["land:2"]
    assert (await fetched(world, bearer, ack=["land:1", "land:2"]))["sets"] == {}


async def test_a_fetched_event_is_signed_for_its_receiver_and_names_nobody(world: World) -> None:
    await tell(world, Kind.ACCOUNT_DISABLED)
    (told,) = (await fetched(world, await token(world)))["sets"].values()
    assert (header_of(told)["typ"], header_of(told)["alg"]) == ("secevent+jwt", "RS256")
    claims = claims_of(told)
    assert (claims["iss"], claims["aud"]) == ("https://id.test", "https://land.test")
    assert claims["jti"] == "land:1"
    assert claims["sub_id"] == {"format": "opaque", "id": "dd-1"}
    assert list(claims["events"]) == [
        "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
    ]


async def test_the_receiver_says_how_many_it_takes_and_hears_whether_more_wait(
    world: World,
) -> None:
    await tell(world, *[Kind.ACCOUNT_DISABLED, Kind.ACCOUNT_ENABLED] * 2)
    bearer = await token(world)
    some = await fetched(world, bearer, maxEvents=3)
    assert (list(some["sets"]), some["moreAvailable"]) == (["land:1", "land:2", "land:3"], True)
    rest = await fetched(world, bearer, maxEvents=3, ack=list(some["sets"]))
    assert (list(rest["sets"]), rest.get("moreAvailable")) == (["land:4"], None)
    only_ack = await fetched(world, bearer, maxEvents=0, ack=["land:4"], returnImmediately=False)
    assert only_ack == {"sets": {}}


async def test_an_event_that_the_receiver_cannot_use_is_a_dead_letter_and_is_replayed(
    world: World,
) -> None:
    await tell(world, Kind.ACCOUNT_DISABLED, Kind.LINK_ENDED)
    bearer = await token(world)
    await fetched(world, bearer)
    errors = {
        "land:1": {"err": "invalid_key", "description": "of Nguyễn Văn A"},
        "land:2": {"err": "Nguyễn Văn A"},
    }
    assert (await fetched(world, bearer, setErrs=errors))["sets"] == {}
    assert await dead(world) == [(1, "the receiver: invalid_key"), (2, "the receiver: other")]
    async with open_stores(world.settings) as stores:
        assert await Outbox(stores.database).replay(SystemId("land"), 1, 1) == 3
    assert list((await fetched(world, bearer))["sets"]) == ["land:3"]


async def test_one_receiver_neither_sees_nor_settles_what_is_another_ones(world: World) -> None:
    await tell(world, Kind.ACCOUNT_DISABLED)
    await tell(world, Kind.LINK_ENDED, system="portal")
    land, portal = await token(world), await token(world, "fetch-portal")
    assert list((await fetched(world, land))["sets"]) == ["land:1"]
    errors = {"land:2": {"err": "invalid_key"}}
    theirs = await fetched(world, portal, ack=["land:1"], setErrs=errors)
    assert list(theirs["sets"]) == ["portal:1"]
    assert list((await fetched(world, land))["sets"]) == ["land:1"]
    assert await dead(world) == []


NAMES = (
    "land:1", "land:01", "land:+1", "land: 1", "land:１", "land:1:1", "Land:1", ":1", "1", "",
    "land:" + "9" * 5000, "land:-1", "land:1\0", "portal:1", "' OR 1=1 --",
)  # fmt: skip


async def test_a_name_that_was_never_handed_out_settles_nothing(world: World) -> None:
    """Also that of an event which waits: names can be counted up."""
    await tell(world, Kind.ACCOUNT_DISABLED)
    bearer = await token(world)
    await fetched(world, bearer, ack=list(NAMES), maxEvents=0)
    errors = {name: {"err": "invalid_key"} for name in NAMES}
    assert list((await fetched(world, bearer, setErrs=errors))["sets"]) == ["land:1"]
    assert await dead(world) == []
    others = [name for name in NAMES if name != "land:1"]
    assert list((await fetched(world, bearer, ack=others))["sets"]) == ["land:1"]


async def test_what_is_said_of_an_event_counts_once(world: World) -> None:
    await tell(world, Kind.ACCOUNT_DISABLED)
    bearer = await token(world)
    await fetched(world, bearer)
    await fetched(world, bearer, ack=["land:1"])
    await fetched(world, bearer, setErrs={"land:1": {"err": "invalid_key"}})
    assert await dead(world) == []


NONSENSE = (
    b"", b"[]", b"null", b"{", b'"ack"', b'{"ack": "land:1"}', b'{"ack": [1]}', b'{"ack": {}}',
    b'{"ack": null}', b'{"setErrs": []}', b'{"setErrs": {"land:1": "no"}}',
    b'{"setErrs": {"land:1": {}}}', b'{"setErrs": {"land:1": {"err": 1}}}', b'{"maxEvents": -1}',
    b'{"maxEvents": "9"}', b'{"maxEvents": true}', b'{"maxEvents": 1.5}',
    b'{"returnImmediately": "yes"}', b'{"ack": ["land:1"], "setErrs": {"land:1": {"err": "a"}}}',
    json.dumps({"ack": [str(n) for n in range(MOST_WORDS + 1)]}).encode(),
    b'{"ack": ["' + b"x" * 70_000 + b'"]}', b"[" * 60_000, b"\xff\xfe",
)  # fmt: skip


async def test_nonsense_is_refused_and_settles_nothing(world: World) -> None:
    await tell(world, Kind.ACCOUNT_DISABLED)
    bearer = await token(world)
    await fetched(world, bearer)
    headers = JSON | {"authorization": f"Bearer {bearer}"}
    for content in NONSENSE:
        response = await world.http.post("/ssf/poll", content=content, headers=headers)
        assert response.status_code == 400, content[:40]
        assert response.json()["error"] == "invalid_request"
    assert list((await fetched(world, bearer))["sets"]) == ["land:1"]


async def test_only_a_token_of_the_systems_own_client_with_the_scope_fetches(world: World) -> None:
    await tell(world, Kind.ACCOUNT_DISABLED)
    persons = (await world.browser().tokens(world.alice))["access_token"]
    asked = [
        (await token(world, "fetch-nothing"), 403),
        (await token(world, scope="reports.read"), 403),
        (persons, 403),
        ("nonsense", 401),
    ]
    for bearer, status in asked:
        response = await ask(world, bearer)
        assert (response.status_code, "sets" in response.json()) == (status, False)
    revoked = await token(world)
    await world.http.post("/revoke", data={"token": revoked}, headers=basic("fetch-land", SECRET_1))
    assert (await ask(world, revoked)).status_code == 401
    bare = await world.http.post("/ssf/poll", content="{}", headers=JSON)
    assert bare.status_code == 401
    assert (await world.http.get("/ssf/poll")).status_code == 405


async def test_a_token_in_the_address_is_none(world: World) -> None:
    bearer = await token(world)
    response = await world.http.post(f"/ssf/poll?access_token={bearer}", content="{}", headers=JSON)
    assert response.status_code in (400, 401)


async def test_wrong_tokens_are_slowed_down_and_right_ones_are_not(world: World) -> None:
    bearer = await token(world)
    statuses = {(await ask(world, f"nonsense-{n}")).status_code for n in range(150)}
    assert statuses == {401, 429}
    assert (await ask(world, bearer)).status_code == 200


async def test_a_poll_that_has_time_waits_for_an_event(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_poll, "LOOK_SECONDS", 0.02)
    bearer = await token(world)
    waiting = asyncio.create_task(ask(world, bearer, returnImmediately=False))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await tell(world, Kind.ACCOUNT_DISABLED)
    assert list((await waiting).json()["sets"]) == ["land:1"]


async def test_no_poll_waits_for_ever_and_few_of_one_system_wait_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_poll, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(event_poll, "WAIT_SECONDS", 1.0)
    bearer = await token(world)
    polls = [
        asyncio.create_task(ask(world, bearer, returnImmediately=False))
        for _ in range(event_poll.WAITING_AT_ONCE + 3)
    ]
    await until(lambda: sum(poll.done() for poll in polls) >= 3)
    assert sum(poll.done() for poll in polls) == 3
    assert {(await poll).json()["sets"] == {} for poll in polls} == {True}


async def test_what_is_said_of_the_events_is_true(world: World) -> None:
    document = (await world.http.get("/.well-known/ssf-configuration")).json()
    assert document["issuer"] == "https://id.test"
    assert document["delivery_methods_supported"] == ["urn:ietf:rfc:8936"]
    assert (await world.http.get(document["jwks_uri"].removeprefix("https://id.test"))).json()[
        "keys"
    ]
    assert not [name for name in document if name.endswith("_endpoint")]


CLIENT = 'client = "fetch-portal"'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"ssf.read", ', ""),
        (', "client_credentials"', ""),
        (CLIENT, 'client = "fetch-land"'),
        (CLIENT, 'client = "nobody"'),
        (CLIENT, 'client = "register"'),
        ("[clients.fetch-portal]", '[clients.fetch-portal]\nsystem = "register"'),
    ],
)
def test_a_client_that_may_not_fetch_is_told_at_the_start(
    old: str, new: str, tmp_path: Path, more_config: str
) -> None:
    path = write_config(tmp_path, "sqlite:///w.sqlite", more=more_config.replace(old, new))
    with pytest.raises(ConfigurationRefused) as refused:
        load_settings(path, ENVIRONMENT)
    keys = {problem.key for problem in refused.value.problems}
    assert keys & {f"systems.{system}.provisioning.client" for system in ("land", "portal")}

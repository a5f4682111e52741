"""The SCIM server over HTTP: versions, pages, bulk, errors, and what it announces."""

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import httpx
import pytest

from idp.adapters import open_stores
from idp.config import ConfigurationRefused, load_settings
from idp.scim.bulk import MAX_OPERATIONS
from idp.scim.search import MAX_PAGE
from idp.store.scim_users import SqlScimUsers
from idp.store.session_ends import SqlSessionEnds
from keys.sql import StoreUnavailableError
from tests.fixtures_scim import BULK, GROUP, PATCH, USER, Register
from tests.fixtures_world import ENVIRONMENT, ISSUER, World, write_config

pytestmark = pytest.mark.usefixtures("scim_config")
OFF = {"op": "replace", "path": "active", "value": False}
TITLE = {"op": "replace", "path": "title", "value": "Chuyên viên"}


async def test_a_created_user_is_told_whole_with_its_place_and_version(k1: Register) -> None:
    response = await k1.create("can.bo", externalId="nv-1", name={"formatted": "Lê Thị Hoa"})
    user = response.json()
    assert response.status_code == 201
    assert response.headers["content-type"] == "application/scim+json"
    assert response.headers["location"] == user["meta"]["location"]
    assert user["meta"]["location"] == f"{ISSUER}/scim/v2/Users/{user['id']}"
    assert response.headers["etag"] == user["meta"]["version"] == 'W/"1"'
    assert user["active"] is True
    assert user["externalId"] == "nv-1"
    assert (await k1.ask("GET", f"/Users/{user['id']}")).json() == user


async def test_a_change_is_made_on_the_version_that_is_meant_or_not_at_all(k1: Register) -> None:
    """Spec: RFC 7644 §3.14."""
    user = await k1.made("can.bo")
    path = f"/Users/{user['id']}"
    changed = await k1.patch(path, TITLE, if_match='W/"1"')
    assert (changed.status_code, changed.headers["etag"]) == (200, 'W/"2"')
    for method, body in (
        ("PATCH", {"schemas": [PATCH], "Operations": [TITLE | {"value": "Khác"}]}),
        ("PUT", {"schemas": [USER], "userName": "can.bo"}),
        ("DELETE", None),
    ):
        stale = await k1.ask(method, path, body, if_match='W/"1"')
        assert stale.status_code == 412
        assert stale.json()["status"] == "412"
    same = await k1.ask("GET", path, if_none_match='W/"2"')
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", 'W/"2"')
    assert (await k1.ask("GET", path, if_none_match='W/"1"')).json()["title"] == "Chuyên viên"
    assert (await k1.ask("DELETE", path, if_match='W/"2"')).status_code == 204


async def test_a_change_that_changes_nothing_makes_no_version(k1: Register) -> None:
    user = await k1.made("can.bo", title="Chuyên viên")
    same = await k1.patch(f"/Users/{user['id']}", TITLE)
    assert same.json()["meta"]["version"] == 'W/"1"'


async def test_a_replacement_that_leaves_active_out_decides_nothing_about_access(
    k1: Register,
) -> None:
    user = await k1.made("can.bo", active=False)
    body = {"schemas": [USER], "userName": "can.bo", "title": "x"}
    assert (await k1.ask("PUT", f"/Users/{user['id']}", body)).json()["active"] is False


async def test_pages_follow_each_other_without_gap(k1: Register) -> None:
    """Spec: RFC 7644 §3.4.2.4."""
    made = {(await k1.made(f"can.bo.{n}"))["id"] for n in range(7)}
    seen: list[str] = []
    for start in (1, 4, 7):
        page = (await k1.ask("GET", f"/Users?startIndex={start}&count=3")).json()
        assert (page["totalResults"], page["startIndex"]) == (7, start)
        assert page["itemsPerPage"] == len(page["Resources"])
        seen += [each["id"] for each in page["Resources"]]
    assert len(seen) == 7
    assert set(seen) == made
    counted = (await k1.ask("GET", "/Users?count=0")).json()
    assert (counted["totalResults"], counted["Resources"]) == (7, [])
    bounded = (await k1.ask("GET", f"/Users?count={MAX_PAGE + 1000}")).json()
    assert bounded["itemsPerPage"] == 7


async def test_the_search_over_all_types_pages_over_their_border(k1: Register) -> None:
    """Spec: RFC 7644 §3.4.3."""
    users = [(await k1.made(f"can.bo.{n}"))["id"] for n in range(3)]
    groups = [(await k1.group(f"Tổ {n}"))["id"] for n in range(3)]
    search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "count": 4}
    seen: list[str] = []
    for start in (1, 5):
        page = (await k1.ask("POST", "/.search", search | {"startIndex": start})).json()
        assert page["totalResults"] == 6
        seen += [each["id"] for each in page["Resources"]]
    assert set(seen[:3]) == set(users)
    assert set(seen[3:]) == set(groups)


async def test_filters_find_what_they_say(k1: Register) -> None:
    user = await k1.made(
        "Can.Bo", externalId="NV-1", title="Trưởng phòng",
        emails=[{"value": "a@vidu.vn", "type": "work", "primary": True}],
    )  # fmt: skip
    await k1.made("nguoi.khac")
    group = await k1.group("Văn phòng", user["id"])
    for text in (
        'userName eq "CAN.BO"', 'externalId eq "NV-1"', f'id eq "{user["id"]}"', "title pr",
        'title co "phòng"', 'emails[type eq "work" and value ew "vidu.vn"]', 'emails co "a@"',
        f'groups.value eq "{group["id"]}"', 'userName eq "can.bo" and active eq true',
    ):  # fmt: skip
        assert [each["id"] for each in await k1.found(text)] == [user["id"]], text
    assert await k1.found('externalId eq "nv-1"') == [], "an external id is exact"
    members = f'members.value eq "{user["id"]}"'
    assert [each["id"] for each in await k1.found(members, "/Groups")] == [group["id"]]
    assert await k1.found('displayName eq "không có"', "/Groups") == []


async def test_a_filter_that_would_look_at_too_many_is_refused(
    k1: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("idp.scim.search.SCANNED", 3)
    for number in range(4):
        user = await k1.made(f"can.bo.{number}", title="x")
    refused = await k1.ask("GET", '/Users?filter=title eq "x"')
    assert (refused.status_code, refused.json()["scimType"]) == (400, "tooMany")
    assert [each["id"] for each in await k1.found('userName eq "can.bo.3"')] == [user["id"]]


async def test_members_come_and_go_and_the_user_shows_it(k1: Register) -> None:
    first, second = await k1.made("a"), await k1.made("b")
    group = await k1.group("Tổ", first["id"])
    path = f"/Groups/{group['id']}"
    more = {"op": "add", "path": "members", "value": [{"value": second["id"]}]}
    assert len((await k1.patch(path, more)).json()["members"]) == 2
    less = {"op": "remove", "path": f'members[value eq "{first["id"]}"]'}
    left = (await k1.patch(path, less)).json()["members"]
    assert left == [{"value": second["id"], "$ref": second["meta"]["location"]}]
    shown = (await k1.ask("GET", f"/Users/{second['id']}")).json()["groups"]
    assert shown == [{"value": group["id"], "$ref": group["meta"]["location"]}]
    assert (await k1.ask("DELETE", f"/Users/{second['id']}")).status_code == 204
    assert not (await k1.ask("GET", path)).json().get("members")
    assert (await k1.ask("DELETE", path)).status_code == 204
    assert (await k1.ask("GET", path)).status_code == 404


async def bulk(register: Register, *operations: Any, **more: Any) -> httpx.Response:
    return await register.ask(
        "POST", "/Bulk", {"schemas": [BULK], "Operations": list(operations)} | more
    )


def creation(bulk_id: str, username: str) -> dict[str, Any]:
    data = {"schemas": [USER], "userName": username}
    return {"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": data}


async def test_a_bulk_request_creates_changes_and_refers(k1: Register) -> None:
    """Spec: RFC 7644 §3.7.2: the group comes first, and its member is made before it."""
    member = [{"value": "bulkId:u"}]
    group = {
        "method": "POST", "path": "/Groups", "bulkId": "g",
        "data": {"schemas": [GROUP], "displayName": "Tổ", "members": member},
    }  # fmt: skip
    change = {
        "method": "PATCH", "path": "/Users/bulkId:u", "version": 'W/"1"',
        "data": {"schemas": [PATCH], "Operations": [TITLE]},
    }  # fmt: skip
    response = await bulk(k1, group, creation("u", "can.bo"), change)
    results = response.json()["Operations"]
    assert response.status_code == 200
    assert [each["status"] for each in results] == ["201", "201", "200"]
    assert [each.get("bulkId") for each in results] == ["g", "u", None]
    user_id = results[1]["location"].rpartition("/")[2]
    shown = (await k1.ask("GET", f"/Users/{user_id}")).json()
    assert shown["title"] == "Chuyên viên"
    assert len(shown["groups"]) == 1
    assert results[2]["version"] == shown["meta"]["version"]


async def test_a_bulk_request_goes_on_until_as_many_have_failed_as_it_allows(
    k1: Register,
) -> None:
    operations = [creation(str(n), "can.bo") for n in range(4)]
    results = (await bulk(k1, *operations, failOnErrors=2)).json()["Operations"]
    assert [each["status"] for each in results] == ["201", "409", "409"]
    assert results[1]["response"]["scimType"] == "uniqueness"
    assert "location" not in results[1]
    unknown = {"method": "DELETE", "path": "/Users/bulkId:none"}
    (circle,) = (await bulk(k1, unknown)).json()["Operations"]
    assert circle["status"] == "409"


@pytest.mark.parametrize("path", ["/Bulk", "/Schemas", "/Users/.search", "/", "/Users/1/2", "//"])
async def test_bulk_reaches_resources_alone(k1: Register, path: str) -> None:
    (result,) = (await bulk(k1, {"method": "PUT", "path": path, "data": {}})).json()["Operations"]
    assert result["status"] in ("400", "404", "405")


async def test_what_is_too_large_is_refused_before_anything_is_done(k1: Register) -> None:
    many = [creation(str(n), f"u{n}") for n in range(MAX_OPERATIONS + 1)]
    assert (await bulk(k1, *many)).status_code == 413
    large = await k1.create("x" * 70_000)
    assert (large.status_code, large.json()["status"]) == (413, "413")
    assert (await k1.ask("GET", "/Users")).json()["totalResults"] == 0


async def test_what_is_announced_is_what_works(k1: Register, k2: Register) -> None:
    config = (await k1.ask("GET", "/ServiceProviderConfig")).json()
    assert [config[name]["supported"] for name in ("patch", "bulk", "filter", "etag", "sort")] == [
        True, True, True, True, False,
    ]  # fmt: skip
    assert config["bulk"]["maxOperations"] == MAX_OPERATIONS
    assert (await k1.ask("GET", "/Users?sortBy=userName")).status_code == 400
    for register, passwords in ((k1, False), (k2, True)):
        told = (await register.ask("GET", "/ServiceProviderConfig")).json()
        schema = (await register.ask("GET", f"/Schemas/{USER}")).json()
        names = {each["name"] for each in schema["attributes"]}
        assert told["changePassword"]["supported"] is passwords
        assert ("password" in names) is passwords
    assert (await k1.ask("GET", "/Schemas?filter=id pr")).status_code == 403


async def test_refusals_repeat_nothing_of_what_was_sent(k1: Register) -> None:
    secret = "bi-mat-<b>"
    user = await k1.made("can.bo")
    sent: list[tuple[str, str, Any]] = [
        ("POST", "/Users", {"schemas": [USER], "userName": "a", secret: 1}),
        ("POST", "/Users", {"schemas": [USER], "userName": "a", "active": secret}),
        ("POST", "/Users", {"schemas": [secret]}),
        ("POST", "/Users", [secret]),
        ("PATCH", f"/Users/{user['id']}", {"schemas": [PATCH], "Operations": [{"op": secret}]}),
        ("GET", f"/Users/{secret}", None),
        ("GET", f"/Users?filter={secret} eq 1", None),
        ("GET", f"/Users?attributes={secret}&excludedAttributes={secret}", None),
        ("POST", "/Bulk", {"schemas": [BULK], "Operations": [{"method": secret}]}),
    ]
    for method, path, body in sent:
        response = await k1.ask(method, path, body)
        assert 400 <= response.status_code < 500, (method, path, response.text)
        assert secret not in response.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_another_media_type_is_refused(world: World, k1: Register, kind: str) -> None:
    response = await world.http.post(
        "/scim/v2/Users", content=b'{"userName":"a"}', headers=k1.headers | {"content-type": kind}
    )
    assert response.status_code == 415


GRAMMAR = [
    "userName", "externalId", "id", "emails", "emails.value", "emails[", "]", "(", ")", "not", "and",
    "or", "eq", "ne", "co", "sw", "gt", "le", "pr", '"a"', '"', "\\", "true", "null", "1", "1e999",
    "-", "meta.created", '"2020-01-01T00:00:00Z"', "urn:ietf:params:scim:schemas:core:2.0:User:", "\x00",
    "é", "\u202e", "😀", "%", "members", "groups.value", "roles", "active", "x" * 99, " ", ".", ":", "$ref",
]  # fmt: skip


async def test_no_filter_or_path_is_ever_a_fault(world: World, k1: Register) -> None:
    """3 000 of each, put together from what a filter is made of; the seed is told on failure."""
    seed = random.randrange(2**32)
    source = random.Random(seed)
    user = await k1.made("can.bo", emails=[{"value": "a@vidu.vn"}])
    for _ in range(3000):
        words = source.choices(GRAMMAR, k=source.randint(1, 9))
        text = source.choice(["", " "]).join(words)
        found = await world.http.get("/scim/v2/Users", params={"filter": text}, headers=k1.headers)
        assert found.status_code in (200, 400), (seed, text, found.status_code)
        operation = {"op": source.choice(["add", "remove", "replace"]), "path": text, "value": "x"}
        patched = await k1.patch(f"/Users/{user['id']}", operation)
        assert patched.status_code in (200, 400, 409), (seed, text, patched.status_code)


def mutated(source: random.Random, value: Any) -> Any:
    """The same payload with one thing in it exchanged."""
    odd = [None, True, 0, -1, 2**70, 1.5, "", "x", [], {}, [[]], [None], {"": ""}, "😀", "a\x00b"]
    if source.random() < 0.2:
        return source.choice(odd)
    if isinstance(value, dict) and value:
        key = source.choice(sorted(value))
        return value | {source.choice([key, key.upper(), "x"]): mutated(source, value[key])}
    if isinstance(value, list) and value:
        return [mutated(source, value[0]), *source.choice([[], value])]
    return source.choice(odd)


async def test_no_payload_is_ever_a_fault(world: World, k1: Register) -> None:
    seed = random.randrange(2**32)
    source = random.Random(seed)
    user = await k1.made("can.bo")
    group = await k1.group("Tổ", user["id"])
    whole = {
        "schemas": [USER], "userName": "u", "name": {"formatted": "A"}, "active": True,
        "emails": [{"value": "a@vidu.vn", "primary": True}], "phoneNumbers": [{"value": "1"}],
    }  # fmt: skip
    patch = {"schemas": [PATCH], "Operations": [{"op": "add", "path": "emails", "value": [{}]}]}
    members = {"schemas": [GROUP], "displayName": "T", "members": [{"value": user["id"]}]}
    starts: list[tuple[str, str, Any]] = [
        ("POST", "/Users", whole),
        ("PUT", f"/Users/{user['id']}", whole),
        ("PATCH", f"/Users/{user['id']}", patch),
        ("PUT", f"/Groups/{group['id']}", members),
        ("POST", "/Users/.search", {"schemas": [], "filter": "id pr", "count": 1}),
        ("POST", "/Bulk", {"schemas": [BULK], "Operations": [creation("a", "b")]}),
    ]
    for _ in range(2000):
        method, path, payload = source.choice(starts)
        sent = mutated(source, payload)
        response = await k1.ask(method, path, sent)
        assert response.status_code < 500, (seed, method, path, json.dumps(sent))
    for content in (b"", b"{", b"\xff", b"[" * 60_000, b'{"a":' * 5000, b"NaN", b'"\\ud800"'):
        headers = k1.headers | {"content-type": "application/scim+json"}
        response = await world.http.post("/scim/v2/Users", content=content, headers=headers)
        assert response.status_code == 400, content[:20]


async def test_a_store_that_goes_away_in_a_bulk_request_takes_nothing_back(
    k1: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done is told as done, and the rest as to be tried again."""
    add = SqlScimUsers.add

    async def away(self: SqlScimUsers, *values: Any) -> bool:
        if values[3].username == "b":
            raise StoreUnavailableError("away")
        return await add(self, *values)

    monkeypatch.setattr(SqlScimUsers, "add", away)
    response = await bulk(k1, creation("a", "a"), creation("b", "b"), creation("c", "c"))
    assert [each["status"] for each in response.json()["Operations"]] == ["201", "503", "201"]
    alone = await k1.create("b")
    assert alone.status_code == 503
    assert int(alone.headers["retry-after"]) > 0


async def test_a_deletion_that_failed_in_the_middle_is_finished_by_repeating_it(
    world: World, k1: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await k1.made("can.bo")
    end_all = SqlSessionEnds.end_all

    async def away(*_: Any) -> int:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(SqlSessionEnds, "end_all", away)
    assert (await k1.ask("DELETE", f"/Users/{user['id']}")).status_code == 503
    assert (await k1.patch(f"/Users/{user['id']}", OFF)).status_code == 503
    monkeypatch.setattr(SqlSessionEnds, "end_all", end_all)
    async with open_stores(world.settings, world.clock) as stores:
        rows = await stores.database.rows("SELECT enabled FROM subject WHERE kind = 'staff'")
        assert [row["enabled"] for row in rows] == [0], "the gate was closed first"
    assert (await k1.patch(f"/Users/{user['id']}", OFF)).status_code == 200
    assert (await k1.ask("DELETE", f"/Users/{user['id']}")).status_code == 204
    assert (await k1.ask("GET", f"/Users/{user['id']}")).status_code == 404


async def test_what_was_pushed_is_in_the_audit_without_a_name(world: World, k1: Register) -> None:
    user = await k1.made("can.bo.mot")
    await k1.patch(f"/Users/{user['id']}", OFF)
    await k1.patch(f"/Users/{user['id']}", OFF | {"value": True})
    await k1.ask("DELETE", f"/Users/{user['id']}")
    await k1.ask("GET", "/Users/can.bo.mot")
    records: list[Any] = []
    async with open_stores(world.settings, world.clock) as stores:
        for _ in range(200):
            found = "SELECT event, fields FROM audit_record ORDER BY seq"
            records = [tuple(row) for row in await stores.database.rows(found)]
            if len(records) >= 7:
                break
            await asyncio.sleep(0.02)
    events = [event for event, _ in records]
    assert events == [
        "scim_created", "scim_changed", "scim_disabled", "scim_changed", "scim_enabled",
        "scim_deleted", "refused",
    ]  # fmt: skip
    told = json.loads(records[0][1])
    assert told == {"connector": "r1", "kind": "User", "resource": user["id"]}
    refused = json.loads(records[-1][1])
    assert (refused["endpoint"], refused["client"]) == ("/scim/v2/Users", "scim:r1")
    assert "can.bo" not in str(records)


CONNECTOR = '\n[scim.connectors.x]\ntokens = [{ env = "SECRET_2" }]\n'


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (CONNECTOR.replace("tokens", "token"), "scim.connectors.x.token"),
        ("\n[scim.connectors.x]\n", "scim.connectors.x"),
        (CONNECTOR + 'client = "hr"\n', "scim.connectors.x"),
        ('\n[scim.connectors.x]\nclient = "c1"\n', "scim.connectors.x.client"),
        ('\n[scim.connectors.x]\nclient = "nobody"\n', "scim.connectors.x.client"),
        ('\n[scim.connectors.x]\nclient = "hr"\n', "scim.connectors.x.client"),
        (CONNECTOR.replace("SECRET_2", "NOT_SET"), "scim.connectors.x.tokens.0"),
        (CONNECTOR.replace("SECRET_2", "SCIM_K1"), "scim.connectors.x.tokens"),
        (CONNECTOR.replace(".x]", '."Phòng"]'), "scim.connectors.Phòng"),
        (CONNECTOR + 'agency_code = "phòng"\n', "scim.connectors.x.agency_code"),
        ("\n[scim.client.x]\n", "scim.client"),
    ],
)
def test_every_mistake_in_a_connector_is_told_at_start(
    tmp_path: Path, scim_config: None, text: str, key: str
) -> None:
    path = write_config(tmp_path, "sqlite:///unused.sqlite")
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
    with pytest.raises(ConfigurationRefused) as refused:
        load_settings(path, ENVIRONMENT)
    assert key in {problem.key for problem in refused.value.problems}


def test_a_connector_has_no_id_of_a_source(tmp_path: Path, scim_config: None) -> None:
    """A source with mistakes of its own counts too: it is declared."""
    path = write_config(tmp_path, "sqlite:///unused.sqlite")
    text = path.read_text("utf-8") + CONNECTOR + "\n[sources.x]\n"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationRefused) as refused:
        load_settings(path, ENVIRONMENT)
    assert "scim.connectors.x" in {problem.key for problem in refused.value.problems}


def test_an_included_file_opens_no_door_to_accounts(tmp_path: Path, scim_config: None) -> None:
    path = write_config(tmp_path, "sqlite:///unused.sqlite")
    path.write_text('include = ["more.toml"]\n' + path.read_text("utf-8"), "utf-8")
    (tmp_path / "more.toml").write_text(CONNECTOR + "\n[connectors.y]\ntokens = []\n", "utf-8")
    with pytest.raises(ConfigurationRefused) as refused:
        load_settings(path, ENVIRONMENT)
    assert {problem.key for problem in refused.value.problems} == {"scim", "connectors"}

"""Group M: what a staff register may not do, whatever it sends. Ids are those of the case list."""

import asyncio
import unicodedata
from pathlib import Path
from typing import Any

import httpx
import pytest

from idp.authn.usernames import fold
from idp.config import ConfigurationRefused, load_settings
from idp.flows.client_authentication import FAILURES_PER_ADDRESS
from tests.attacks.oracle import Oracle
from tests.fixtures_scim import BULK, PATCH, TOKENS, USER, Register, client_token
from tests.fixtures_world import (
    ENVIRONMENT,
    SECRET_1,
    Browser,
    World,
    answer,
    basic,
    write_config,
)

PASSWORD = "mot-mat-khau-rat-dai-2026"
pytestmark = pytest.mark.usefixtures("scim_config")


def kind_of(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert body["status"] == str(response.status_code)
    return response.status_code, body.get("scimType", "")


def rows(world: World, sql: str) -> list[Any]:
    assert isinstance(world.watcher, Oracle)
    assert world.watcher._connection is not None
    return world.watcher._connection.execute(sql).fetchall()


# --- M01: who asks -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "proof",
    [
        pytest.param("none", id="M01-no-bearer"),
        pytest.param("person", id="M01-access-token-of-a-person"),
        pytest.param("cookie", id="M01-cookie"),
        pytest.param("disabled", id="M01-disabled-connector"),
        pytest.param("scope", id="M01-client-without-the-scope"),
        pytest.param("basic", id="M01-basic"),
    ],
)
async def test_only_the_token_of_a_living_connector_opens_the_door(
    world: World, k1: Register, proof: str, method: str
) -> None:
    user = await k1.made("can.bo.01")
    browser = world.browser()
    headers: dict[str, str] = {}
    match proof:
        case "person":
            tokens = await browser.tokens(world.alice)
            headers = {"authorization": f"Bearer {tokens['access_token']}"}
        case "cookie":
            await browser.tokens(world.alice)
        case "disabled":
            headers = {"authorization": f"Bearer {TOKENS['SCIM_OFF']}"}
        case "scope":
            headers = {"authorization": f"Bearer {await client_token(world, 'reports.read')}"}
        case "basic":
            headers = {"authorization": "Basic azE6" + "x" * 8}
    for path in ("/Users", f"/Users/{user['id']}", "/Schemas", "/Bulk"):
        response = await browser.http.request(method, f"/scim/v2{path}", headers=headers)
        assert response.status_code in (401, 403)
        assert response.headers["www-authenticate"].startswith("Bearer")
        assert kind_of(response)[0] == response.status_code
    assert (await k1.ask("GET", f"/Users/{user['id']}")).json() == user


async def test_a_client_with_the_scope_is_its_connector_until_its_token_is_revoked(
    world: World,
) -> None:
    token = await client_token(world, "scim")
    register = Register(world, token)
    user = await register.made("can.bo.k3")
    revoked = await world.http.post("/revoke", data={"token": token}, headers=basic("hr", SECRET_1))
    assert revoked.status_code == 200
    assert (await register.ask("GET", f"/Users/{user['id']}")).status_code == 401
    again = Register(world, await client_token(world, "scim"))
    assert (await again.ask("GET", f"/Users/{user['id']}")).status_code == 200


async def test_wrong_tokens_are_slowed_down_and_hold_no_connector_up(
    world: World, k1: Register
) -> None:
    """The register and whoever guesses may share an address."""
    for _ in range(FAILURES_PER_ADDRESS):
        wrong = await world.http.get(
            "/scim/v2/Users", headers={"authorization": "Bearer " + "x" * 43}
        )
        assert wrong.status_code == 401
    slowed = await world.http.get("/scim/v2/Users", headers={"authorization": "Bearer " + "y" * 43})
    assert slowed.status_code == 429
    assert int(slowed.headers["retry-after"]) > 0
    assert (await k1.ask("GET", "/Users")).status_code == 200


# --- M03: what a register may not say ------------------------------------------------------------

ROOT = [{"value": "root"}]
HIDDEN = [
    pytest.param({"op": "replace", "path": "password", "value": PASSWORD}, id="M03-password"),
    pytest.param({"op": "replace", "value": {"password": PASSWORD}}, id="M03-password-inside"),
    pytest.param({"op": "add", "path": "roles", "value": ROOT}, id="M03-roles"),
    pytest.param({"op": "replace", "value": {"roles": ROOT}}, id="M03-roles-inside"),
    pytest.param({"op": "add", "value": {"ROLES": ROOT}}, id="M03-roles-upper-case"),
    pytest.param(
        {"op": "replace", "path": f"{USER}:roles", "value": ROOT}, id="M03-roles-with-urn"
    ),
    pytest.param(
        {"op": "replace", "path": "emails[primary eq true].verified", "value": True},
        id="M03-verified",
    ),
    pytest.param(
        {"op": "add", "path": "emails", "value": [{"value": "b@vidu.example", "verified": True}]},
        id="M03-verified-inside",
    ),
    pytest.param({"op": "replace", "value": {"email_verified": True}}, id="M03-own-name"),
    pytest.param({"op": "add", "path": "groups", "value": ROOT}, id="M03-groups"),
    pytest.param(
        {"op": "add", "path": "groups", "value": [{"$ref": "https://id.test/scim/v2/Groups/1"}]},
        id="M03-groups-ref",
    ),
    pytest.param({"op": "replace", "path": "id", "value": "0" * 32}, id="M03-id"),
    pytest.param(
        {"op": "replace", "path": "meta.version", "value": 'W/"9"'}, id="M03-meta"
    ),
]  # fmt: skip


@pytest.mark.parametrize("operation", HIDDEN)
async def test_a_patch_of_what_no_register_decides_is_refused_whole(
    world: World, k1: Register, operation: dict[str, Any]
) -> None:
    user = await k1.made("can.bo", emails=[{"value": "a@vidu.example", "primary": True}])
    harmless = {"op": "replace", "path": "title", "value": "Chuyên viên"}
    response = await k1.patch(f"/Users/{user['id']}", harmless, operation)
    status, kind = kind_of(response)
    assert status == 400
    assert kind in ("mutability", "invalidPath", "invalidValue", "invalidSyntax", "noTarget")
    assert (await k1.ask("GET", f"/Users/{user['id']}")).json() == user


@pytest.mark.parametrize(
    ("member", "refused"),
    [
        pytest.param({"password": PASSWORD}, True, id="M03-put-password"),
        pytest.param({"roles": ROOT}, False, id="M03-put-roles"),
        pytest.param({"groups": ROOT}, False, id="M03-put-groups"),
        pytest.param(
            {"emails": [{"value": "a@vidu.example", "verified": True}]}, True, id="M03-put-verified"
        ),
        pytest.param({"kind": "citizen"}, True, id="M03-put-kind"),
        pytest.param({"personal_number": "079190999444"}, True, id="M03-put-personal-number"),
    ],
)
async def test_a_put_or_a_post_gives_nothing_that_no_register_decides(
    world: World, k1: Register, member: dict[str, Any], refused: bool
) -> None:
    """Read-only attributes are passed over (RFC 7644 §3.5.1); unknown ones are told."""
    user = await k1.made("can.bo")
    for method, path, name in (("PUT", f"/Users/{user['id']}", "can.bo"), ("POST", "/Users", "b2")):
        body = {"schemas": [USER], "userName": name} | member
        response = await k1.ask(method, path, body)
        if refused:
            assert kind_of(response)[0] == 400
            continue
        shown = response.json()
        assert response.status_code in (200, 201)
        assert not shown.get("roles")
        assert not shown.get("groups")


@pytest.mark.parametrize("value", [True, False])
async def test_nobody_else_is_switched_on_or_off(world: World, k1: Register, value: bool) -> None:
    """M03 active of root: a citizen's subject is no id here, and reads as not there."""
    for subject in (world.alice.account.subject, world.dora.account.subject):
        operation = {"op": "replace", "path": "active", "value": value}
        assert kind_of(await k1.patch(f"/Users/{subject}", operation))[0] == 404
    states = rows(world, "SELECT enabled, COUNT(*) FROM subject GROUP BY enabled ORDER BY enabled")
    assert states == [(0, 1), (1, 3)]


@pytest.mark.parametrize("way", ["other-value", "other-ref", "ref-alone", "citizen", "foreign"])
async def test_a_group_holds_only_users_of_its_own_connector(
    world: World, k1: Register, k2: Register, way: str
) -> None:
    """M03 `$ref`: it must say what the value says; M03 groups of root."""
    own, other = await k1.made("can.bo.1"), await k2.made("can.bo.2")
    group = await k1.group("Văn phòng", own["id"])
    ref = f"https://id.test/scim/v2/Users/{other['id']}"
    member = {
        "other-value": {"value": other["id"]},
        "other-ref": {"value": own["id"], "$ref": ref},
        "ref-alone": {"$ref": ref},
        "citizen": {"value": world.alice.account.subject},
        "foreign": {"value": own["id"], "$ref": f"https://evil.test/scim/v2/Users/{own['id']}"},
    }[way]
    # Written anew, so that `$ref` of an entry that is there already is not at stake.
    removed = await k1.patch(f"/Groups/{group['id']}", {"op": "remove", "path": "members"})
    assert removed.status_code == 200
    operation = {"op": "add", "path": "members", "value": [member]}
    assert kind_of(await k1.patch(f"/Groups/{group['id']}", operation))[0] == 400
    body = {"schemas": group["schemas"], "displayName": "Văn phòng", "members": [member]}
    assert kind_of(await k1.ask("PUT", f"/Groups/{group['id']}", body))[0] == 400
    assert not (await k2.ask("GET", f"/Users/{other['id']}")).json().get("groups")
    assert rows(world, "SELECT * FROM scim_member") == []


# --- M04: one connector, another one's accounts --------------------------------------------------


async def test_a_connector_cannot_read_change_or_delete_what_another_one_made(
    world: World, k1: Register, k2: Register
) -> None:
    """M04, by id."""
    theirs = await k2.made("can.bo.2", externalId="nv-2")
    group = await k2.group("Tổ công tác", theirs["id"])
    put = {"schemas": [USER], "userName": "khac"}
    off = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": False}]}
    for path, shown in ((f"/Users/{theirs['id']}", theirs), (f"/Groups/{group['id']}", group)):
        for method, body in (("GET", None), ("PUT", put), ("PATCH", off), ("DELETE", None)):
            response = await k1.ask(method, path, body, if_match="*")
            assert response.status_code in (400, 404), (method, response.text)
            if method in ("GET", "DELETE"):
                assert response.status_code == 404
        after = (await k2.ask("GET", path)).json()
        assert after["id"] == shown["id"]
        assert after["meta"]["version"] == 'W/"1"'


@pytest.mark.parametrize(
    "wanted",
    [
        'userName eq "can.bo.2"', 'USERNAME eq "CAN.BO.2"', 'externalId eq "nv-2"', "userName pr",
        'id eq "{id}"', 'userName sw "can"', 'not (userName eq "x")', "active eq true or active eq false",
        'meta.resourceType eq "User"', "groups pr", f'{USER}:userName eq "can.bo.2"',
        'schemas eq "' + USER + '"',
    ],
)  # fmt: skip
async def test_no_filter_finds_what_another_connector_made(
    world: World, k1: Register, k2: Register, wanted: str
) -> None:
    """M04, by filter: in the list, in the search of one type, and in that of all."""
    theirs = await k2.made("can.bo.2", externalId="nv-2")
    await k2.group("Tổ công tác", theirs["id"])
    text = wanted.format(id=theirs["id"])
    assert await k1.found(text) == []
    search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": text}
    for place in ("/Users/.search", "/.search"):
        found = await k1.ask("POST", place, search)
        assert found.status_code == 200, found.text
        assert found.json()["totalResults"] == 0


async def test_no_bulk_request_reaches_what_another_connector_made(
    world: World, k1: Register, k2: Register
) -> None:
    theirs = await k2.made("can.bo.2")
    path = f"/Users/{theirs['id']}"
    operations: list[dict[str, Any]] = [
        {"method": "DELETE", "path": path},
        {"method": "DELETE", "path": path.lstrip("/")},
        {"method": "DELETE", "path": f"/Groups/..{path}"},
        {"method": "PUT", "path": path, "data": {"schemas": [USER], "userName": "x"}},
    ]
    response = await k1.ask("POST", "/Bulk", {"schemas": [BULK], "Operations": operations})
    assert [each["status"] for each in response.json()["Operations"]] == ["404"] * 4
    assert (await k2.ask("GET", path)).json() == theirs


async def test_an_id_that_is_sent_is_not_the_id_that_is_given(
    world: World, k1: Register, k2: Register
) -> None:
    """M04: an account that is created under somebody's id is a new one all the same."""
    theirs = await k2.made("can.bo.2")
    for taken in (theirs["id"], world.alice.account.subject):
        made = await k1.made(f"nv-{taken[:8]}", id=taken, meta={"version": 'W/"7"'})
        assert made["id"] != taken
        assert made["meta"]["version"] == 'W/"1"'
    assert (await k2.ask("GET", f"/Users/{theirs['id']}")).json() == theirs


@pytest.mark.parametrize("taken", ["c1", "portal", "hr"])
def test_a_connector_is_never_named_like_a_client_or_a_system(
    tmp_path: Path, world: World, taken: str
) -> None:
    """M04: where names were shared, one could be taken for the other."""
    path = write_config(tmp_path, "sqlite:///unused.sqlite")
    with path.open("a", encoding="utf-8") as file:
        file.write(f'\n[scim.connectors.{taken}]\ntokens = [{{ env = "SECRET_2" }}]\n')
    with pytest.raises(ConfigurationRefused) as refused:
        load_settings(path, ENVIRONMENT)
    assert [problem.key for problem in refused.value.problems] == [f"scim.connectors.{taken}"]


# --- M06: one name, one account ------------------------------------------------------------------

TWINS = [
    pytest.param("ALICE.Ánh", id="M06-case"),
    pytest.param("ａｌｉｃｅ.ánh", id="M06-full-width"),
    pytest.param(unicodedata.normalize("NFD", "alice.ánh"), id="M06-decomposed"),
    pytest.param("  alice.ánh ", id="M06-spaces"),
]


@pytest.mark.parametrize("twin", TWINS)
async def test_twins_of_a_user_name_are_one_name(
    world: World, k1: Register, k2: Register, twin: str
) -> None:
    """M06: whoever made the first one, and also by renaming."""
    first = await k1.made("alice.ánh")
    assert kind_of(await k1.create(twin)) == (409, "uniqueness")
    assert kind_of(await k2.create(twin)) == (409, "uniqueness")
    other = await k2.made("khac")
    renamed = await k2.patch(
        f"/Users/{other['id']}", {"op": "replace", "path": "userName", "value": twin}
    )
    assert kind_of(renamed) == (409, "uniqueness")
    assert [each["id"] for each in await k1.found(f'userName eq "{twin}"')] == [first["id"]]


async def test_the_name_of_a_citizen_is_taken_too(world: World, k1: Register) -> None:
    assert kind_of(await k1.create("ANH.Tuyet")) == (409, "uniqueness")


async def test_of_fifty_creations_at_once_exactly_one_succeeds(
    world: World, k1: Register, k2: Register
) -> None:
    """M06, 50 parallel."""
    sent = [(k1 if n % 2 else k2).create("dong.thoi") for n in range(50)]
    statuses = sorted(response.status_code for response in await asyncio.gather(*sent))
    assert statuses == [201] + [409] * 49
    assert rows(world, "SELECT COUNT(*) FROM scim_resource") == [(1,)]
    assert rows(world, "SELECT COUNT(*) FROM subject WHERE kind = 'staff'") == [(1,)]


# --- M07: the end of an account ------------------------------------------------------------------


async def sign_in(browser: Browser, username: str) -> httpx.Response:
    page = await browser.follow(await browser.authorize(scope="openid profile offline_access"))
    return await browser.submit(page, username=username, password=PASSWORD)


async def tokens_of(browser: Browser, username: str) -> dict[str, Any]:
    code = answer(await sign_in(browser, username))["code"]
    return dict((await browser.world.redeem(code)).json())


async def sub_of(world: World, tokens: dict[str, Any]) -> str:
    response = await world.userinfo(tokens["access_token"])
    assert response.status_code == 200, response.text
    return str(response.json()["sub"])


async def nothing_runs(world: World, browser: Browser, tokens: dict[str, Any]) -> None:
    assert (await world.userinfo(tokens["access_token"])).status_code == 401
    assert not (await world.introspect(tokens["access_token"]))["active"]
    refreshed = await world.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.status_code == 400
    silent = await browser.authorize(prompt="none")
    assert answer(silent)["error"] == "login_required"


ENDINGS = [
    pytest.param("patch", id="M07-active-false"),
    pytest.param("put", id="M07-active-false-by-put"),
    pytest.param("bulk", id="M07-active-false-in-bulk"),
    pytest.param("delete", id="M07-delete"),
]


async def end(k2: Register, user: dict[str, Any], ending: str) -> None:
    path, off = f"/Users/{user['id']}", {"op": "replace", "path": "active", "value": False}
    match ending:
        case "patch":
            response = await k2.patch(path, off)
        case "put":
            body = {"schemas": [USER], "userName": user["userName"], "active": False}
            response = await k2.ask("PUT", path, body)
        case "bulk":
            data = {"schemas": [PATCH], "Operations": [off]}
            operation = {"method": "PATCH", "path": path, "data": data}
            response = await k2.ask("POST", "/Bulk", {"schemas": [BULK], "Operations": [operation]})
            assert response.json()["Operations"][0]["status"] == "200"
        case _:
            response = await k2.ask("DELETE", path)
    assert response.status_code in (200, 204)


@pytest.mark.parametrize("ending", ENDINGS)
async def test_nothing_of_an_ended_account_is_accepted_at_the_next_request(
    world: World, k2: Register, ending: str
) -> None:
    user = await k2.made("can.bo", password=PASSWORD)
    browser = world.browser()
    tokens = await tokens_of(browser, "can.bo")
    assert await sub_of(world, tokens)
    await end(k2, user, ending)
    await nothing_runs(world, browser, tokens)
    page = await sign_in(browser, "can.bo")
    assert page.status_code != 303, "the password opens nothing any more"


async def test_who_is_admitted_again_signs_in_anew_and_nothing_old_revives(
    world: World, k2: Register
) -> None:
    """M07: also the session that no system took part in, and the offline tokens."""
    user = await k2.made("can.bo", password=PASSWORD)
    browser, quiet = world.browser(), world.browser("203.0.113.8")
    tokens = await tokens_of(browser, "can.bo")
    page = await quiet.follow(await quiet.authorize())
    form = await quiet.submit(page, username="can.bo", password=PASSWORD)
    assert form.status_code == 303, "a session whose code is never redeemed"
    await end(k2, user, "patch")
    on = {"op": "replace", "path": "active", "value": True}
    assert (await k2.patch(f"/Users/{user['id']}", on)).status_code == 200
    await nothing_runs(world, browser, tokens)
    assert answer(await quiet.authorize(prompt="none"))["error"] == "login_required"
    again = await tokens_of(browser, "can.bo")
    assert await sub_of(world, again)
    await nothing_runs_of(world, tokens)


async def nothing_runs_of(world: World, tokens: dict[str, Any]) -> None:
    assert (await world.userinfo(tokens["access_token"])).status_code == 401


async def test_the_participants_are_told_when_an_account_ends(world: World, k2: Register) -> None:
    user = await k2.made("can.bo", password=PASSWORD)
    await tokens_of(world.browser(), "can.bo")
    await end(k2, user, "delete")
    assert isinstance(world.watcher, Oracle)
    for _ in range(200):
        if world.watcher.egress.urls:
            break
        await asyncio.sleep(0.01)
    assert world.watcher.egress.urls == ["https://rp1.test/backchannel"]


async def test_a_name_that_is_created_again_is_a_new_person(world: World, k2: Register) -> None:
    """M07: a new subject and a new sub; the old links stay with the tombstone."""
    user = await k2.made("can.bo", password=PASSWORD, displayName="Cán bộ cũ")
    browser = world.browser()
    old = await sub_of(world, await tokens_of(browser, "can.bo"))
    portal = {"client_id": "portal", "redirect_uri": "https://portal.test/cb", "scope": "openid"}
    assert answer(await browser.authorize(**portal))["code"]
    (subject,) = rows(world, "SELECT subject_id FROM scim_resource")[0]
    assert rows(world, "SELECT subject_id FROM link") == [(subject,)]
    await end(k2, user, "delete")
    again = await k2.made("can.bo", password=PASSWORD, displayName="Cán bộ mới")
    assert again["id"] != user["id"]
    tokens = await tokens_of(world.browser(), "can.bo")
    assert await sub_of(world, tokens) != old
    name = (await world.userinfo(tokens["access_token"])).json()["name"]
    assert name == "Cán bộ mới"
    (fresh,) = rows(world, "SELECT subject_id FROM scim_resource WHERE deleted_at IS NULL")[0]
    assert rows(world, f"SELECT COUNT(*) FROM link WHERE subject_id = '{fresh}'") == [(0,)]
    buried = rows(
        world,
        f"SELECT enabled, username_digest, password_hash FROM subject WHERE id = '{subject}'",
    )
    assert buried == [(0, None, None)]
    assert (await k2.ask("GET", f"/Users/{user['id']}")).status_code == 404


def test_the_folding_is_that_of_the_login() -> None:
    assert {fold(str(each.values[0])) for each in TWINS} == {fold("alice.ánh")}


async def test_neither_a_token_nor_a_pushed_password_is_a_way_around_a_level(
    world: World, k2: Register
) -> None:
    """P11: the token opens nothing of a person, and a password alone stays level 1."""
    await k2.made("can.bo", password=PASSWORD)
    for path in ("/userinfo", "/authorize?client_id=high&response_type=code"):
        response = await world.http.get(path, headers=k2.headers)
        assert response.status_code in (400, 401)
    high = {"client_id": "high", "redirect_uri": "https://high.test/cb", "scope": "openid"}
    browser = world.browser()
    page = await browser.follow(await browser.authorize(**high))
    after = await browser.submit(page, username="can.bo", password=PASSWORD)
    assert "code=" not in after.headers.get("location", "")
    silent = answer(await browser.authorize(prompt="none", **high))
    assert "code" not in silent
    assert silent["error"]

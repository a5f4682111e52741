"""VNConnect's shape is lenient in what it asks of a client, and in nothing else.

The clients of this shape send no PKCE, no nonce and perhaps no state; every other rule of the
authorization code holds for them as for all.
"""

import httpx
import pytest

from tests import fixtures_world
from tests.fixtures_world import CHALLENGE, SECRET_1, SECRET_2, VERIFIER, World, answer
from tests.moved_portal import CALLBACK, MOVED, asked, came_back
from tests.people import ALICE_NAME
from tests.tokens import claims_of


@pytest.fixture(autouse=True)
def _a_portal_that_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """The world of the other tests, and in it two clients of this shape."""
    monkeypatch.setattr(fixtures_world, "CONFIG", fixtures_world.CONFIG + MOVED)


async def redeemed(
    world: World, code: str, client_id: str = "moved", secret: str = SECRET_1, **changes: str
) -> httpx.Response:
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
        "client_id": client_id, "client_secret": secret,
    }  # fmt: skip
    return await world.http.post("/oauth2/token", data=form | changes)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.test/cb", "https://moved.test/cb/../x", "https://moved.test/cb?a=1",
        "https://moved.test/CB", "https://moved.test.evil.test/cb", "//evil.test", "",
        "https://rp1.test/cb", "https://moved.test/" + "a" * 10_000,
    ],
    ids=["foreign", "dots", "query", "case", "subdomain", "no-scheme", "empty", "other", "10-kB"],
)  # fmt: skip
async def test_no_address_redirects_that_is_not_registered_byte_for_byte(
    world: World, address: str
) -> None:
    response = await came_back(world.browser(), redirect_uri=address)
    assert response.status_code == 400
    assert "location" not in response.headers


@pytest.mark.parametrize("doubled", ["client_id", "redirect_uri"])
async def test_who_asks_and_where_the_answer_goes_are_said_once(world: World, doubled: str) -> None:
    query = [*asked().items(), (doubled, asked()[doubled])]
    response = await world.browser().http.get("/oauth2/authorize", params=query)
    assert response.status_code == 400
    assert "location" not in response.headers


async def test_everything_else_is_said_once_as_well(world: World) -> None:
    query = [*asked().items(), ("acr_values", "LoA2")]
    response = await world.browser().http.get("/oauth2/authorize", params=query)
    assert answer(response)["error"] == "invalid_request"


async def test_a_code_is_for_its_client_with_its_secret_and_its_address(world: World) -> None:
    browser = world.browser()
    code = answer(await came_back(browser, world.alice))["code"]
    assert (await redeemed(world, code, secret=SECRET_2)).status_code == 401
    assert (await redeemed(world, code, secret="")).status_code == 401
    for changes in ({"redirect_uri": "https://rp1.test/cb"}, {"redirect_uri": ""}):
        code = answer(await came_back(browser))["code"]
        assert (await redeemed(world, code, **changes)).json()["error"] == "invalid_grant"
    code = answer(await came_back(browser))["code"]
    stolen = await redeemed(world, code, "neighbour", SECRET_2)
    assert stolen.json()["error"] == "invalid_grant"


async def test_a_code_that_comes_again_ends_what_was_made_of_it(world: World) -> None:
    code = answer(await came_back(world.browser(), world.alice))["code"]
    tokens = (await redeemed(world, code)).json()
    assert {"access_token", "id_token", "scope", "token_type", "expires_in"} <= tokens.keys()
    assert (await redeemed(world, code)).json()["error"] == "invalid_grant"
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await world.http.post("/oauth2/userinfo", headers=headers)).status_code == 401


async def test_pkce_binds_a_client_that_sends_it(world: World) -> None:
    browser, pkce = world.browser(), {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    code = answer(await came_back(browser, world.alice, **pkce))["code"]
    assert (await redeemed(world, code)).json()["error"] == "invalid_grant"
    code = answer(await came_back(browser, **pkce))["code"]
    assert "id_token" in (await redeemed(world, code, code_verifier=VERIFIER)).json()
    code = answer(await came_back(browser))["code"]
    assert "error" in (await redeemed(world, code, code_verifier=VERIFIER)).json()


async def test_level_2_is_not_reached_without_a_second_factor(world: World) -> None:
    browser = world.browser()
    page = await came_back(browser, world.pat, acr_values="LoA2")
    assert page.status_code == 200, "a page that says so, and no code"
    assert "location" not in page.headers
    code = answer(await came_back(browser, acr_values="LoA1"))["code"]
    assert claims_of((await redeemed(world, code)).json()["id_token"])["acr"] == "LoA1"


@pytest.mark.parametrize(
    "kind", [None, "application/x-www-form-urlencoded", "application/json", "text/plain"]
)
async def test_userinfo_is_asked_by_post_with_any_content_type_and_gives_what_was_declared(
    world: World, kind: str | None
) -> None:
    code = answer(await came_back(world.browser(), world.alice))["code"]
    tokens = (await redeemed(world, code)).json()
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    if kind is not None:
        headers["content-type"] = kind
    told = await world.http.post("/oauth2/userinfo", headers=headers)
    assert told.status_code == 200, told.text
    assert told.json() == {
        "sub": claims_of(tokens["id_token"])["sub"], "LoaiTaiKhoan": "1", "HoVaTen": ALICE_NAME,
        "SoCMND": "074185999111", "NgayThangNamSinh": "19850314",
    }  # fmt: skip


async def test_a_token_in_a_body_of_another_type_opens_nothing(world: World) -> None:
    code = answer(await came_back(world.browser(), world.alice))["code"]
    token = (await redeemed(world, code)).json()["access_token"]
    refused = await world.http.post("/oauth2/userinfo", json={"access_token": token})
    assert refused.status_code == 401
    in_query = await world.http.post(f"/oauth2/userinfo?access_token={token}")
    assert in_query.status_code == 400


async def test_neighbours_may_not_look_into_or_revoke_a_token(world: World) -> None:
    code = answer(await came_back(world.browser(), world.alice))["code"]
    token = (await redeemed(world, code)).json()["access_token"]
    own = {"token": token, "client_id": "moved", "client_secret": SECRET_1}
    other = {"token": token, "client_id": "neighbour", "client_secret": SECRET_2}
    looked = await world.http.post("/oauth2/introspect", data=other)
    assert looked.json() == {"active": False}
    await world.http.post("/oauth2/revoke", data=other)
    assert (await world.http.post("/oauth2/introspect", data=own)).json()["active"] is True
    await world.http.post("/oauth2/revoke", data=own)
    assert (await world.http.post("/oauth2/introspect", data=own)).json() == {"active": False}


@pytest.mark.parametrize(
    "address", ["https://evil.test/bye", "https://moved.test/bye/", "https://rp1.test/bye"]
)
async def test_a_logout_leads_to_no_address_that_is_not_registered(
    world: World, address: str
) -> None:
    code = answer(await came_back(world.browser(), world.alice))["code"]
    hint = (await redeemed(world, code)).json()["id_token"]
    query = {"id_token_hint": hint, "post_logout_redirect_uri": address}
    refused = await world.browser().http.get("/oidc/logout", params=query)
    assert refused.status_code == 400
    assert "location" not in refused.headers

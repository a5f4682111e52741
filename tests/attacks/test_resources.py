"""Group D of the adversarial cases: userinfo, introspection, revocation."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest

from tests.fixtures_world import C1_SIGNER, ISSUER, SECRET_1, World, answer, basic


async def test_only_an_access_token_in_its_place_opens_userinfo(world: World) -> None:
    tokens = await world.browser().tokens(world.alice)
    for wrong in (tokens["id_token"], tokens["refresh_token"], "x", "at_x", "", "a.b.c"):
        assert (await world.userinfo(wrong)).status_code == 401
    assert (await world.http.get("/userinfo")).status_code == 401
    token = tokens["access_token"]
    in_query = await world.http.get(f"/userinfo?access_token={token}")
    assert in_query.status_code == 400
    both = await world.http.post(
        "/userinfo", data={"access_token": token}, headers={"authorization": f"Bearer {token}"}
    )
    assert both.status_code == 400
    in_body = await world.http.post("/userinfo", data={"access_token": token})
    assert in_body.status_code == 200
    other_scheme = await world.http.get("/userinfo", headers={"authorization": f"Token {token}"})
    assert other_scheme.status_code == 401


async def test_a_token_without_openid_is_not_for_userinfo(world: World) -> None:
    tokens = await world.browser().tokens(world.alice, scope="profile")
    response = await world.userinfo(tokens["access_token"])
    assert response.status_code == 403
    assert 'error="insufficient_scope"' in response.headers["www-authenticate"]


async def test_only_granted_scopes_and_claims_asked_for_by_name_are_released(
    world: World,
) -> None:
    wish = json.dumps({"userinfo": {"email": None}, "id_token": {"gender": {"essential": True}}})
    tokens = await world.browser().tokens(world.alice, scope="openid phone", claims=wish)
    claims = (await world.userinfo(tokens["access_token"])).json()
    assert claims["phone_number"] == "+84905999111"
    assert claims["email"] == "tuyet@vidu.example"
    assert not {"name", "birthdate", "vn_personal_id", "address"} & set(claims)
    part = tokens["id_token"].split(".")[1]
    id_claims = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert id_claims["gender"] == "female"
    assert (id_claims["nonce"], id_claims["acr"], id_claims["aud"]) == ("no-1", "LoA2", "c1")


async def test_a_claim_named_beyond_the_registration_is_not_released(world: World) -> None:
    wish = json.dumps(
        {"userinfo": {"vn_personal_id": None, "email": None}, "id_token": {"vn_personal_id": None}}
    )
    changes = {"client_id": "n1", "redirect_uri": "http://127.0.0.1/cb", "scope": "openid"}
    tokens = await world.browser().tokens(world.alice, claims=wish, **changes)
    claims = (await world.userinfo(tokens["access_token"])).json()
    assert not {"vn_personal_id", "email"} & set(claims)
    part = tokens["id_token"].split(".")[1]
    assert "vn_personal_id" not in json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def test_the_person_is_asked_about_claims_that_are_named(world: World) -> None:
    changes = {"client_id": "c2", "redirect_uri": "https://rp2.test/cb"}
    browser = world.browser()
    page = await browser.sign_in(world.alice, await browser.authorize(scope="openid", **changes))
    await browser.submit(page, decision="allow")
    silent = {"prompt": "none", "scope": "openid"} | changes
    assert "code" in answer(await browser.authorize(**silent))
    wish = json.dumps({"userinfo": {"birthdate": None}})
    refused = answer(await browser.authorize(claims=wish, **silent))
    assert refused["error"] == "consent_required"


async def test_every_standard_scope_opens_its_claims(world: World) -> None:
    tokens = await world.browser().tokens(
        world.alice, scope="openid profile email phone address vn_identity"
    )
    claims = (await world.userinfo(tokens["access_token"])).json()
    assert claims["address"] == {"formatted": "Phường Thủ Dầu Một"}
    assert claims["vn_personal_id"] == "074185999111"
    assert claims["vn_account_type"] == "citizen"


async def test_a_jwt_access_token_is_read_as_strictly_as_any(world: World) -> None:
    tokens = await world.browser().tokens(
        world.alice, client_id="k1", redirect_uri="https://rp3.test/cb"
    )
    token = tokens["access_token"]
    assert (await world.userinfo(token)).status_code == 200
    head, payload, signature = token.split(".")
    header = json.loads(urlsafe_b64decode(head + "=="))
    assert header["typ"] == "at+jwt"

    def b64(document: dict[str, object]) -> str:
        return urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()

    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert (claims["aud"], claims["client_id"]) == ("https://api.test", "k1")
    forged = [
        f"{b64({'alg': 'none', 'typ': 'at+jwt'})}.{payload}.",
        f"{head}.{b64(claims | {'scope': 'openid email'})}.{signature}",
        f"{b64(header | {'typ': 'JWT'})}.{payload}.{signature}",
        f"{b64(header | {'crit': ['x']})}.{payload}.{signature}",
        C1_SIGNER.sign("at+jwt", json.dumps(claims).encode()),
        f"{head}.{payload}.{signature[:-2]}",
    ]
    for wrong in forged:
        assert (await world.userinfo(wrong)).status_code == 401


async def test_a_revoked_token_is_inactive_everywhere(world: World) -> None:
    tokens = await world.browser().tokens(world.alice)
    assert (await world.introspect(tokens["access_token"]))["active"] is True
    assert (await world.introspect(tokens["refresh_token"]))["active"] is True
    data = {"token": tokens["access_token"]}
    revoked = await world.http.post("/revoke", data=data, headers=basic("c1", SECRET_1))
    assert revoked.status_code == 200
    assert await world.introspect(tokens["access_token"]) == {"active": False}
    assert (await world.userinfo(tokens["access_token"])).status_code == 401
    refreshed = await world.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.status_code == 200


async def test_a_revoked_refresh_token_takes_its_access_tokens_along(world: World) -> None:
    tokens = await world.browser().tokens(world.alice)
    data = {"token": tokens["refresh_token"], "token_type_hint": "access_token"}
    await world.http.post("/revoke", data=data, headers=basic("c1", SECRET_1))
    assert (await world.userinfo(tokens["access_token"])).status_code == 401
    assert await world.introspect(tokens["refresh_token"]) == {"active": False}


async def test_a_client_token_can_be_revoked_too(world: World) -> None:
    token = (await world.token(grant_type="client_credentials")).json()["access_token"]
    await world.http.post("/revoke", data={"token": token}, headers=basic("c1", SECRET_1))
    assert await world.introspect(token) == {"active": False}


@pytest.mark.parametrize("garbage", ["unknown", "at_x", "rt_x", "a.b.c"])
async def test_nobody_revokes_what_is_not_theirs(world: World, garbage: str) -> None:
    tokens = await world.browser().tokens(world.alice)
    from tests.fixtures_world import SECRET_2

    for token in (tokens["access_token"], tokens["refresh_token"], garbage):
        data = {"token": token, "client_id": "c2", "client_secret": SECRET_2}
        assert (await world.http.post("/revoke", data=data)).status_code == 200
    assert (await world.userinfo(tokens["access_token"])).status_code == 200
    huge = await world.http.post(
        "/revoke", data={"token": "x" * 1_000_000}, headers=basic("c1", SECRET_1)
    )
    assert huge.status_code == 400


async def test_a_client_sees_only_its_own_tokens_unless_it_is_a_resource_server(
    world: World,
) -> None:
    tokens = await world.browser().tokens(world.alice)
    from tests.fixtures_world import SECRET_2

    data = {"token": tokens["access_token"], "client_id": "c2", "client_secret": SECRET_2}
    assert (await world.http.post("/introspect", data=data)).json() == {"active": False}
    data = {
        "token": tokens["access_token"],
        "client_assertion": world.assertion(),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    told = (await world.http.post("/introspect", data=data)).json()
    assert (told["active"], told["client_id"], told["iss"]) == (True, "c1", ISSUER)
    public = await world.http.post("/introspect", data={"token": "x", "client_id": "n1"})
    assert public.status_code == 401


async def test_a_disabled_person_is_disabled_everywhere_at_once(world: World) -> None:
    from idp.adapters import open_stores

    tokens = await world.browser().tokens(world.alice)
    async with open_stores(world.settings, world.clock) as stores:
        await stores.accounts.set_enabled(world.alice.account.subject, enabled=False)
    assert (await world.userinfo(tokens["access_token"])).status_code == 401
    assert await world.introspect(tokens["access_token"]) == {"active": False}
    refreshed = await world.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.status_code == 400


async def test_an_expired_token_is_dead(world: World) -> None:
    tokens = await world.browser().tokens(world.alice)
    world.clock.now += 601
    assert (await world.userinfo(tokens["access_token"])).status_code == 401


async def test_sectors_see_different_subs_of_one_person(world: World) -> None:
    browser = world.browser()
    first = (await world.userinfo((await browser.tokens(world.alice))["access_token"])).json()
    other = await browser.tokens(client_id="k1", redirect_uri="https://rp3.test/cb")
    second = (await world.userinfo(other["access_token"])).json()
    assert first["sub"] != second["sub"]
    again = (await world.userinfo((await browser.tokens())["access_token"])).json()
    assert again["sub"] == first["sub"]
    assert world.alice.account.subject not in (first["sub"], second["sub"])

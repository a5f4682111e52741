"""Group D of the adversarial cases: userinfo, introspection, revocation."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from idp.adapters import key_store, open_stores, rotation_policy
from idp.app import open_service
from idp.model import ClientId, GrantType
from keys.keyring import KeyRing
from tests.fixtures_world import C1_SIGNER, ISSUER, SECRET_1, Fields, World, answer, basic
from tests.tokens import claims_of, header_of


async def test_only_an_access_token_in_its_place_opens_userinfo(world: World) -> None:
    tokens = await world.browser().tokens(world.alice)
    own = (await world.token(grant_type="client_credentials")).json()["access_token"]
    assert (await world.userinfo(own)).status_code == 403
    code = await world.browser().code(world.alice)
    browser = world.browser()
    await browser.tokens(world.alice)
    device = browser.http.cookies["__Host-lt-device"]
    page = await browser.follow(await browser.authorize(prompt="login"))
    flow = browser.http.cookies[f"__Host-lt-flow-{Fields(page.text).values['flow']}"]
    wrongs = (
        tokens["id_token"],
        tokens["refresh_token"],
        code,
        device,
        flow,
        "x",
        "at_x",
        "",
        "a.b.c",
        "x" * 9000,
    )
    for wrong in wrongs:
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


def _b64(document: dict[str, object]) -> str:
    return urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


@asynccontextmanager
async def our_ring(world: World) -> AsyncIterator[KeyRing]:
    """The provider's own keys, as a thief of them, or an operator, would hold them."""
    async with open_stores(world.settings, world.clock) as stores:
        yield await KeyRing.load(
            key_store(world.settings, stores.database),
            stores.sealer,
            rotation_policy(world.settings),
            int(world.clock.now),
        )


K1 = {"client_id": "k1", "redirect_uri": "https://rp3.test/cb"}
FORGED_CLAIMS: dict[str, tuple[str, dict[str, object]]] = {
    "control": ("at+jwt", {}),
    "D04-typ": ("JWT", {}),
    "D04-typ-of-logout": ("logout+jwt", {}),
    "D04-aud-other": ("at+jwt", {"aud": "https://other.test"}),
    "D04-aud-issuer": ("at+jwt", {"aud": ISSUER}),
    "D04-aud-list": ("at+jwt", {"aud": ["https://api.test", "https://other.test"]}),
    "D04-iss-prefix": ("at+jwt", {"iss": ISSUER[:-1]}),
    "D04-iss-longer": ("at+jwt", {"iss": ISSUER + ".evil.test"}),
    "D04-iss-substring": ("at+jwt", {"iss": "id.test"}),
    "D04-iss-list": ("at+jwt", {"iss": [ISSUER]}),
    "expired": ("at+jwt", {"exp": 1}),
    "other-client": ("at+jwt", {"client_id": "c1"}),
    "opaque-client": ("at+jwt", {"client_id": "c1", "aud": ISSUER}),
    "no-jti": ("at+jwt", {"jti": None}),
    "jti-of-nothing": ("at+jwt", {"jti": "at_x"}),
}


@pytest.mark.parametrize(("typ", "changes"), FORGED_CLAIMS.values(), ids=FORGED_CLAIMS)
async def test_a_jwt_access_token_signed_by_us_still_has_to_be_an_access_token_for_its_audience(
    world: World, typ: str, changes: dict[str, object], request: pytest.FixtureRequest
) -> None:
    token = (await world.browser().tokens(world.alice, **K1))["access_token"]
    claims = {k: v for k, v in (claims_of(token) | changes).items() if v is not None}
    async with our_ring(world) as ring:
        forged = ring.signer("ES256").sign(typ, json.dumps(claims).encode())
    expected = 200 if "control" in request.node.name else 401
    assert (await world.userinfo(forged)).status_code == expected


@pytest.mark.parametrize(
    "forge",
    [
        lambda head, payload, _: f"{_b64({'alg': 'none', 'typ': 'at+jwt'})}.{payload}.",
        lambda head, payload, signature: f"{head}.{payload}.{signature[:-2]}",
        lambda head, payload, signature: f"{head}.{payload}.",
        lambda head, payload, signature: f"{head}.{payload[:-4]}AAAA.{signature}",
    ],
    ids=["D04-none", "D04-cut", "D04-unsigned", "D04-payload-edited"],
)
async def test_a_jwt_access_token_that_was_touched_is_refused(
    world: World, forge: Callable[[str, str, str], str]
) -> None:
    token = (await world.browser().tokens(world.alice, **K1))["access_token"]
    assert (await world.userinfo(token)).status_code == 200
    assert header_of(token)["typ"] == "at+jwt"
    assert (await world.userinfo(forge(*token.split(".")))).status_code == 401


async def test_a_jwt_access_token_of_a_key_that_is_gone_is_refused(world: World) -> None:
    """D04: the kid of a retired key, and a key that was never ours."""
    token = (await world.browser().tokens(world.alice, **K1))["access_token"]
    stranger = C1_SIGNER.sign("at+jwt", json.dumps(claims_of(token)).encode())
    assert (await world.userinfo(stranger)).status_code == 401
    async with our_ring(world) as ring:
        await ring.revoke(str(header_of(token)["kid"]), int(world.clock.now))
    async with open_service(world.settings, world.clock) as restarted:
        world.app = restarted
        assert (await world.userinfo(token)).status_code == 401
        data = {"token": token} | _k1(world)
        assert (await world.http.post("/introspect", data=data)).json() == {"active": False}


def _k1(world: World) -> dict[str, str]:
    return {
        "client_assertion": world.assertion(),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }


async def test_a_jwt_access_token_says_what_rfc_9068_asks_of_it(world: World) -> None:
    token = (await world.browser().tokens(world.alice, **K1))["access_token"]
    claims = claims_of(token)
    required = {"iss", "exp", "aud", "sub", "client_id", "iat", "jti", "scope"}
    assert required | {"auth_time", "acr", "amr"} == set(claims)
    assert (claims["iss"], claims["aud"], claims["client_id"]) == (ISSUER, "https://api.test", "k1")
    assert claims["acr"] == "LoA2"
    assert claims["sub"] == (await world.userinfo(token)).json()["sub"]
    own = (await world.token("k1", grant_type="client_credentials")).json()["access_token"]
    assert required == set(claims_of(own)), "nobody authenticated for a client of its own"


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


@asynccontextmanager
async def changed(world: World, client_id: str, **changes: object) -> AsyncIterator[None]:
    """The same provider after one registration was changed and the node restarted."""
    before = world.app
    client = replace(world.settings.clients[ClientId(client_id)], **changes)
    clients = {**world.settings.clients, client.client_id: client}
    async with open_service(replace(world.settings, clients=clients), world.clock) as restarted:
        world.app = restarted
        yield
        world.app = before


async def test_what_a_disabled_client_holds_is_dead(world: World) -> None:
    tokens = await world.browser().tokens(world.alice)
    own = (await world.token(grant_type="client_credentials")).json()["access_token"]
    async with changed(world, "c1", disabled=True):
        assert (await world.userinfo(tokens["access_token"])).status_code == 401
        for token in (tokens["access_token"], own):
            told = await world.http.post("/introspect", data={"token": token} | _k1(world))
            assert told.json() == {"active": False}
        told = await world.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        assert (told.status_code, told.json()["error"]) == (401, "invalid_client")
    assert (await world.userinfo(tokens["access_token"])).status_code == 200


async def test_a_disabled_client_with_a_key_is_refused(world: World) -> None:
    async with changed(world, "k1", disabled=True):
        told = await world.token("k1", grant_type="client_credentials")
        assert (told.status_code, told.json()["error"]) == (401, "invalid_client")


async def test_a_grant_taken_from_the_registration_cannot_be_used(world: World) -> None:
    tokens = await world.browser().tokens(world.alice)
    code = await world.browser().code(world.alice)
    async with changed(world, "c1", grant_types=frozenset({GrantType.CLIENT_CREDENTIALS})):
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        for told in (await world.redeem(code), await world.token(**refresh)):
            assert (told.status_code, told.json()["error"]) == (400, "unauthorized_client")


async def test_an_older_refresh_token_is_inactive(world: World) -> None:
    tokens = await world.browser().tokens(world.alice)
    await world.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert await world.introspect(tokens["refresh_token"]) == {"active": False}
    assert (await world.introspect(tokens["access_token"]))["active"] is True


async def test_nobody_is_asked_about_a_claim_that_the_client_cannot_have(world: World) -> None:
    changes = {"client_id": "c2", "redirect_uri": "https://rp2.test/cb", "scope": "openid"}
    browser = world.browser()
    page = await browser.sign_in(world.alice, await browser.authorize(**changes))
    await browser.submit(page, decision="allow")
    wish = json.dumps({"userinfo": {"vn_personal_id": None}})
    assert "code" in answer(await browser.authorize(prompt="none", claims=wish, **changes))

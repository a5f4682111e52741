"""What the specifications ask of a provider beyond refusing: the small print, each with a test."""

import json

import pytest

from idp.model import ClientId, GrantType
from tests.fixtures_world import ISSUER, SECRET_1, Fields, World, answer, basic
from tests.tokens import claims_of


async def test_max_age_of_zero_asks_for_a_new_sign_in_in_the_same_second(world: World) -> None:
    """OIDC Core §3.1.2.1: as prompt=login."""
    browser = world.browser()
    await browser.tokens(world.alice)
    assert answer(await browser.authorize(prompt="none", max_age="0"))["error"] == "login_required"
    tokens = await browser.tokens(world.alice, max_age="0")
    assert claims_of(tokens["id_token"])["auth_time"] == int(world.clock.now)


@pytest.mark.parametrize(
    ("acr", "error"),
    [
        ({"essential": True, "values": ["urn:unknown"]}, "unmet_authentication_requirements"),
        ({"essential": True, "value": "urn:unknown"}, "unmet_authentication_requirements"),
        ({"essential": True, "values": ["urn:unknown", "LoA1"]}, None),
        ({"essential": True}, None),
        ({"values": ["urn:unknown"]}, None),
        (None, None),
    ],
)
async def test_an_essential_level_that_nobody_knows_cannot_be_met(
    world: World, acr: object, error: str | None
) -> None:
    """OIDC Core §5.5.1.1."""
    browser = world.browser()
    await browser.tokens(world.alice)
    wish = json.dumps({"id_token": {"acr": acr}})
    told = answer(await browser.authorize(claims=wish))
    assert told.get("error") == error
    assert ("code" in told) is (error is None)


async def test_a_claims_request_for_one_sub_answers_for_nobody_else(world: World) -> None:
    """OIDC Core §5.5.1: `sub` with a value names the person."""
    browser = world.browser()
    sub = claims_of((await browser.tokens(world.alice))["id_token"])["sub"]
    mine = json.dumps({"id_token": {"sub": {"value": sub}}})
    assert "code" in answer(await browser.authorize(claims=mine, prompt="none"))
    other = json.dumps({"userinfo": {"sub": {"value": "somebody-else"}}})
    assert answer(await browser.authorize(claims=other, prompt="none"))["error"] == "login_required"


@pytest.mark.parametrize("resource", ["https://other.test", "https://api.test/", "x"])
async def test_a_resource_that_is_not_registered_is_an_invalid_target(
    world: World, resource: str
) -> None:
    """RFC 8707 §2, at both endpoints."""
    k1 = {"client_id": "k1", "redirect_uri": "https://rp3.test/cb"}
    browser = world.browser()
    assert answer(await browser.authorize(resource=resource, **k1))["error"] == "invalid_target"
    assert answer(await browser.authorize(resource=resource))["error"] == "invalid_target"
    told = await world.token("k1", grant_type="client_credentials", resource=resource)
    assert (told.status_code, told.json()["error"]) == (400, "invalid_target")
    code = await browser.code(world.alice, resource="https://api.test", **k1)
    tokens = await world.redeem(code, "k1", resource="https://api.test")
    assert claims_of(tokens.json()["access_token"])["aud"] == "https://api.test"


async def _scope(world: World, **changes: str | None) -> str:
    return str((await world.browser().tokens(world.alice, **changes))["scope"])


async def test_offline_access_needs_a_question_or_a_registration(world: World) -> None:
    """OIDC Core §11: without either it is ignored, and the grant ends with the session."""
    wish = {"scope": "openid offline_access"}
    assert await _scope(world, **wish) == "openid"
    browser = world.browser()
    start = await browser.authorize(prompt="consent", **wish)
    page = await browser.sign_in(world.alice, start)
    code = answer(await browser.submit(page, decision="allow"))["code"]
    tokens = (await world.redeem(code)).json()
    assert tokens["scope"] == "openid offline_access"
    hint = tokens["id_token"]
    await browser.http.get("/logout", params={"id_token_hint": hint})
    refreshed = await world.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.status_code == 200, "it outlives the session"
    again = await world.token(
        grant_type="refresh_token", refresh_token=refreshed.json()["refresh_token"], scope="profile"
    )
    assert again.json()["error"] == "invalid_scope"


async def test_offline_access_is_ignored_for_a_client_that_may_not_refresh(world: World) -> None:
    k1 = {
        "client_id": "k1",
        "redirect_uri": "https://rp3.test/cb",
        "scope": "openid offline_access",
    }
    tokens = await world.browser().tokens(world.alice, **k1)
    assert tokens["scope"] == "openid"
    assert "refresh_token" not in tokens
    assert GrantType.REFRESH_TOKEN not in world.settings.clients[ClientId("k1")].grant_types


async def test_a_refreshed_id_token_speaks_of_the_same_sign_in(world: World) -> None:
    """OIDC Core §12.2: same iss, sub, aud, auth_time; a new iat; no nonce."""
    first = await world.browser().tokens(world.alice)
    world.clock.now += 100
    told = await world.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    before, after = claims_of(first["id_token"]), claims_of(told.json()["id_token"])
    for name in ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid"):
        assert after[name] == before[name]
    assert after["iat"] > before["iat"]
    assert "nonce" not in after
    assert after["at_hash"] != before["at_hash"]


async def test_an_introspected_token_names_its_audience(world: World) -> None:
    """RFC 7662 §2.2: a resource server must see whether a token was meant for it."""
    mine = await world.browser().tokens(world.alice)
    assert (await world.introspect(mine["access_token"]))["aud"] == ISSUER
    own = (await world.token(grant_type="client_credentials")).json()["access_token"]
    assert (await world.introspect(own))["aud"] == ISSUER


@pytest.mark.parametrize("path", ["/token", "/userinfo", "/revoke"])
async def test_what_decides_by_the_request_alone_answers_any_origin(
    world: World, path: str
) -> None:
    origin = {"origin": "https://spa.test"}
    asked = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
    }
    preflight = await world.http.options(path, headers=origin | asked)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-headers"] == "authorization, content-type"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    told = await world.http.post(path, data={"client_id": "n1"}, headers=origin)
    for response in (preflight, told):
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers
    assert "access-control-allow-origin" not in (await world.http.post(path)).headers
    assert (await world.http.options(path)).status_code == 405


@pytest.mark.parametrize(
    "path", ["/authorize", "/sign-in", "/logout", "/ticket", "/introspect", "/"]
)
async def test_what_reads_a_cookie_or_a_secret_answers_no_origin(world: World, path: str) -> None:
    headers = {"origin": "https://evil.test", "access-control-request-method": "POST"}
    for method in ("OPTIONS", "GET", "POST"):
        response = await world.http.request(method, path, headers=headers)
        assert not [name for name in response.headers if name.startswith("access-control")]
        assert method != "OPTIONS" or response.status_code == 405


async def test_both_discovery_documents_are_one_and_true(world: World) -> None:
    """OIDC Discovery §3, RFC 8414 §2. An issuer has no path here, so RFC 8414 §3.1 adds none."""
    first = (await world.http.get("/.well-known/openid-configuration")).json()
    second = (await world.http.get("/.well-known/oauth-authorization-server")).json()
    assert first == second
    required = {
        "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported",
        "subject_types_supported", "id_token_signing_alg_values_supported",
    }  # fmt: skip
    assert required <= set(first)
    assert "RS256" in first["id_token_signing_alg_values_supported"]
    for name, address in first.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            path = address.removeprefix(ISSUER)
            assert (await world.http.request("PATCH", path)).status_code == 405, f"{name} is routed"
    told = await world.http.get("/jwks")
    assert told.headers["cache-control"] == "public, max-age=600"
    assert told.headers["content-type"] == "application/jwk-set+json"
    assert told.headers["access-control-allow-origin"] == "*"


async def test_an_error_by_form_carries_state_and_iss_too(world: World) -> None:
    """RFC 9207 §2 in every mode, for answers and for errors."""
    response = await world.browser().authorize(response_mode="form_post", prompt="none")
    told = Fields(response.text)
    assert told.actions == ["https://rp1.test/cb"]
    assert told.values["error"] == "login_required"
    assert (told.values["state"], told.values["iss"]) == ("st-1", ISSUER)


async def test_a_secret_is_form_encoded_before_it_is_basic(world: World) -> None:
    """RFC 6749 §2.3.1: both spellings of the same secret are one."""
    encoded = SECRET_1.replace("-", "%2D").replace("a", "%61")
    form = {"grant_type": "client_credentials"}
    for spelled in (SECRET_1, encoded):
        told = await world.http.post("/token", data=form, headers=basic("c1", spelled))
        assert told.status_code == 200
    told = await world.http.post("/token", data=form, headers=basic("%631", SECRET_1))
    assert told.status_code == 200

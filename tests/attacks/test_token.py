"""Group B of the adversarial cases: the token endpoint."""

import asyncio
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from idp.app import open_service
from idp.model import ClientId
from tests.fixtures_world import (
    C1_JWKS,
    C1_KEY,
    CHALLENGE,
    ISSUER,
    SECRET_1,
    SECRET_2,
    VERIFIER,
    Fields,
    World,
    basic,
)
from tests.tokens import claims_of

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def refused(response: object, status: int, code: str) -> bool:
    return (response.status_code, response.json()["error"]) == (status, code)  # type: ignore[attr-defined]


async def test_a_code_gives_tokens_that_speak_of_the_person(world: World) -> None:
    tokens = await world.browser().tokens(world.alice)
    assert tokens["token_type"] == "Bearer"
    assert tokens["access_token"].startswith("at_")
    claims = (await world.userinfo(tokens["access_token"])).json()
    assert claims["name"] == world.alice.account.attributes.full_name
    assert "vn_personal_id" not in claims


async def test_a_code_used_twice_is_refused_and_revokes_what_it_gave(world: World) -> None:
    code = await world.browser().code(world.alice)
    first = (await world.redeem(code)).json()
    world.clock.now += 1
    assert refused(await world.redeem(code), 400, "invalid_grant")
    assert (await world.userinfo(first["access_token"])).status_code == 401
    again = await world.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert refused(again, 400, "invalid_grant")


async def test_of_fifty_parallel_redemptions_at_most_one_gives_tokens(world: World) -> None:
    code = await world.browser().code(world.alice)
    answers = await asyncio.gather(*(world.redeem(code) for _ in range(50)))
    assert sorted(a.status_code for a in answers) == [200] + [400] * 49


async def test_a_code_belongs_to_its_client(world: World) -> None:
    code = await world.browser().code(world.alice)
    address = "https://rp1.test/cb"
    assert refused(await world.redeem(code, "c2", address), 400, "invalid_grant")
    assert (await world.redeem(code)).status_code == 200


async def test_a_body_that_names_another_client_is_refused(world: World) -> None:
    """B03: by Basic and by assertion; nothing of the request is believed over the proof."""
    code = await world.browser().code(world.alice)
    form = {"grant_type": "authorization_code", "code": code, "client_id": "c2"}
    told = await world.http.post("/token", data=form, headers=basic("c1", SECRET_1))
    assert refused(told, 400, "invalid_grant")
    assert (await world.redeem(code)).status_code == 200
    changes = {"client_id": "k1", "redirect_uri": "https://rp3.test/cb"}
    code = await world.browser().code(world.alice, **changes)
    form = {"grant_type": "authorization_code", "code": code, "client_id": "c1"} | {
        "client_assertion": world.assertion(), "client_assertion_type": ASSERTION_TYPE,
    }  # fmt: skip
    assert refused(await world.http.post("/token", data=form), 400, "invalid_grant")
    other = {"grant_type": "client_credentials", "client_id": "c2"}
    told = await world.http.post("/token", data=other, headers=basic("c1", SECRET_1))
    assert refused(told, 400, "invalid_request")


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://rp1.test/other"},
        {"code_verifier": None},
        {"code_verifier": "w" * 43},
        {"code_verifier": "v" * 42},
        {"code_verifier": "v" * 129},
        {"code_verifier": CHALLENGE},
    ],
    ids=[
        "B04-other-address", "B04-no-verifier", "B04-wrong-verifier", "short-verifier",
        "B04-129-characters", "B04-the-challenge",
    ],
)  # fmt: skip
async def test_a_redemption_must_fit_its_request(
    world: World, changes: dict[str, str | None]
) -> None:
    code = await world.browser().code(world.alice)
    assert refused(await world.redeem(code, **changes), 400, "invalid_grant")
    assert (await world.redeem(code)).status_code == 200, "a failed attempt must not burn the code"


async def test_a_code_without_the_address_it_was_issued_for_is_refused(world: World) -> None:
    code = await world.browser().code(world.alice)
    told = await world.token(grant_type="authorization_code", code=code, code_verifier=VERIFIER)
    assert refused(told, 400, "invalid_grant")


async def test_a_verifier_without_a_challenge_is_a_downgrade(world: World) -> None:
    browser = world.browser()
    start = await browser.authorize(
        client_id="c2", redirect_uri="https://rp2.test/cb", code_challenge=None,
        code_challenge_method=None,
    )  # fmt: skip
    page = await browser.sign_in(world.alice, start)
    response = await browser.submit(page, decision="allow")
    code = response.headers["location"].partition("code=")[2].partition("&")[0]
    assert refused(await world.redeem(code, "c2"), 400, "invalid_grant")
    assert (await world.redeem(code, "c2", code_verifier=None)).status_code == 200


async def test_a_code_of_a_minute_ago_is_dead(world: World) -> None:
    code = await world.browser().code(world.alice)
    world.clock.now += 61
    assert refused(await world.redeem(code), 400, "invalid_grant")


async def test_the_gate_is_asked_again_at_redemption(world: World) -> None:
    from idp.adapters import open_stores

    code = await world.browser().code(world.alice)
    async with open_stores(world.settings, world.clock) as stores:
        await stores.accounts.set_enabled(world.alice.account.subject, enabled=False)
    assert refused(await world.redeem(code), 400, "invalid_grant")


async def test_wrong_secrets_are_slowed_for_their_own_address_only(world: World) -> None:
    async def guess() -> int:
        form = {"grant_type": "client_credentials"}
        headers = basic("c1", "x" * 40)
        return (await world.http.post("/token", data=form, headers=headers)).status_code

    statuses = [await guess() for _ in range(20)]
    assert statuses[:10] == [401] * 10
    assert set(statuses[10:]) == {429}
    real = world.browser("192.0.2.99").http
    form = {"grant_type": "client_credentials"}
    response = await real.post("/token", data=form, headers=basic("c1", SECRET_1))
    assert response.status_code == 200


async def failed_authentication(world: World, address: str, client_id: str) -> int:
    form = {"grant_type": "client_credentials"}
    headers = basic(client_id, "x" * 40)
    return (
        await world.browser(address).http.post("/token", data=form, headers=headers)
    ).status_code


async def test_made_up_clients_share_one_counter_and_hold_no_client_up(world: World) -> None:
    address = "192.0.2.40"
    statuses = [await failed_authentication(world, address, f"made-up-{n}") for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    form = {"grant_type": "client_credentials"}
    own = await world.browser(address).http.post("/token", data=form, headers=basic("c1", SECRET_1))
    assert own.status_code == 200


async def test_a_whole_ipv6_network_guesses_as_one_address(world: World) -> None:
    statuses = [
        await failed_authentication(world, f"2001:db8:0:7::{n:x}", "c1") for n in range(1, 13)
    ]
    assert statuses == [401] * 10 + [429] * 2
    assert await failed_authentication(world, "2001:db8:0:8::1", "c1") == 401


@pytest.mark.parametrize(
    ("form", "headers", "status", "code"),
    [
        ({"client_id": "c1", "client_secret": SECRET_1}, basic("c1", SECRET_1), 400, "invalid_request"),
        ({"client_id": "c1", "client_secret": SECRET_1}, {}, 401, "invalid_client"),
        ({"client_id": "c2", "client_secret": SECRET_1}, {}, 401, "invalid_client"),
        ({}, basic("c2", SECRET_2), 401, "invalid_client"),
        ({"client_id": "c1"}, {}, 401, "invalid_client"),
        ({"client_id": "x1"}, {}, 401, "invalid_client"),
        ({}, basic("x1", SECRET_1), 401, "invalid_client"),
        ({}, {}, 401, "invalid_client"),
        ({"client_assertion": "a.b.c"}, {}, 401, "invalid_client"),
        ({"client_assertion": "a.b.c", "client_assertion_type": ASSERTION_TYPE}, {}, 401, "invalid_client"),
        ({"client_id": "k1", "client_secret": SECRET_1}, {}, 401, "invalid_client"),
        ({"client_id": "k1"}, {}, 401, "invalid_client"),
        ({"client_assertion": "a.b.c", "client_secret": "x"}, {}, 400, "invalid_request"),
        ({"client_assertion": "a.b.c"}, basic("c1", SECRET_1), 400, "invalid_request"),
        ({}, basic("c1", ""), 401, "invalid_client"),
    ],
    ids=[
        "B07-two-ways", "B07-basic-client-by-post", "wrong-secret", "post-client-by-basic",
        "B07-basic-client-as-public", "disabled-as-public", "disabled", "nothing",
        "no-assertion-type", "garbage-assertion", "B07-key-client-by-post",
        "B07-key-client-as-public", "B07-assertion-and-secret", "B07-assertion-and-basic",
        "empty-secret",
    ],
)  # fmt: skip
async def test_a_client_authenticates_in_its_registered_way_and_in_one(
    world: World, form: dict[str, str], headers: dict[str, str], status: int, code: str
) -> None:
    data = {"grant_type": "client_credentials"} | form
    assert refused(await world.http.post("/token", data=data, headers=headers), status, code)


@pytest.mark.parametrize(
    "header",
    [b"Basic", b"Basic  x", b"Basic \xff\xfe", b"Basic /w==", b"Basic YWJj", b"Bearer x",
     b"Basic " + b"A" * 65536, b"", b"Basic\tYzE6eA==", b"Basic YzE6eA== x"],
    ids=["B08-bare", "B08-two-spaces", "B08-not-latin", "B08-not-utf-8", "B08-no-colon", "other-scheme",
         "B08-64-kB", "empty", "tab", "trailing"],
)  # fmt: skip
async def test_a_malformed_authorization_header_is_a_refusal(world: World, header: bytes) -> None:
    response = await world.http.post(
        "/token", data={"grant_type": "client_credentials"}, headers=[(b"authorization", header)]
    )
    assert response.status_code in (400, 401)


async def test_two_authorization_headers_are_one_too_many(world: World) -> None:
    value = basic("c1", SECRET_1)["authorization"].encode()
    response = await world.http.post(
        "/token",
        data={"grant_type": "client_credentials"},
        headers=[(b"authorization", value), (b"authorization", value)],
    )
    assert refused(response, 400, "invalid_request")


async def _with_assertion(world: World, assertion: str) -> object:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }
    return await world.http.post("/token", data=form)


def _forged(world: World, header: dict[str, object], key: bytes | None) -> str:
    payload = world.assertion().split(".")[1]
    signed = f"{_b64(json.dumps(header).encode())}.{payload}"
    signature = _b64(hmac.digest(key, signed.encode(), "sha256")) if key is not None else ""
    return f"{signed}.{signature}"


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "HS256", "RS256", "ES384"])
async def test_an_assertion_cannot_choose_its_algorithm(world: World, alg: str) -> None:
    public = C1_KEY.public_key()
    keys = (
        None, b"", C1_JWKS.encode(), json.dumps(json.loads(C1_JWKS)["keys"][0]).encode(),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.loads(C1_JWKS)["keys"][0]["x"].encode(),
    )  # fmt: skip
    for key in keys:
        forged = _forged(world, {"alg": alg, "typ": "JWT"}, key)
        assert refused(await _with_assertion(world, forged), 401, "invalid_client")
        world.clock.now += 301


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signed(header: bytes, payload: bytes) -> str:
    """A JWS with any header at all, and a signature that fits it."""
    signing_input = f"{_b64(header)}.{_b64(payload)}".encode()
    r, s = decode_dss_signature(C1_KEY.sign(signing_input, ECDSA(SHA256())))
    return f"{signing_input.decode()}.{_b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


HEADERS = {
    "control": (b'{"alg":"ES256"}', 200),
    "B11-crit": (b'{"alg":"ES256","crit":["x"],"x":1}', 401),
    "B11-crit-empty": (b'{"alg":"ES256","crit":[]}', 401),
    "B11-b64": (b'{"alg":"ES256","b64":false,"crit":["b64"]}', 401),
    "B11-b64-alone": (b'{"alg":"ES256","b64":false}', 401),
    "B11-doubled-alg": (b'{"alg":"none","alg":"ES256"}', 401),
    "embedded-key": (b'{"alg":"ES256","jwk":{}}', 401),
    "key-address": (b'{"alg":"ES256","jku":"https://evil.test/"}', 401),
    "zip": (b'{"alg":"ES256","zip":"DEF"}', 401),
    "other-typ": (b'{"alg":"ES256","typ":"at+jwt"}', 401),
    "logout-typ": (b'{"alg":"ES256","typ":"logout+jwt"}', 401),
    "its-own-typ": (b'{"alg":"ES256","typ":"client-authentication+jwt"}', 200),
    "thumbprint": (b'{"alg":"ES256","typ":"JWT","x5t":"c2hhMQ","x5t#S256":"c2hhMjU2"}', 200),
    "unknown-member": (b'{"alg":"ES256","vendor":{"a":1}}', 200),
    "certificates": (b'{"alg":"ES256","x5c":["MIIB"]}', 401),
}


@pytest.mark.parametrize(("header", "status"), HEADERS.values(), ids=HEADERS)
async def test_a_header_of_an_assertion_changes_no_rule(
    world: World, header: bytes, status: int
) -> None:
    payload = urlsafe_b64decode(world.assertion().split(".")[1] + "==")
    assert (await _with_assertion(world, _signed(header, payload))).status_code == status


async def test_a_doubled_claim_of_an_assertion_is_refused(world: World) -> None:
    """B11: whichever of the two a reader would take."""
    payload = urlsafe_b64decode(world.assertion().split(".")[1] + "==")
    for doubled in (b'"aud":"https://other.test",', b'"sub":"k1",'):
        forged = _signed(b'{"alg":"ES256"}', b"{" + doubled + payload[1:])
        assert refused(await _with_assertion(world, forged), 401, "invalid_client")


async def test_an_assertion_in_json_form_is_refused(world: World) -> None:
    """B11: an unprotected header has no place to stand in."""
    head, payload, signature = world.assertion().split(".")
    general = {
        "payload": payload,
        "signatures": [{"protected": head, "header": {"alg": "none"}, "signature": signature}],
    }
    flat = {
        "payload": payload,
        "protected": head,
        "header": {"alg": "none"},
        "signature": signature,
    }
    for document in (general, flat):
        told = await _with_assertion(world, json.dumps(document))
        assert refused(told, 401, "invalid_client")


ASSERTION_CLAIMS = {
    "B12-token-endpoint": {"aud": f"{ISSUER}/token"},
    "B12-array": {"aud": [ISSUER, "https://other.test"]},
    "B12-array-of-one": {"aud": [ISSUER]},
    "B12-other-issuer": {"aud": "https://other.test"},
    "B12-slash": {"aud": f"{ISSUER}/"},
    "B12-prefix": {"aud": ISSUER[:-1]},
    "B12-revocation-endpoint": {"aud": f"{ISSUER}/revoke"},
}


@pytest.mark.parametrize("path", ["/token", "/revoke", "/introspect"])
@pytest.mark.parametrize("changes", ASSERTION_CLAIMS.values(), ids=ASSERTION_CLAIMS)
async def test_an_assertion_names_our_issuer_alone_as_its_audience(
    world: World, path: str, changes: dict[str, object]
) -> None:
    """RFC 10070, at every endpoint that takes assertions."""
    form = {
        "grant_type": "client_credentials", "token": "x",
        "client_assertion_type": ASSERTION_TYPE, "client_assertion": world.assertion(**changes),
    }  # fmt: skip
    assert refused(await world.http.post(path, data=form), 401, "invalid_client")
    form["client_assertion"] = world.assertion()
    assert (await world.http.post(path, data=form)).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": None},
        {"iss": "c1"},
        {"sub": "c1"},
        {"jti": None},
        {"jti": ""},
        {"exp": None},
        {"exp": 1},
        {"exp": True},
        {"exp": 2**60},
        {"exp": "soon"},
        {"iat": 2**39},
        {"nbf": 2**39},
    ],
)
async def test_an_assertion_is_for_us_alone_and_for_a_short_time(
    world: World, changes: dict[str, object]
) -> None:
    forged = world.assertion(**changes)
    assert refused(await _with_assertion(world, forged), 401, "invalid_client")


async def test_an_assertion_counts_once_even_on_a_node_that_has_never_seen_it(
    world: World,
) -> None:
    assertion = world.assertion()
    assert (await _with_assertion(world, assertion)).status_code == 200  # type: ignore[attr-defined]
    assert refused(await _with_assertion(world, assertion), 401, "invalid_client")
    async with open_service(world.settings, world.clock) as other:
        world.app = other
        browser = world.browser()
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }
        assert refused(await browser.http.post("/token", data=form), 401, "invalid_client")


async def test_a_refresh_token_rotates_and_its_reuse_ends_the_family(world: World) -> None:
    first = await world.browser().tokens(world.alice)
    second = (
        await world.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    ).json()
    assert second["refresh_token"] != first["refresh_token"]
    world.clock.now += 1
    reused = await world.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert refused(reused, 400, "invalid_grant")
    after = await world.token(grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert refused(after, 400, "invalid_grant")
    assert (await world.userinfo(second["access_token"])).status_code == 401


async def test_a_token_two_rotations_old_ends_the_family_at_once(world: World) -> None:
    """Nobody's parallel use is two rotations late, however little time has passed."""
    first = await world.browser().tokens(world.alice)
    newest = first
    for _ in range(2):
        newest = (
            await world.token(grant_type="refresh_token", refresh_token=newest["refresh_token"])
        ).json()
    old = await world.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert refused(old, 400, "invalid_grant")
    assert (await world.userinfo(newest["access_token"])).status_code == 401


@pytest.mark.parametrize(("seconds", "status"), [(590, 200), (620, 401), (86400, 401)])
async def test_an_assertion_that_lives_long_is_refused(
    world: World, seconds: int, status: int
) -> None:
    assertion = world.assertion(exp=int(world.clock.now) + seconds)
    assert (await _with_assertion(world, assertion)).status_code == status


async def test_parallel_refreshes_leave_one_living_token(world: World) -> None:
    first = await world.browser().tokens(world.alice)
    answers = await asyncio.gather(
        *(
            world.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
            for _ in range(50)
        )
    )
    winners = [a.json() for a in answers if a.status_code == 200]
    assert len(winners) == 1
    assert all(a.status_code in (200, 400) for a in answers)
    world.clock.now += 1
    after = await world.token(grant_type="refresh_token", refresh_token=winners[0]["refresh_token"])
    assert after.status_code == 200, "requests sent before the rotation are not replays"


async def test_a_refresh_token_is_bound_to_its_client_and_its_scopes(world: World) -> None:
    tokens = await world.browser().tokens(world.alice)
    refresh = tokens["refresh_token"]
    wider = await world.token(
        grant_type="refresh_token", refresh_token=refresh, scope="openid profile email"
    )
    assert refused(wider, 400, "invalid_scope")
    foreign = await world.token("c2", grant_type="refresh_token", refresh_token=refresh)
    assert refused(foreign, 400, "invalid_grant")
    assert (await world.userinfo(refresh)).status_code == 401
    for cut in range(1, 9):
        short = await world.token(grant_type="refresh_token", refresh_token=refresh[:-cut])
        assert refused(short, 400, "invalid_grant")
    narrower = await world.token(grant_type="refresh_token", refresh_token=refresh, scope="openid")
    claims = (await world.userinfo(narrower.json()["access_token"])).json()
    assert "name" not in claims


async def test_no_other_handle_is_a_code(world: World) -> None:
    browser = world.browser()
    tokens = await browser.tokens(world.alice)
    page = await browser.follow(await browser.authorize(prompt="login"))
    flow = Fields(page.text).values
    client_token = (await world.token(grant_type="client_credentials")).json()["access_token"]
    confirmation = Fields((await browser.http.get("/logout")).text).values["confirmation"]
    sealed = [
        tokens["access_token"], tokens["refresh_token"], client_token, confirmation,
        browser.http.cookies["__Host-lt-device"],
        browser.http.cookies[f"__Host-lt-flow-{flow['flow']}"],
    ]  # fmt: skip
    handles = [
        *sealed, *("ac_" + value[3:] for value in sealed), tokens["id_token"], world.assertion(),
        browser.http.cookies["__Host-lt-session"], flow["flow"], flow["csrf"], "st-1", "no-1",
        claims_of(tokens["id_token"])["sid"], claims_of(tokens["id_token"])["sub"],
        "ac_", "x" * 9000,
    ]  # fmt: skip
    for handle in handles:
        assert refused(await world.redeem(handle), 400, "invalid_grant")


@pytest.mark.parametrize(
    ("grant", "code"),
    [
        ("password", "unsupported_grant_type"),
        ("implicit", "unsupported_grant_type"),
        ("urn:ietf:params:oauth:grant-type:device_code", "unsupported_grant_type"),
        (None, "invalid_request"),
    ],
)
async def test_unknown_grants_are_refused(world: World, grant: str | None, code: str) -> None:
    assert refused(await world.token(grant_type=grant), 400, code)


async def test_only_a_form_by_post_is_a_token_request(world: World) -> None:
    headers = basic("c1", SECRET_1)
    assert (await world.http.get("/token", headers=headers)).status_code == 405
    as_json = await world.http.post(
        "/token", json={"grant_type": "client_credentials"}, headers=headers
    )
    assert refused(as_json, 400, "invalid_request")
    plain = await world.http.post(
        "/token", content=b"grant_type=client_credentials",
        headers=headers | {"content-type": "text/plain"},
    )  # fmt: skip
    assert refused(plain, 400, "invalid_request")
    twice = await world.http.post(
        "/token", content=b"grant_type=client_credentials&grant_type=password",
        headers=headers | {"content-type": "application/x-www-form-urlencoded"},
    )  # fmt: skip
    assert refused(twice, 400, "invalid_request")
    huge = await world.http.post("/token", data={"x": "y" * 200_000}, headers=headers)
    assert refused(huge, 400, "invalid_request")


async def test_a_client_acting_for_itself_can_never_be_a_person(world: World) -> None:
    tokens = (await world.token(grant_type="client_credentials")).json()
    assert tokens["scope"] == "reports.read"
    assert "id_token" not in tokens
    assert "refresh_token" not in tokens
    assert (await world.introspect(tokens["access_token"]))["sub"] == "client:c1"
    assert (await world.userinfo(tokens["access_token"])).status_code == 403
    for scope in ("openid", "offline_access", "profile"):
        told = await world.token(grant_type="client_credentials", scope=scope)
        assert refused(told, 400, "invalid_scope")
    public = await world.token("n1", grant_type="client_credentials")
    assert refused(public, 400, "unauthorized_client")
    unregistered = await world.token("c2", grant_type="client_credentials")
    assert refused(unregistered, 400, "unauthorized_client")


async def test_a_client_whose_id_is_a_persons_sub_is_still_nobody(world: World) -> None:
    """B22: `sub` of a client can never collide with a person's."""
    tokens = await world.browser().tokens(world.alice)
    sub = (await world.userinfo(tokens["access_token"])).json()["sub"]
    twin = replace(world.settings.clients[ClientId("c1")], client_id=ClientId(sub))
    settings = replace(world.settings, clients={**world.settings.clients, ClientId(sub): twin})
    async with open_service(settings, world.clock) as other:
        world.app = other
        token = (await world.token(sub, grant_type="client_credentials")).json()["access_token"]
        told = await world.http.post(
            "/introspect", data={"token": token}, headers=basic(sub, SECRET_1)
        )
        assert told.json()["sub"] == f"client:{sub}" != sub
        assert (await world.userinfo(token)).status_code == 403


async def test_answers_of_the_token_endpoint_are_never_stored(world: World) -> None:
    for form in ({"grant_type": "client_credentials"}, {"grant_type": "password"}):
        response = await world.token(**form)
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-type"] == "application/json"

"""A source that takes pushed (RFC 9126) and signed (RFC 9101) requests alone: what goes there, and how."""

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from connectors.errors import UpstreamRefused
from connectors.simulators.upstream_faults import Fault
from connectors.sources.authorization_request import REQUEST_OBJECT_SECONDS, reference_in
from keys import base64url
from keys.pem import new_rsa_pem, signer_of
from tests.attacks.test_upstream import egress, is_refused, world_clock  # noqa: F401
from tests.fixtures_world import World, answer
from tests.upstreams import (
    PRIVATE_PEM,
    PUBLIC_PEM,
    Upstreams,
    by_source,
    come_back,
    leave,
    parameter,
    signed_toml,
)


@pytest.fixture
def more_config(tmp_path: Path) -> str:
    return signed_toml(tmp_path, pushed=True)


@pytest.fixture
def upstreams(tmp_path: Path) -> Upstreams:
    (tmp_path / "client.pem").write_bytes(PUBLIC_PEM)
    return Upstreams(
        tmp_path,
        client_key_file=str(tmp_path / "client.pem"),
        require_par=True,
        require_request_object=True,
    )


async def start(world: World) -> httpx.Response:
    """The login page's link to the source, followed."""
    browser = world.browser()
    page = await browser.follow(await browser.authorize())
    return await browser.http.get(f"/upstream/u1/start?flow={page.url.params['flow']}")


async def test_the_browser_carries_a_reference_and_nothing_else(
    world: World, upstreams: Upstreams
) -> None:
    browser = world.browser()
    address = await leave(browser, "u1")
    assert sorted(name for name, _ in parse_qsl(urlsplit(address).query)) == [
        "client_id",
        "request_uri",
    ]
    assert answer(await come_back(browser, await upstreams.choose(address, "an")))["code"]


async def test_a_reference_is_good_once(world: World, upstreams: Upstreams) -> None:
    address = await leave(world.browser(), "u1")
    assert await upstreams.choose(address, "an")
    with pytest.raises(AssertionError, match="invalid_request_uri"):
        await upstreams.choose(address, "an")


async def test_a_reference_that_another_browser_fetched_lets_it_in_nowhere(
    world: World, upstreams: Upstreams
) -> None:
    mallory, victim = world.browser("203.0.113.66"), world.browser()
    back = await upstreams.choose(await leave(mallory, "u1"), "binh")
    await victim.authorize()
    assert is_refused(await come_back(victim, back))


@pytest.mark.parametrize("fault", [Fault.NO_PAR, Fault.PAR_NONSENSE, Fault.PAR_EXPIRED])
async def test_a_push_that_is_not_taken_ends_on_our_page(
    world: World, upstreams: Upstreams, fault: Fault
) -> None:
    upstreams.u1.faults.switch(fault, on=True)
    assert is_refused(await start(world))


async def test_the_secret_of_another_client_pushes_nothing(
    world: World, upstreams: Upstreams
) -> None:
    upstreams.u1.settings = replace(upstreams.u1.settings, client_secret="another")
    assert is_refused(await start(world))


@pytest.mark.parametrize(
    "answered",
    [
        {},
        {"request_uri": "urn:x:1"},
        {"request_uri": "urn:x:1", "expires_in": 4},
        {"request_uri": "urn:x:1", "expires_in": True},
        {"request_uri": "urn:x:1", "expires_in": "60"},
        {"request_uri": "urn:x:1", "expires_in": -60},
        {"request_uri": "", "expires_in": 60},
        {"request_uri": "no-scheme", "expires_in": 60},
        {"request_uri": "urn:x:\r\nset-cookie: a", "expires_in": 60},
        {"request_uri": "urn:x:ạ", "expires_in": 60},
        {"request_uri": ["urn:x:1"], "expires_in": 60},
        {"request_uri": "urn:x:" + "a" * 501, "expires_in": 60},
    ],
    ids=str,
)
def test_a_reference_that_is_none_is_refused(answered: dict[str, object]) -> None:
    with pytest.raises(UpstreamRefused):
        reference_in(answered)


class TestSignedOnly:
    """JAR without PAR: the request object goes through the browser."""

    @pytest.fixture
    def more_config(self, tmp_path: Path) -> str:
        return signed_toml(tmp_path, pushed=False)

    @pytest.fixture
    def upstreams(self, tmp_path: Path) -> Upstreams:
        (tmp_path / "client.pem").write_bytes(PUBLIC_PEM)
        return Upstreams(
            tmp_path, client_key_file=str(tmp_path / "client.pem"), require_request_object=True
        )

    async def test_a_citizen_signs_in(self, world: World, upstreams: Upstreams) -> None:
        assert answer(await by_source(world.browser(), upstreams, "u1", "an"))["code"]

    async def test_the_request_object_says_everything_and_lasts_a_minute(
        self, world: World, upstreams: Upstreams
    ) -> None:
        address = await leave(world.browser(), "u1")
        names = {name for name, _ in parse_qsl(urlsplit(address).query)}
        assert names == {"client_id", "response_type", "scope", "request"}
        header, claims = (
            json.loads(base64url.decode(part))
            for part in parameter(address, "request").split(".")[:2]
        )
        assert header["typ"] == "oauth-authz-req+jwt"
        assert (claims["iss"], claims["aud"]) == ("province", "https://u1.test")
        assert claims["exp"] - claims["iat"] == REQUEST_OBJECT_SECONDS
        assert {"state", "nonce", "code_challenge", "redirect_uri", "jti"} <= set(claims)
        assert "sub" not in claims, "it could be taken for a client assertion (RFC 9101 §10.8)"

    @pytest.mark.parametrize("changed", ["scope", "client_id", "response_type"])
    async def test_what_stands_beside_it_cannot_be_changed(
        self, world: World, upstreams: Upstreams, changed: str
    ) -> None:
        address = await leave(world.browser(), "u1")
        query = dict(parse_qsl(urlsplit(address).query)) | {changed: "other"}
        with pytest.raises(AssertionError, match="invalid_request_object"):
            await upstreams.choose(f"https://u1.test/oauth2/authorize?{urlencode(query)}", "an")

    @pytest.mark.parametrize(
        "bent",
        [
            {"aud": "https://u2.test"},
            {"iss": "mallory"},
            {"client_id": "mallory"},
            {"exp": 1},
            {"exp": 2**33},
            {"jti": None},
            {"nbf": 2**33},
        ],
        ids=str,
    )
    async def test_a_source_that_looks_takes_no_other_request_object(
        self, world: World, upstreams: Upstreams, bent: dict[str, object]
    ) -> None:
        await self._refused(world, upstreams, PRIVATE_PEM, bent)

    async def test_a_source_that_looks_takes_none_of_another_key(
        self, world: World, upstreams: Upstreams
    ) -> None:
        await self._refused(world, upstreams, new_rsa_pem()[0], {})

    async def test_a_source_that_looks_takes_no_bare_request(
        self, world: World, upstreams: Upstreams
    ) -> None:
        address = await leave(world.browser(), "u1")
        bare = address.partition("&request=")[0]
        with pytest.raises(AssertionError, match="invalid_request_object"):
            await upstreams.choose(bare, "an")

    async def _refused(
        self, world: World, upstreams: Upstreams, pem: bytes, bent: dict[str, object]
    ) -> None:
        address = await leave(world.browser(), "u1")
        given = parameter(address, "request")
        claims = json.loads(base64url.decode(given.split(".")[1])) | bent
        claims = {name: value for name, value in claims.items() if value is not None}
        forged = signer_of(pem).sign("oauth-authz-req+jwt", json.dumps(claims).encode())
        with pytest.raises(AssertionError, match="invalid_request_object"):
            await upstreams.choose(address.replace(given, forged), "an")

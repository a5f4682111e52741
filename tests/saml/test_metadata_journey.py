"""A service provider rolls its key over: the running provider follows, and so does its next start."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from idp.app import open_service
from idp.cli.main import lienthong
from idp.config import ConfigurationRefused, load_settings
from tests.fixtures_world import ENVIRONMENT, Clock, World, settle, write_config
from tests.saml.messages import OTHER_KEY, SP_KEY, SpKey, authn_request, saml_system, signed_query
from tests.saml.published import Publisher, files, published, publishing

DAY = 86400


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("idp.flows.saml_metadata.LOOK_SECONDS", 0.02)


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    async with publishing() as made:
        yield made


def configured(folder: Path, database_url: str, publisher: Publisher, first: bytes) -> Path:
    config = write_config(folder, database_url)
    file, more = files(folder, first, publisher.url)
    allowed = (
        f'allowed_hosts = [{{ host = "127.0.0.1", ports = [{publisher.port}], plain_http = true }}]'
    )
    text = config.read_text("utf-8").replace("[network]", f"[network]\n{allowed}")
    config.write_text(text + saml_system(file, more=more), "utf-8")
    return config


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await true():
            await asyncio.sleep(0.02)


async def enters(world: World, key: SpKey) -> bool:
    """Whether a request that this key signed comes in."""
    query = signed_query(authn_request(world.clock.now), key=key)
    answer: httpx.Response = await world.browser().http.get(f"/saml/sso?{query}")
    assert answer.status_code in (303, 400), answer.text[:200]
    return answer.status_code == 303


async def test_the_new_key_verifies_and_the_removed_one_no_more_without_a_start(
    tmp_path: Path, world_database_url: str, hashes: dict[str, str], publisher: Publisher
) -> None:
    clock = Clock()
    first = published(clock.now + 7 * DAY)
    publisher.document = first
    path = configured(tmp_path, world_database_url, publisher, first)
    settings = load_settings(path, ENVIRONMENT)
    people = await settle(settings, clock, hashes)
    async with open_service(settings, clock) as app:
        world = World(app, clock, settings, *people)
        assert await enters(world, SP_KEY)
        assert not await enters(world, OTHER_KEY)

        publisher.etag = '"2"'
        publisher.document = published(clock.now + 8 * DAY, key=OTHER_KEY)
        clock.now += DAY
        await until(lambda: enters(world, OTHER_KEY))
        assert not await enters(world, SP_KEY)
        await world.close()

    publisher.status, publisher.etag = b"503 Not now", '"3"'
    asked = len(publisher.asked)
    async with open_service(settings, clock) as app:
        world = World(app, clock, settings, *people)
        assert await enters(world, OTHER_KEY), "the next start uses what is kept"
        assert not await enters(world, SP_KEY)
        assert len(publisher.asked) == asked

        clock.now += 6 * DAY + 1
        assert await enters(world, OTHER_KEY), "the file ran out, and the kept copy did not"
        await until(lambda: failed(path))
        clock.now += DAY
        assert not await enters(world, OTHER_KEY), "and then it ran out too"
        await world.close()


async def failed(path: Path) -> bool:
    told = await asyncio.to_thread(listed, path)
    return bool(told["failure"] == "no document came")


def listed(path: Path) -> dict[str, object]:
    result = CliRunner().invoke(
        lienthong, ["saml", "metadata", "list", "-c", str(path)], env=ENVIRONMENT
    )
    assert result.exit_code == 0, result.output
    (told,) = json.loads(result.output)["saml_metadata"]
    assert isinstance(told, dict)
    return told


async def test_the_commands_tell_what_is_kept_and_let_the_service_ask_now(
    tmp_path: Path, world_database_url: str, hashes: dict[str, str], publisher: Publisher
) -> None:
    clock = Clock()
    publisher.document = published(clock.now + 7 * DAY)
    path = configured(tmp_path, world_database_url, publisher, publisher.document)
    settings = load_settings(path, ENVIRONMENT)
    await settle(settings, clock, hashes)
    before = await asyncio.to_thread(listed, path)
    assert (before["system"], before["fetched_at"], before["failure"]) == ("school", None, None)

    def refresh(system: str) -> int:
        arguments = ["saml", "metadata", "refresh", "-c", str(path), system]
        return CliRunner().invoke(lienthong, arguments, env=ENVIRONMENT).exit_code

    async with open_service(settings, clock):

        async def fetched() -> bool:
            return (await asyncio.to_thread(listed, path))["fetched_at"] is not None

        await until(fetched)
        publisher.etag = '"2"'
        publisher.document = published(clock.now + 9 * DAY, signer=OTHER_KEY)
        assert await asyncio.to_thread(refresh, "school") == 0
        assert await asyncio.to_thread(refresh, "nobody") == 1

        async def refused() -> bool:
            return (await asyncio.to_thread(listed, path))["failure"] is not None

        await until(refused)
    after = await asyncio.to_thread(listed, path)
    assert after["failure"] == "the signature is not one of this system"
    assert after["valid_until"] == after["file_valid_until"], "what was kept stays"


def mistakes(path: Path) -> list[tuple[str, str]]:
    with pytest.raises(ConfigurationRefused) as refused:
        load_settings(path, ENVIRONMENT)
    return [(problem.key, problem.expected) for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("address", "key"),
    [
        pytest.param("http://10.0.0.1:8080", "systems.school.saml.metadata_url", id="private"),
        pytest.param("https://169.254.169.254", "systems.school.saml.metadata_url", id="cloud"),
        pytest.param("http://school.test", "systems.school.saml.metadata_url", id="no-tls"),
        pytest.param("file:///etc", "systems.school.saml.metadata_url", id="file"),
    ],
)
def test_an_address_that_could_never_be_called_stops_the_start_s20_internal_host(
    tmp_path: Path, address: str, key: str
) -> None:
    publisher = Publisher()
    publisher.port = 8080
    path = configured(tmp_path, "sqlite:///x", publisher, published(Clock().now + DAY))
    text = path.read_text("utf-8")
    path.write_text(text.replace("http://127.0.0.1:8080", address), "utf-8")
    assert key in [found for found, _ in mistakes(path)]


def test_an_address_without_a_pinned_certificate_stops_the_start(tmp_path: Path) -> None:
    publisher = Publisher()
    publisher.port = 8080
    path = configured(tmp_path, "sqlite:///x", publisher, published(Clock().now + DAY))
    text = path.read_text("utf-8")
    pinned = f', metadata_certificate_file = "{tmp_path / "federation.pem"}"'
    assert pinned in text
    path.write_text(text.replace(pinned, ""), "utf-8")
    assert "metadata_certificate_file" in str(mistakes(path))


def test_a_first_copy_without_an_end_stops_the_start(tmp_path: Path) -> None:
    publisher = Publisher()
    publisher.port = 8080
    first = published(0, change=(' validUntil="1970-01-01T00:00:00Z"', ""))
    path = configured(tmp_path, "sqlite:///x", publisher, first)
    assert "validUntil" in str(mistakes(path))

"""Redis over TLS, with the deployment's own CA, against a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.adapters import open_stores
from idp.config import load_settings
from keys.sql import StoreUnavailableError
from tests.certificates import certificate
from tests.fixtures_world import ENVIRONMENT, write_config
from tests.services import PrivateRedis, free_port
from tests.web.test_configuration import changed


@pytest.fixture
def tls_port(tmp_path: Path) -> Iterator[int]:
    """The port of a Redis that speaks TLS there, with a certificate for `localhost`."""
    certificate(tmp_path)
    port = free_port()
    server = PrivateRedis(
        "--tls-port", str(port), "--tls-auth-clients", "no",
        "--tls-cert-file", str(tmp_path / "ca.pem"), "--tls-key-file", str(tmp_path / "key.pem"),
        "--tls-ca-cert-file", str(tmp_path / "ca.pem"),
    )  # fmt: skip
    server.start()
    yield port
    server.remove()


async def counted(folder: Path, url: str, ca_file: str | None) -> int:
    """One count in the Redis of this address, by a deployment with this CA."""
    config = write_config(folder, f"sqlite:///{folder / 'x.sqlite'}", url)
    if ca_file is not None:
        changed(config, ("[network]", f'[network]\nca_file = "{ca_file}"'))
    async with open_stores(load_settings(config, ENVIRONMENT)) as stores:
        return await stores.counters.hit("tries", 60)


async def test_redis_over_tls_is_believed_by_the_deployments_own_ca(
    tmp_path: Path, tls_port: int
) -> None:
    assert await counted(tmp_path, f"rediss://localhost:{tls_port}/0", "ca.pem") == 1


async def test_a_certificate_of_an_unknown_ca_is_no_redis(tmp_path: Path, tls_port: int) -> None:
    with pytest.raises(StoreUnavailableError):
        await counted(tmp_path, f"rediss://localhost:{tls_port}/0", None)


async def test_a_certificate_of_another_host_is_no_redis(tmp_path: Path, tls_port: int) -> None:
    with pytest.raises(StoreUnavailableError):
        await counted(tmp_path, f"rediss://127.0.0.1:{tls_port}/0", "ca.pem")


async def test_a_certificate_of_another_ca_with_the_same_name_is_no_redis(
    tmp_path: Path, tls_port: int
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    certificate(other)
    with pytest.raises(StoreUnavailableError):
        await counted(tmp_path, f"rediss://localhost:{tls_port}/0", "other/ca.pem")

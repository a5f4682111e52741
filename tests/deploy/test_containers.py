"""The container files agree with what they carry. No engine is needed for that."""

import re
import secrets
from ipaddress import ip_address, ip_network
from pathlib import Path

from idp.cli.main import lienthong
from idp.config import load_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
COMPOSE = (DEPLOY / "compose.yaml").read_text("utf-8")
TOML = (DEPLOY / "compose/lienthong.toml").read_text("utf-8")


def options_of(command: str) -> set[str]:
    return {
        name
        for parameter in lienthong.commands[command].params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


def test_the_configuration_of_compose_has_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "kek").write_text(secrets.token_hex(32), "utf-8")
    config = tmp_path / "lienthong.toml"
    config.write_text(TOML.replace("/run/secrets/kek", str(tmp_path / "kek")), "utf-8")
    password = "postgresql://lienthong:secret@postgres/lienthong"
    (redis,) = re.findall(r"LIENTHONG_REDIS_URL: (\S+)", COMPOSE)
    environment = {"LIENTHONG_DATABASE_URL": password, "LIENTHONG_REDIS_URL": redis}
    settings = load_settings(config, environment)
    assert settings.tables.storage.database_url == password
    assert settings.tables.storage.redis_url == redis


def test_the_nodes_believe_the_proxy_and_nobody_else() -> None:
    (proxy,) = re.findall(r"ipv4_address: (\S+)", COMPOSE)
    (subnet,) = re.findall(r"subnet: (\S+)", COMPOSE)
    (trusted,) = re.findall(r'trusted_proxies = \["(\S+)"\]', TOML)
    assert ip_address(proxy) in ip_network(subnet)
    assert ip_network(trusted) == ip_network(f"{proxy}/32")


def test_only_the_proxy_is_published() -> None:
    services = re.split(r"\n  (?=[a-z0-9-]+:)", COMPOSE.partition("\nservices:")[2])
    published = [service.split(":")[0].strip() for service in services if "\n    ports:" in service]
    assert published == ["proxy"]


def test_the_line_that_the_proxy_replaces_stands_once_in_the_nginx_example() -> None:
    ((old, new),) = re.findall(r"sed 's/([^/]+)/([^/]+)/'", COMPOSE)
    example = (DEPLOY / "nginx/lienthong.conf").read_text("utf-8")
    assert example.count(old) == 1
    assert re.findall(r"server (\S+):8080;", new) == ["node-1", "node-2"]
    assert set(re.findall(r"\n  (node-\d):", COMPOSE)) == {"node-1", "node-2"}


def test_the_commands_of_the_containers_exist() -> None:
    lines = re.findall(
        r'(?:CMD|command:) \[("serve"[^\]]*|"migrate"[^\]]*)\]', DOCKERFILE + COMPOSE
    )
    assert len(lines) == 3
    for line in lines:
        command, *arguments = re.findall(r'"([^"]+)"', line)
        flags = {argument for argument in arguments if argument.startswith("--")}
        assert flags <= options_of(command), line


def test_what_the_image_copies_exists_and_passes_the_ignore_file() -> None:
    admitted = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for source in line.split()
    ]
    assert set(copied) >= {"keys", "connectors", "idp", "requirements/runtime.lock"}
    for source in copied:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in admitted, source


def test_the_image_does_not_run_as_root() -> None:
    stage = DOCKERFILE.rpartition("\nFROM ")[2]
    (user,) = re.findall(r"^USER (\d+):\d+$", stage, re.MULTILINE)
    assert int(user) > 0
    assert stage.index("\nUSER ") < stage.index("\nENTRYPOINT ")

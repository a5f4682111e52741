"""Registered addresses that can never be called are told at the start, like any other mistake."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from idp.cli.main import lienthong
from idp.config import load_settings
from idp.egress.rules import EVERYTHING_HERE, Address
from tests.fixtures_world import ENVIRONMENT, write_config
from tests.web.test_configuration import changed, problems

BACK_CHANNEL = "https://rp1.test/backchannel"
LOGOUT = "https://onestop.test/bye"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path, f"sqlite:///{tmp_path / 'x.sqlite'}")


def asking(path: Path, url: str) -> Path:
    """The old system is asked about old passwords at this address."""
    line = next(line for line in path.read_text("utf-8").splitlines() if "password_file" in line)
    asked = f'verification = {{ url = "{url}", secret = {{ env = "SECRET_2" }} }}'
    return changed(path, (line, asked))


def allowing(path: Path, *entries: str) -> Path:
    return changed(path, ("[network]", f"[network]\nallowed_hosts = [{', '.join(entries)}]"))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://10.0.0.7/x", "an address of the open Internet"),
        ("https://[::ffff:10.0.0.7]/x", "an address of the open Internet"),
        ("https://localhost/x", "an address of the open Internet"),
        ("https://169.254.169.254/x", "never called"),
        ("https://2130706433/x", "usual spelling"),
        ("https://0x7f.1/x", "usual spelling"),
        ("https://rp1.test:22/x", "port 443 or 8443"),
    ],
)
def test_a_back_channel_that_can_never_be_called_is_a_mistake(
    config: Path, address: str, expected: str
) -> None:
    (found,) = problems(changed(config, (BACK_CHANNEL, address)))
    assert (found.file, found.key) == (str(config), "clients.c1.backchannel_logout_uri")
    assert expected in found.expected
    assert address not in str(found)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://onestop.test/x", "an https address"),
        ("https://192.168.1.9/x", "an address of the open Internet"),
        ("https://onestop.test:3306/x", "port 443 or 8443"),
    ],
)
def test_the_addresses_of_a_system_are_held_to_the_same_rules(
    config: Path, address: str, expected: str
) -> None:
    found = problems(asking(changed(config, (LOGOUT, address)), address))
    assert [problem.key for problem in found] == [
        "systems.onestop.verification.url",
        "systems.onestop.ticket.logout_url",
    ]
    assert all(expected in problem.expected for problem in found)


def test_a_mistake_in_an_include_names_that_file(config: Path, tmp_path: Path) -> None:
    config.write_text('include = ["more.toml"]\n' + config.read_text("utf-8"), "utf-8")
    more = tmp_path / "more.toml"
    more.write_text(
        '[clients.extra]\nname = { vi = "x", en = "x" }\nauth_method = "none"\n'
        'redirect_uris = ["https://extra.test/cb"]\nbackchannel_logout_uri = "https://[::1]/x"\n',
        "utf-8",
    )
    (found,) = problems(config)
    assert (found.file, found.key) == (str(more), "clients.extra.backchannel_logout_uri")


def test_check_tells_it_and_nothing_is_started(config: Path) -> None:
    changed(config, (BACK_CHANNEL, "https://10.0.0.7/x"))
    result = CliRunner().invoke(lienthong, ["check", "-c", str(config)], env=ENVIRONMENT)
    assert result.exit_code == 1
    assert "clients.c1.backchannel_logout_uri: expected an address of the open" in result.output


def test_a_host_of_our_own_network_is_named_with_what_it_may(config: Path) -> None:
    """Systems of 2009 in an agency's own network have no certificate."""
    changed(config, (BACK_CHANNEL, "https://[FD00:0::7]:9443/x"), (LOGOUT, "https://10.0.0.7/x"))
    asking(config, "http://Old.Agency.test:8080/x")
    assert len(problems(config)) == 3
    allowing(
        config,
        '{ host = "fd00::7", ports = [9443] }',
        '{ host = "10.0.0.7" }',
        '{ host = "old.agency.TEST", ports = [8080], plain_http = true }',
    )
    assert problems(config) == []
    rules = load_settings(config, ENVIRONMENT).egress_rules
    assert rules.refusal_of(Address(scheme="http", host="old.agency.test", port=8080)) is None
    assert rules.refusal_of(Address(scheme="http", host="10.0.0.7")) is not None


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ('{ host = "https://a.test" }', "network.allowed_hosts.0.host"),
        ('{ host = "a.test:8080" }', "network.allowed_hosts.0.host"),
        ('{ host = "a.test/x" }', "network.allowed_hosts.0.host"),
        ('{ host = "*.test" }', "network.allowed_hosts.0.host"),
        ('{ host = "[::1]" }', "network.allowed_hosts.0.host"),
        ('{ host = "" }', "network.allowed_hosts.0.host"),
        ('{ host = "10.0.0.0/8" }', "network.allowed_hosts.0.host"),
        ('{ host = "0x7f.1" }', "network.allowed_hosts.0.host"),
        ('{ host = "169.254.169.254" }', "network.allowed_hosts.0.host"),
        ('{ host = "a.test", ports = [0] }', "network.allowed_hosts.0.ports.0"),
        ('{ host = "a.test", port = 80 }', "network.allowed_hosts.0.port"),
        ('{ host = "a.test", plain_http = "yes" }', "network.allowed_hosts.0.plain_http"),
        ('{ host = "a.test" }, { host = "A.test" }', "network.allowed_hosts"),
        ('"a.test"', "network.allowed_hosts.0"),
    ],
)
def test_an_entry_that_names_no_host_is_a_mistake(config: Path, entry: str, key: str) -> None:
    assert [problem.key for problem in problems(allowing(config, entry))] == [key]


def test_only_a_plain_issuer_is_the_demo_and_reaches_its_own_machine(config: Path) -> None:
    changed(
        config,
        ('issuer = "https://id.test"', 'issuer = "http://127.0.0.1:8000"'),
        (BACK_CHANNEL, "http://127.0.0.1:8401/x"),
        (LOGOUT, "http://localhost:8402/x"),
    )
    assert problems(config, demo=True) == []
    assert load_settings(config, ENVIRONMENT, demo=True).egress_rules is EVERYTHING_HERE
    changed(config, ("http://127.0.0.1:8000", "https://id.test"))
    assert [problem.key for problem in problems(config, demo=True)] == [
        "systems.onestop.ticket.logout_url",
        "clients.c1.backchannel_logout_uri",
    ]

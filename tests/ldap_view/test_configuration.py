"""What a configuration with an LDAP view may say, and the commands for app passwords."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from idp.cli.main import lienthong
from idp.config import ConfigurationRefused, load_settings
from tests.certificates import certificate
from tests.fixtures_world import ENVIRONMENT, write_config
from tests.ldap_view.conftest import CONFIG


@pytest.fixture
def config(tmp_path: Path) -> Path:
    certificate(tmp_path)
    more = CONFIG.format(clear=1389, tls=1636)
    return write_config(tmp_path, f"sqlite:///{tmp_path / 'x.sqlite'}", more=more)


def problems(config: Path, *changes: tuple[str, str]) -> list[str]:
    text = config.read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    config.write_text(text, "utf-8")
    try:
        load_settings(config, ENVIRONMENT)
    except ConfigurationRefused as refused:
        return [str(problem) for problem in refused.problems]
    return []


WRONG = {
    "clear text beyond loopback": ('certificate = "ca.pem"\nkey = "key.pem"\n', "", "certificate"),
    "a certificate without its key": ('key = "key.pem"\n', "", "key"),
    "nowhere to listen": ('listen = "127.0.0.1:1389"\nlisten_tls = "127.0.0.1:1636"\n', "", "listen"),
    "a tree in another's": ('base = "ou=files,dc=tinh', 'base = "ou=x,ou=mail,dc=tinh', "base"),
    "a tree around another's": ('base = "ou=files,dc=tinh,', 'base = "', "base"),
    "an attribute of ours": ('{ displayName = "name" }', '{ memberOf = "name" }', "attributes"),
    "a password attribute": ('{ displayName = "name" }', '{ userPassword = "name" }', "attributes"),
    "an undeclared claim": ('{ displayName = "name" }', '{ displayName = "nick" }', "displayName"),
    "level 2": (
        'dialect = "ldap_view"', 'dialect = "ldap_view"\nrequired_assurance = 2',
        "required_assurance",
    ),
    "consent asked": ('dialect = "ldap_view"', 'dialect = "ldap_view"\nconsent = "ask"', "consent"),
    "an unknown key": ('base = "ou=files', 'anonymous = true\nbase = "ou=files', "anonymous"),
    "a weak secret": ('[{ env = "SECRET_2" }]\nattributes', '[{ env = "PATH_" }]\nattributes', "secrets"),
}  # fmt: skip


def test_a_sound_configuration_is_taken(config: Path) -> None:
    assert problems(config) == []


@pytest.mark.parametrize("told", WRONG)
def test_a_mistake_is_told_at_its_key(config: Path, told: str) -> None:
    old, new, key = WRONG[told]
    found = problems(config, (old, new))
    assert found
    assert any(key in problem for problem in found), found


def test_a_view_needs_the_listener(config: Path) -> None:
    text = config.read_text("utf-8")
    start = text.index("[ldap_view]")
    config.write_text(text[:start] + text[text.index("[systems.mail]") :], "utf-8")
    assert any("ldap_view" in problem for problem in problems(config))


def test_an_admin_makes_lists_and_revokes_app_passwords(config: Path) -> None:
    """The commands start event loops of their own, so this test is not asynchronous."""

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(lienthong, arguments, env=ENVIRONMENT)
        assert result.exit_code == code, result.output
        return result.output

    path = ("-c", str(config))
    run("migrate", *path)
    added = run(
        "accounts", "add", *path, "son", "--full-name", "Sơn", "--password", "dai-va-la-4711"
    )
    subject = added.split()[1]
    assert "no ldap_view" in run("app-passwords", "create", *path, subject, "portal", code=1)
    assert "no account" in run("app-passwords", "create", *path, subject, "files", code=1)
    assert "no such person" in run("app-passwords", "create", *path, "nobody", "mail", code=1)
    made = dict(
        line.rsplit(" ", 1)
        for line in run("app-passwords", "create", *path, subject, "mail", "--label", "Máy").split(
            "\n"
        )
        if line
    )
    assert made["account"].startswith("m-")
    listed = run("app-passwords", "list", *path, subject)
    assert made["secret"] not in listed
    [told] = json.loads(listed)["app_passwords"]
    assert (told["app_password"], told["label"], told["revoked"]) == (
        made["app password"], "Máy", None,
    )  # fmt: skip
    run("app-passwords", "revoke", *path, made["app password"])
    assert "revoked already" in run("app-passwords", "revoke", *path, made["app password"], code=1)
    assert "0 broken" in run("audit", "verify", *path)
    run("accounts", "disable", *path, subject)
    assert "no such person" in run("app-passwords", "create", *path, subject, "mail", code=1)

"""Configuration and commands: every mistake is told at start, all together."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from connectors.config.problems import Problem
from idp.cli.main import COMMANDS, lienthong
from idp.config import ConfigurationRefused, load_settings
from tests.certificates import certificate
from tests.fixtures_world import ENVIRONMENT, SECRET_1, write_config


def problems(
    path: Path, environment: dict[str, str] | None = None, *, demo: bool = False
) -> list[Problem]:
    try:
        load_settings(path, ENVIRONMENT if environment is None else environment, demo=demo)
    except ConfigurationRefused as refused:
        return refused.problems
    return []


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path, f"sqlite:///{tmp_path / 'x.sqlite'}")


def changed(path: Path, *pairs: tuple[str, str]) -> Path:
    text = path.read_text("utf-8")
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    path.write_text(text, "utf-8")
    return path


def test_the_configuration_of_the_tests_is_without_mistake(config: Path) -> None:
    assert problems(config) == []
    settings = load_settings(config, ENVIRONMENT)
    owner = settings.systems[next(iter(settings.systems))].owner_on(date(2026, 1, 1))
    assert owner is not None
    assert settings.systems[next(iter(settings.systems))].owner_on(date(2020, 1, 1)) is None
    assert SECRET_1 not in repr(settings)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('issuer = "https://id.test"', 'issuer = "http://id.test"', "provider.issuer"),
        ('issuer = "https://id.test"', 'issuer = "https://id.test/"', "provider.issuer"),
        ('issuer = "https://id.test"', 'issuer = "https://u@id.test"', "provider.issuer"),
        ("[provider]", "[provider]\nsession_hour = 3", "provider.session_hour"),
        ("[provider]", "[provider]\nsession_hours = 400", "provider.session_hours"),
        ("[provider]", "[povider]", "povider"),
        ("sqlite:///", "mysql://", "storage.database_url"),
        ('"10.0.0.0/8"', '"10.0.0.0/99"', "network.trusted_proxies"),
        ('env = "KEK"', 'env = "MISSING"', "keys.keks.0"),
        ('env = "KEK"', 'inline = "00"', "keys.keks.0"),
        ("https://rp1.test/cb", "http://rp1.test/cb", "clients.c1.redirect_uris"),
        ("https://rp1.test/cb", "https://rp1.test/*", "clients.c1.redirect_uris"),
        ("https://rp1.test/cb", "https://a@rp1.test/cb", "clients.c1.redirect_uris"),
        ("https://rp1.test/backchannel", "ftp://rp1.test", "clients.c1.backchannel_logout_uri"),
        ('secrets = [{ env = "SECRET_1" }]', "secrets = []", "clients.c1.secrets"),
        ('env = "SECRET_1"', 'inline = "short"', "clients.c1.secrets.0"),
        ('auth_method = "none"', 'auth_method = "none"\npkce_required = false', "clients.n1.pkce_required"),
        ('"reports.read"]\nconsent', '"bad scope"]\nconsent', "clients.c1.scopes"),
        ('"reports.read"]\nconsent', f'{", ".join([chr(34) + "r" + chr(34)] * 41)}]\nconsent', "clients.c1.scopes"),
        ('scopes = ["openid", "profile"]', 'scopes = ["openid", "other"]', "clients.c2.scopes"),
        ('resource = "https://api.test"', "", "clients.k1.resource"),
        ("jwks = '", "jwks = '[", "clients.k1.jwks"),
        ('system = "portal"', 'system = "unknown"', "clients.portal.system"),
        ('system = "portal"', 'system = "onestop"', "clients.portal.system"),
        ('consent = "ask"', 'consent = "never"', "clients.c2.consent"),
        ("[clients.c1]", '[clients."a b"]', "clients.a b"),
        ('dialect = "signed_ticket"', 'dialect = "oidc"', "systems.onestop.ticket"),
        ('when_unlinked = "create"', 'when_unlinked = "claim"', "systems.portal.verification"),
        ('when_unlinked = "create"', 'when_unlinkd = "create"', "systems.portal.when_unlinkd"),
        ("password_file", "passwrd_file", "systems.onestop.verification"),
        ("https://onestop.test/bye", "javascript:x", "systems.onestop.ticket.logout_url"),
        ("https://onestop.test/ticket", "https://x@y.test/", "systems.onestop.ticket.return_urls"),
        ('dialect = "signed_ticket"', 'dialect = "hand_off"', "systems.onestop.dialect"),
        ('[deep_links."H55.242"]', '[deep_links."h55 242"]', "deep_links"),
        ('system = "onestop"\nstart', 'system = "nobody"\nstart', "deep_links.H55.242.system"),
        ("onestop.test/nop-ho-so", "onestop.test/?a=b", "deep_links.H55.242.start"),
        ("https://onestop.test/nop-ho-so", "javascript:x", "deep_links.H55.242.start"),
    ],
)  # fmt: skip
def test_each_mistake_names_its_key(config: Path, old: str, new: str, key: str) -> None:
    found = problems(changed(config, (old, new)))
    assert any(problem.key.startswith(key) for problem in found), [str(p) for p in found]
    assert all(problem.expected and problem.file for problem in found)


def test_all_mistakes_are_told_together_and_no_value_is_repeated(config: Path) -> None:
    path = changed(
        config,
        ('issuer = "https://id.test"', 'issuer = "http://id.test"'),
        ("https://rp1.test/cb", "ftp://rp1.test/cb"),
        ('dialect = "signed_ticket"', 'dialect = "smoke"'),
        ('env = "SECRET_2"', 'env = "GONE"'),
        ('consent = "ask"', 'consent = "perhaps"'),
        ('"10.0.0.0/8"', '"10.0.0.0/99"'),
    )
    found = problems(path)
    assert len(found) >= 6
    told = "".join(str(problem) for problem in found)
    assert not [value for value in ("ftp://", "'smoke'", "perhaps", "/99") if value in told]
    near = problems(changed(path, ('when_unlinked = "create"', 'when_unlinkd = "create"')))
    assert any("did you mean when_unlinked?" in str(problem) for problem in near)


def test_files_that_cannot_be_read_are_told(tmp_path: Path, config: Path) -> None:
    assert "readable" in str(problems(tmp_path / "none.toml")[0])
    broken = tmp_path / "broken.toml"
    broken.write_text("[x", "utf-8")
    assert "TOML" in str(problems(broken)[0])
    text = config.read_text("utf-8")
    config.write_text('include = ["more/*.toml"]\n' + text, "utf-8")
    assert "match" in str(problems(config)[0])
    more = tmp_path / "more"
    more.mkdir()
    (more / "a.toml").write_text("[provider]\nissuer='x'\n[clients.c1]\n", "utf-8")
    keys = {problem.key for problem in problems(config)}
    assert {"provider", "clients.c1"} <= keys
    config.write_text(
        "include = 3\nclients = 3\nsystems = 3\n" + text.replace("[clients", "[x"), "utf-8"
    )
    assert problems(config)


def test_a_mistake_in_an_include_names_the_included_file(tmp_path: Path, config: Path) -> None:
    config.write_text('include = ["more.toml"]\n' + config.read_text("utf-8"), "utf-8")
    more = tmp_path / "more.toml"
    more.write_text("[clients.extra]\n[systems.extra]\n[clients.c1]\n", "utf-8")
    found = problems(config)
    assert {problem.file for problem in found} == {str(more)}
    (twice,) = [problem for problem in found if problem.key == "clients.c1"]
    assert twice.expected == f"to be declared only once (also in {config})"


def test_an_unreadable_first_file_is_the_one_mistake(tmp_path: Path) -> None:
    assert len(problems(tmp_path / "none.toml")) == 1


def test_a_broken_system_is_not_told_again_at_each_client_of_it(config: Path) -> None:
    changed(config, ('when_unlinked = "create"', 'when_unlinked = "maybe"'))
    assert [problem.key for problem in problems(config)] == ["systems.portal.when_unlinked"]


def test_a_misspelled_key_of_a_client_suggests_the_near_one_and_hides_nothing(
    config: Path,
) -> None:
    changed(
        config,
        ("redirect_uris", 'redirect_uri = "x"\nredirect_uris'),
        ("https://rp1.test/cb", "ftp://rp1.test/cb"),
    )
    assert [str(problem).removeprefix(f"{config}: ") for problem in problems(config)] == [
        "clients.c1.redirect_uri: expected no such key; did you mean redirect_uris?",
        "clients.c1.redirect_uris.0: expected an https address without fragment, `*` or user",
    ]


@pytest.mark.parametrize("issuer", ["https://[", "https://id.test:99999", "https://*.test", ""])
def test_an_issuer_that_cannot_be_read_is_a_mistake_and_no_crash(config: Path, issuer: str) -> None:
    changed(config, ('issuer = "https://id.test"', f'issuer = "{issuer}"'))
    assert [problem.key for problem in problems(config)] == ["provider.issuer"]


def test_files_are_meant_from_the_folder_of_the_configuration(config: Path, tmp_path: Path) -> None:
    certificate(tmp_path)
    changed(config, ("[network]", '[network]\nca_file = "ca.pem"'))
    assert load_settings(config, ENVIRONMENT).tables.network.ca_file == str(tmp_path / "ca.pem")
    changed(config, ('"ca.pem"', '"gone.pem"'))
    assert [problem.key for problem in problems(config)] == ["network.ca_file"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_ca_file_without_a_certificate_is_a_mistake_and_no_crash(
    config: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "ca.pem").write_bytes(content)
    changed(config, ("[network]", '[network]\nca_file = "ca.pem"'))
    (found,) = problems(config)
    assert (found.key, found.expected) == (
        "network.ca_file",
        "a readable file of certificates (PEM)",
    )


def test_an_include_brings_clients_and_systems(tmp_path: Path, config: Path) -> None:
    text = config.read_text("utf-8")
    config.write_text('include = ["more.toml"]\n' + text, "utf-8")
    (tmp_path / "more.toml").write_text(
        '[clients.extra]\nname = { vi = "x", en = "x" }\nauth_method = "none"\n'
        'redirect_uris = ["https://extra.test/cb"]\n',
        "utf-8",
    )
    assert "extra" in load_settings(config, ENVIRONMENT).clients


def test_the_environment_wins_over_the_storage_table(config: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.sqlite'}"
    settings = load_settings(config, ENVIRONMENT | {"LIENTHONG_DATABASE_URL": url})
    assert settings.tables.storage.database_url == url


def test_a_secret_may_stand_in_a_file_and_only_in_one_place(config: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET_1 + "\n", "utf-8")
    assert not problems(changed(config, ('env = "SECRET_1"', 'file = "secret"')))
    assert problems(changed(config, ('file = "secret"', 'file = "secret", env = "SECRET_1"')))
    assert problems(changed(config, ('file = "secret", env = "SECRET_1"', 'file = "gone"')))


def test_plain_http_is_for_the_demo_on_loopback_only(config: Path) -> None:
    path = changed(config, ('issuer = "https://id.test"', 'issuer = "http://127.0.0.1:8000"'))
    assert problems(path)
    assert not problems(path, demo=True)
    other = changed(path, ("http://127.0.0.1:8000", "http://192.0.2.1:8000"))
    assert problems(other, demo=True)


def run(*arguments: str, code: int = 0, text: str | None = None) -> str:
    result = CliRunner().invoke(lienthong, arguments, env=ENVIRONMENT, input=text)
    assert result.exit_code == code, result.output
    return result.output


def test_the_commands_do_what_they_say(config: Path) -> None:
    """The commands start event loops of their own, so this test is not asynchronous."""
    assert len(COMMANDS) == 9
    path = str(config)
    assert "all well" in run("check", "-c", path)
    assert "up to date" in run("migrate", "-c", path)
    keys = json.loads(run("keys", "list", "-c", path, "--json"))["keys"]
    assert {key["alg"] for key in keys} == {"ES256", "RS256"}
    assert "active" in run("keys", "list", "-c", path)
    assert "Not yet" in run("keys", "rotate", "-c", path, "ES256", code=1)
    victim = next(key["kid"] for key in keys if key["state"] == "active")
    run("keys", "revoke", "-c", path, victim, code=1, text="n\n")
    run("keys", "revoke", "-c", path, victim, "--yes")
    assert "no key" in run("keys", "revoke", "-c", path, victim, "--yes", code=1)
    told = run(
        "accounts", "add", "-c", path, "son", "--full-name", "Sơn", "--password", "dai-va-la-4711"
    )
    subject = told.split()[1]
    assert "authenticator secret" in told
    assert "taken" in run(
        "accounts",
        "add",
        "-c",
        path,
        "SON",
        "--full-name",
        "Sơn",
        "--password",
        "dai-va-la-4711",
        code=1,
    )
    assert "at least" in run(
        "accounts", "add", "-c", path, "x", "--full-name", "X", "--password", "ngan", code=1
    )
    run("accounts", "disable", "-c", path, subject)
    run("accounts", "enable", "-c", path, subject)
    assert "no such" in run("accounts", "disable", "-c", path, "nobody", code=1)
    assert "0 broken" in run("audit", "verify", "-c", path)
    for shell in ("bash", "zsh", "fish"):
        assert "lienthong" in run("completion", shell)
    assert len(run("otp", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").strip()) == 6
    run("otp", "not base32!", code=2)
    run("keys", "rotate", "-c", path, "HS256", code=2)


def test_a_broken_configuration_starts_nothing_and_exits_1(config: Path) -> None:
    changed(config, ('issuer = "https://id.test"', 'issuer = "nowhere"'))
    result = CliRunner().invoke(lienthong, ["check", "-c", str(config)], env=ENVIRONMENT)
    assert result.exit_code == 1
    assert "provider.issuer" in result.output
    assert "nothing was started" in result.output


def test_the_demo_passes_its_own_check(tmp_path: Path) -> None:
    """The whole product as processes of its own: provider, six systems, one journey."""
    folder = tmp_path / "demo"
    done = subprocess.run(
        [sys.executable, "-m", "idp.cli", "demo", "--check", "--folder", str(folder)],
        capture_output=True, timeout=120, text=True, check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("LIENTHONG")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    facts = json.loads(done.stdout.splitlines()[-1])
    assert facts["ok"] is True
    assert all(step["ok"] for step in facts["steps"])
    assert len(facts["steps"]) == 15
    assert {system["id"]: system["dialect"] for system in facts["systems"]} == {
        "portal": "oidc",
        "hotline": "oidc",
        "onestop": "signed_ticket",
        "land": "cas",
        "school": "saml",
        "intranet": "forward_auth",
    }
    assert [source["id"] for source in facts["sources"]] == ["vneid"]
    assert facts["steps"][0]["name"] == "sign in at the portal by VNeID"
    logs = (folder / "provider.log").read_text("utf-8")
    secret_values = [p["password"] for p in facts["citizens"]] + [
        p["name"] for p in facts["citizens"]
    ]
    assert not [value for value in secret_values if value in logs]


def test_a_client_of_a_system_that_speaks_vnconnect_has_a_secret(config: Path) -> None:
    speaks = ('level = "province"\ndialect = "oidc"\nwhen_unlinked = "create"\nnew_account_prefix',
              'level = "province"\ndialect = "vnconnect"\nclaims = []\n'
              'when_unlinked = "create"\nnew_account_prefix')  # fmt: skip
    assert problems(changed(config, speaks)) == []
    public = (
        'secrets = [{ env = "SECRET_1" }]\nredirect_uris = ["https://portal.test/cb"]',
        'auth_method = "none"\nredirect_uris = ["https://portal.test/cb"]',
    )
    found = problems(changed(config, public))
    assert [problem.key for problem in found] == ["clients.portal.auth_method"]

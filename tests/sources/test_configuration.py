"""Sources in TOML: every mistake is told with its key."""

import tomllib
from pathlib import Path

import pytest

from connectors.config.checked import Entry
from connectors.config.problems import Place
from connectors.config.sources import read_sources
from connectors.config.surroundings import Surroundings
from connectors.contract import Assurance
from connectors.sources.model import Source, SourceAuth, SourceId
from idp.config import ConfigurationRefused, load_settings
from tests.fixtures_world import ENVIRONMENT, SECRET_1, write_config
from tests.upstreams import PRIVATE_PEM, sources_toml


def read(toml: str, folder: Path) -> tuple[dict[SourceId, Source], set[str]]:
    tables = tomllib.loads(toml)["sources"]
    entries = {name: Entry(Place("x", f"sources.{name}"), tables[name]) for name in tables}
    surroundings = Surroundings(environment={"SECRET_1": SECRET_1}, folder=folder)
    sources, problems = read_sources(entries, surroundings, {"portal"})
    return sources, {problem.key for problem in problems}


def test_the_presets_have_safe_values(tmp_path: Path) -> None:
    sources, problems = read(sources_toml(tmp_path), tmp_path)
    assert problems == set()
    vnconnect, vneid, u1 = (sources[SourceId(name)] for name in ("vnconnect", "vneid", "u1"))
    assert vnconnect.endpoints.token == "https://vnconnect.test/oauth2/token"
    assert (vnconnect.pkce, vnconnect.nonce, vnconnect.id_token_alg) == (True, True, "RS256")
    assert vnconnect.highest is Assurance.LEVEL_2
    assert (vneid.pkce, vneid.nonce, vneid.id_token_alg) == (False, False, None)
    assert (u1.iss_parameter, u1.assurance_otherwise) == (True, None)


def test_no_secret_is_shown(tmp_path: Path) -> None:
    sources, _ = read(sources_toml(tmp_path), tmp_path)
    assert SECRET_1 not in repr(sources)
    assert "PRIVATE KEY" not in repr(sources)


def test_a_source_may_be_authenticated_to_with_a_key(tmp_path: Path) -> None:
    (tmp_path / "sign.pem").write_bytes(PRIVATE_PEM)
    text = sources_toml(tmp_path).replace(
        'auth = "client_secret_post"\nsecret = { env = "SECRET_1" }',
        'auth = "private_key_jwt"\nsigning_key_file = "sign.pem"',
        1,
    )
    sources, problems = read(text, tmp_path)
    assert problems == set()
    assert sources[SourceId("u1")].auth is SourceAuth.PRIVATE_KEY_JWT


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('secret = { env = "SECRET_1" }', "", "sources.vnconnect.auth"),
        ('secret = { env = "SECRET_1" }', 'secret = { env = "NO" }', "sources.vnconnect.secret"),
        ('preset = "vnconnect"', 'preset = "facebook"', "sources.vnconnect.preset"),
        ('preset = "vnconnect"', 'preset = "vnconnect"\ncolour = 1', "sources.vnconnect.colour"),
        ('preset = "vnconnect"', 'preset = "vnconnect"\nid_token_alg = "HS256"', "sources.vnconnect.id_token_alg"),
        ('preset = "vnconnect"', 'preset = "vnconnect"\npkce = false\nnonce = false', "sources.vnconnect.pkce"),
        ('preset = "vnconnect"', 'preset = "vnconnect"\nassurance = { LoA1 = 3 }', "sources.vnconnect.assurance.LoA1"),
        ('preset = "vneid"', 'preset = "vneid"\nnonce = true', "sources.vneid.nonce"),
        ('key_file = "vneid.pem"', 'key_file = "none.pem"', "sources.vneid.envelope.key_file"),
        ('cipher = "A256GCM"', 'cipher = "ECB"', "sources.vneid.envelope.cipher"),
        ('issuer = "https://u2.test"', 'issuer = "https://u1.test"', "sources.u2.issuer"),
        ("assurance = { LoA1 = 1, LoA2 = 2 }", "", "sources.u1.assurance"),
        ('allowed_systems = ["portal"]', 'allowed_systems = ["no-such"]', "sources.u2.allowed_systems"),
        ("assurance = { LoA1 = 1 }", 'assurance = { LoA1 = 1 }\nupstream_logout = "always"', "sources.u2.endpoints.end_session"),
        ("assurance = { LoA1 = 1 }", "assurance = { LoA1 = 1 }\npar = true", "sources.u2.endpoints.pushed_authorization_request"),
        ("assurance = { LoA1 = 1 }", "assurance = { LoA1 = 1 }\nrequest_object = true", "sources.u2.signing_key_file"),
        ("assurance = { LoA1 = 1 }", 'assurance = { LoA1 = 1 }\nsigning_key_file = "vneid.pem"', "sources.u2.signing_key_file"),
        ('preset = "vnconnect"', 'preset = "vnconnect"\nrequest_object = true\nsigning_key_file = "vneid.pem"', "sources.vnconnect.request_object"),
        (', jwks = "https://u1.test/oauth2/jwks"', "", "sources.u1.endpoints.jwks"),
    ],
)  # fmt: skip
def test_every_mistake_is_told_with_its_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    text = sources_toml(tmp_path)
    assert old in text
    assert read(text.replace(old, new, 1), tmp_path)[1] == {key}


def test_an_address_that_may_never_be_called_is_a_mistake(tmp_path: Path) -> None:
    text = sources_toml(tmp_path).replace("https://u1.test/oauth2/token", "http://10.0.0.7/token")
    path = write_config(tmp_path, f"sqlite:///{tmp_path / 'x.sqlite'}", more=text)
    with pytest.raises(ConfigurationRefused) as refused:
        load_settings(path, ENVIRONMENT)
    assert [p.key for p in refused.value.problems] == ["sources.u1.endpoints.token"]

"""Systems in TOML: every mistake is told, all together, in words that help."""

import tomllib
from datetime import date
from pathlib import Path

import pytest

from connectors.config import Problem, environment_secrets, read_systems
from connectors.contract import Assurance, Dialect, SystemId, WhenUnlinked
from connectors.mapping import STANDARD_RULES, Source, Transform
from connectors.registry import FileVerification, HttpVerification, System

STRONG = "k3-abcdefghijklmnopqrstuvwxyz012345"
OIDC = """
[systems.portal]
name = { vi = "Cổng", en = "Portal" }
owners = [{ code = "H55.1", name = "Sở", valid_from = 2025-07-01 }]
level = "province"
dialect = "oidc"
when_unlinked = "create"
new_account_prefix = "dvc-"
"""
TICKET = """
[systems.onestop]
name = { vi = "Một cửa", en = "One-stop" }
owners = [
  { code = "H09", name = "Cũ", valid_from = 2009-01-01, valid_to = 2025-07-01 },
  { code = "H29", name = "Mới", valid_from = 2025-07-01 },
]
level = "commune"
dialect = "signed_ticket"
sector = "counters"
required_assurance = 2
when_unlinked = "claim"
claims = [{ claim = "birth_year", source = "birthdate", transform = "year_only", required = true }]
verification = { url = "http://10.0.0.7/verify", secret = { env = "VERIFY" } }
ticket = { return_urls = ["http://10.0.0.7/t"], secret = { env = "TICKET" } }
"""


def read(
    toml: str, environment: dict[str, str] | None = None, *, inline: bool = False
) -> tuple[dict[SystemId, System], list[Problem]]:
    known = {"VERIFY": STRONG, "TICKET": STRONG} if environment is None else environment
    secrets = environment_secrets(known, Path("/nowhere"), allow_inline=inline)
    return read_systems(tomllib.loads(toml)["systems"], "x.toml", secrets)


def keys_of(problems: list[Problem]) -> set[str]:
    return {problem.key for problem in problems}


def test_a_plain_system_gets_the_safe_defaults() -> None:
    systems, problems = read(OIDC)
    portal = systems[SystemId("portal")]
    assert problems == []
    assert (portal.sector, portal.required_assurance) == ("portal", Assurance.LEVEL_1)
    assert (portal.claims, portal.provisioning) == (STANDARD_RULES, "match-only")
    assert (portal.ticket, portal.verification) == (None, None)


def test_a_ticket_system_is_read_whole() -> None:
    systems, problems = read(TICKET)
    onestop = systems[SystemId("onestop")]
    assert problems == []
    assert (onestop.dialect, onestop.when_unlinked) == (Dialect.SIGNED_TICKET, WhenUnlinked.CLAIM)
    assert (onestop.sector, onestop.required_assurance) == ("counters", Assurance.LEVEL_2)
    (rule,) = onestop.claims
    assert (rule.source, rule.transform, rule.required) == (
        Source.BIRTHDATE,
        Transform.YEAR_ONLY,
        True,
    )
    assert onestop.verification == HttpVerification(url="http://10.0.0.7/verify", secret=STRONG)
    assert onestop.ticket is not None
    assert onestop.ticket.secret == STRONG


def test_secrets_never_show_when_a_system_is_printed() -> None:
    systems, _ = read(TICKET)
    assert STRONG not in repr(systems)


@pytest.mark.parametrize(
    ("day", "code"),
    [
        (date(2008, 12, 31), None),
        (date(2009, 1, 1), "H09"),
        (date(2025, 6, 30), "H09"),
        (date(2025, 7, 1), "H29"),
    ],
)
def test_the_owner_depends_on_the_day(day: date, code: str | None) -> None:
    owner = read(TICKET)[0][SystemId("onestop")].owner_on(day)
    assert (owner.code if owner else None) == code


def test_an_empty_list_of_claims_releases_none_rather_than_the_standard_ones() -> None:
    assert read(OIDC + "claims = []\n")[0][SystemId("portal")].claims == ()


def test_every_mistake_in_every_table_is_told_at_once() -> None:
    broken = (
        OIDC.replace('level = "province"', 'level = "district"') + "owner = 1\n"
    ) + TICKET.replace("http://10.0.0.7/t", "ftp://x/").replace("10.0.0.7/verify", "h/#f")
    systems, problems = read(broken, {})
    assert systems == {}
    assert keys_of(problems) == {
        "systems.portal.level",
        "systems.portal.owner",
        "systems.onestop.ticket.return_urls",
        "systems.onestop.ticket.secret",
        "systems.onestop.verification.url",
        "systems.onestop.verification.secret",
    }


def test_one_broken_system_does_not_hide_the_others() -> None:
    systems, problems = read(OIDC + "extra = 1\n" + TICKET)
    assert set(systems) == {"onestop"}
    assert keys_of(problems) == {"systems.portal.extra"}


def test_an_unknown_key_suggests_the_near_one() -> None:
    _, (problem,) = read(OIDC + "sectors = 'a'\n")
    assert str(problem) == (
        "x.toml: systems.portal.sectors: expected no such key; did you mean sector?"
    )


def test_a_missing_key_is_told_as_required() -> None:
    _, (problem,) = read(OIDC.replace('dialect = "oidc"\n', ""))
    assert problem == Problem("x.toml", "systems.portal.dialect", "a value (it is required)")


@pytest.mark.parametrize(
    ("toml", "key"),
    [
        (OIDC + 'ticket = { return_urls = ["https://a/"], secret = { env = "TICKET" } }', "ticket"),
        (OIDC.replace('"create"', '"claim"'), "verification"),
        (OIDC + 'verification = { url = "https://a/" }', "verification"),
        (OIDC + 'verification = { url = "https://a/", password_file = "p.csv" }', "verification"),
        (TICKET.replace("valid_to = 2025-07-01", "valid_to = 2025-07-02"), "owners"),
        (TICKET.replace(", valid_to = 2025-07-01", ""), "owners"),
        (OIDC + "required_assurance = 3", "required_assurance"),
        (OIDC + "required_assurance = true", "required_assurance"),
        (OIDC + 'required_assurance = "1"', "required_assurance"),
        (OIDC + 'claims = [{ claim = "a", source = "password" }]', "claims.0.source"),
        (
            OIDC + 'claims = [{ claim = "a", source = "email", required = "yes" }]',
            "claims.0.required",
        ),
        (OIDC + 'claims = [{ claim = "sub", source = "email" }]', "claims.0.claim"),
        (
            OIDC
            + 'claims = [{ claim = "a", source = "email" }, { claim = "a", source = "phone" }]',
            "claims.1.claim",
        ),
        (OIDC.replace("2025-07-01", "2025-07-01, valid_to = 2025-07-01"), "owners.0.valid_to"),
        (OIDC.replace("dvc-", "A b"), "new_account_prefix"),
    ],
)
def test_a_mistake_is_told_at_its_key(toml: str, key: str) -> None:
    systems, problems = read(toml)
    suffix = next(iter(tomllib.loads(toml)["systems"]))
    assert systems == {}
    assert keys_of(problems) == {f"systems.{suffix}.{key}"}


@pytest.mark.parametrize("name", ["Portal", "a b", "", "-x", "a" * 51, "cổng"])
def test_a_system_id_is_plain(name: str) -> None:
    systems, problems = read_systems({name: {}}, "x", lambda *_: None)
    assert systems == {}
    assert keys_of(problems) == {f"systems.{name}"}


@pytest.mark.parametrize(
    "url",
    ["https://a/#f", "https://*.a/", "https://u@a/", "javascript:x", "https:///p", "https://a/ b"],
)
def test_an_address_that_could_mislead_is_refused(url: str) -> None:
    assert keys_of(read(TICKET.replace("http://10.0.0.7/t", url))[1]) == {
        "systems.onestop.ticket.return_urls"
    }


@pytest.mark.parametrize("url", ["http://[", "http://a:99999/", "http://[::1"])
def test_an_address_that_cannot_be_read_is_a_mistake_and_no_crash(url: str) -> None:
    assert keys_of(read(TICKET.replace("http://10.0.0.7/t", url))[1]) == {
        "systems.onestop.ticket.return_urls"
    }


def test_a_misspelled_key_hides_no_weak_secret() -> None:
    systems, problems = read(TICKET + "colour = 1\n", {"VERIFY": STRONG, "TICKET": "short"})
    assert systems == {}
    assert keys_of(problems) == {"systems.onestop.colour", "systems.onestop.ticket.secret"}


def test_a_misspelled_key_inside_a_table_suggests_the_keys_of_that_table() -> None:
    nested = TICKET.replace(
        'secret = { env = "TICKET" } }', 'secret = { env = "TICKET", fil = 1 } }'
    )
    owner = OIDC.replace("valid_from = 2025-07-01", "valid_from = 2025-07-01, valid_too = 1")
    assert [str(problem) for toml in (nested, owner) for problem in read(toml)[1]] == [
        "x.toml: systems.onestop.ticket.secret.fil: expected no such key; did you mean file?",
        "x.toml: systems.portal.owners.0.valid_too: expected no such key; did you mean valid_to?",
    ]


@pytest.mark.parametrize("secret", ["", "short", "a" * 64, "abcabcabc" * 8])
def test_a_weak_secret_is_a_mistake_and_is_not_repeated(secret: str) -> None:
    systems, (problem,) = read(TICKET, {"VERIFY": STRONG, "TICKET": secret})
    assert systems == {}
    assert problem.key == "systems.onestop.ticket.secret"
    assert not secret or secret not in str(problem)


def test_a_wrong_value_is_not_repeated_in_the_mistake() -> None:
    _, problems = read(OIDC.replace('"province"', '"s3cr3t"'))
    assert "s3cr3t" not in str([str(problem) for problem in problems])


def test_an_inline_secret_counts_in_the_demo_only() -> None:
    toml = TICKET.replace('{ env = "TICKET" }', f'{{ inline = "{STRONG}" }}')
    assert keys_of(read(toml)[1]) == {"systems.onestop.ticket.secret"}
    assert read(toml, inline=True)[1] == []


def test_a_secret_is_read_from_exactly_one_place(tmp_path: Path) -> None:
    (tmp_path / "s").write_text(f"  {STRONG}\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    secrets = environment_secrets({"E": "e"}, tmp_path, allow_inline=True)
    assert secrets("E", None, None) == "e"
    assert secrets(None, "s", None) == STRONG
    assert secrets(None, None, "i") == "i"
    assert secrets("E", "s", None) is None
    assert secrets(None, None, None) is None
    assert secrets("ABSENT", None, None) is None
    assert secrets(None, "absent", None) is None
    assert secrets(None, "binary", None) is None
    assert secrets(None, "no\0path", None) is None


def test_a_password_extract_can_be_the_verifier() -> None:
    toml = OIDC.replace('"create"', '"claim"') + 'verification = { password_file = "old.csv" }'
    systems, problems = read(toml)
    assert problems == []
    assert systems[SystemId("portal")].verification == FileVerification(path="old.csv")


def test_a_mistake_about_the_whole_file_says_so() -> None:
    assert str(Problem("x.toml", "", "TOML")) == "x.toml: (file): expected TOML"

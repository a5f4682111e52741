"""Systems in TOML: every mistake is told, all together, in words that help."""

import tomllib
from datetime import date
from pathlib import Path

import pytest

from connectors.config.checked import Entry
from connectors.config.problems import Place, Problem
from connectors.config.surroundings import Surroundings
from connectors.config.systems import read_systems
from connectors.contract import AccountNames, Assurance, Dialect, SystemId, WhenUnlinked
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
ticket = { return_urls = ["http://10.0.0.7/t"], secrets = [{ env = "TICKET" }] }
"""


def read(
    toml: str,
    environment: dict[str, str] | None = None,
    *,
    inline: bool = False,
    folder: Path = Path("/nowhere"),
) -> tuple[dict[SystemId, System], list[Problem]]:
    known = {"VERIFY": STRONG, "TICKET": STRONG} if environment is None else environment
    surroundings = Surroundings(environment=known, folder=folder, demo=inline)
    return read_systems(entries_of(tomllib.loads(toml)["systems"]), surroundings)


def entries_of(tables: dict[str, object]) -> dict[str, Entry]:
    return {name: Entry(Place("x.toml", f"systems.{name}"), tables[name]) for name in tables}


def keys_of(problems: list[Problem]) -> set[str]:
    return {problem.key for problem in problems}


def test_a_plain_system_gets_the_safe_defaults() -> None:
    systems, problems = read(OIDC)
    portal = systems[SystemId("portal")]
    assert problems == []
    assert (portal.sector, portal.required_assurance) == ("portal", Assurance.LEVEL_1)
    assert (portal.claims, portal.provisioning) == (STANDARD_RULES, "just-in-time")
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
    assert onestop.account_names is AccountNames.EXACT
    assert onestop.ticket is not None
    assert onestop.ticket.secrets == (STRONG,)


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
        "systems.onestop.ticket.return_urls.0",
        "systems.onestop.ticket.secrets.0",
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
        (
            OIDC + 'ticket = { return_urls = ["https://a/"], secrets = [{ env = "TICKET" }] }',
            "ticket",
        ),
        (OIDC.replace('"create"', '"claim"'), "verification"),
        (OIDC + 'provisioning = "nightly"', "provisioning.mode"),
        (OIDC + 'provisioning = "match-only"', "provisioning"),
        (TICKET + 'provisioning = "just-in-time"', "provisioning"),
        (TICKET.replace("claims =", "# claims ="), "claims"),
        (OIDC + 'verification = { url = "https://a/" }', "verification"),
        (
            OIDC + f'verification = {{ url = "https://a/", password_file = "{__file__}" }}',
            "verification",
        ),
        (
            OIDC + f'verification = {{ password_file = "{__file__}", account_names = "exact" }}',
            "verification.account_names",
        ),
        (
            TICKET.replace('"VERIFY" } }', '"VERIFY" }, account_names = "similar" }'),
            "verification.account_names",
        ),
        (
            OIDC + 'verification = { password_file = "absent.csv" }',
            "verification.password_file",
        ),
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
        (OIDC + 'claims = [{ claim = "state", source = "email" }]', "claims.0.claim"),
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
    (table,) = tomllib.loads(OIDC)["systems"].values()
    systems, problems = read_systems(
        entries_of({name: table}), Surroundings(environment={}, folder=Path())
    )
    assert systems == {}
    assert keys_of(problems) == {f"systems.{name}"}


@pytest.mark.parametrize(
    "url",
    ["https://a/#f", "https://*.a/", "https://u@a/", "javascript:x", "https:///p", "https://a/ b"],
)
def test_an_address_that_could_mislead_is_refused(url: str) -> None:
    assert keys_of(read(TICKET.replace("http://10.0.0.7/t", url))[1]) == {
        "systems.onestop.ticket.return_urls.0"
    }


@pytest.mark.parametrize("url", ["http://[", "http://a:99999/", "http://[::1"])
def test_an_address_that_cannot_be_read_is_a_mistake_and_no_crash(url: str) -> None:
    assert keys_of(read(TICKET.replace("http://10.0.0.7/t", url))[1]) == {
        "systems.onestop.ticket.return_urls.0"
    }


def test_a_misspelled_key_hides_no_weak_secret() -> None:
    systems, problems = read(TICKET + "colour = 1\n", {"VERIFY": STRONG, "TICKET": "short"})
    assert systems == {}
    assert keys_of(problems) == {"systems.onestop.colour", "systems.onestop.ticket.secrets.0"}


def test_a_misspelled_key_inside_a_table_suggests_the_keys_of_that_table() -> None:
    nested = TICKET.replace(
        'secrets = [{ env = "TICKET" }] }', 'secrets = [{ env = "TICKET", fil = 1 }] }'
    )
    owner = OIDC.replace("valid_from = 2025-07-01", "valid_from = 2025-07-01, valid_too = 1")
    assert [str(problem) for toml in (nested, owner) for problem in read(toml)[1]] == [
        "x.toml: systems.onestop.ticket.secrets.0.fil: expected no such key; did you mean file?",
        "x.toml: systems.portal.owners.0.valid_too: expected no such key; did you mean valid_to?",
    ]


@pytest.mark.parametrize("secret", ["", "w34k", "a" * 64, "abcabcabc" * 8])
def test_a_weak_secret_is_a_mistake_and_is_not_repeated(secret: str) -> None:
    systems, (problem,) = read(TICKET, {"VERIFY": STRONG, "TICKET": secret})
    assert systems == {}
    assert problem.key == "systems.onestop.ticket.secrets.0"
    assert not secret or secret not in str(problem)


def test_a_ticket_has_two_secrets_at_most_and_the_first_comes_first() -> None:
    one = '{ env = "TICKET" }'
    two = TICKET.replace(one, one + ', { env = "NEXT" }')
    systems, problems = read(two, {"VERIFY": STRONG, "TICKET": STRONG, "NEXT": STRONG[::-1]})
    assert problems == []
    ticket = systems[SystemId("onestop")].ticket
    assert ticket is not None
    assert ticket.secrets == (STRONG, STRONG[::-1])
    three = TICKET.replace(one, f"{one}, {one}, {one}")
    assert keys_of(read(three)[1]) == {"systems.onestop.ticket.secrets"}
    none = TICKET.replace(one, "")
    assert keys_of(read(none)[1]) == {"systems.onestop.ticket.secrets"}


@pytest.mark.parametrize(
    "rule",
    [
        '{ claim = "local_account", source = "full_name" }',
        '{ claim = "local_account", source = "local_account", transform = "upper" }',
        '{ claim = "acr", source = "gender" }',
    ],
)
def test_what_systems_act_upon_comes_from_where_its_name_says(rule: str) -> None:
    assert keys_of(read(OIDC + f"claims = [{rule}]")[1]) == {"systems.portal.claims.0"}
    own = '{ claim = "local_account", source = "local_account" }'
    assert read(OIDC + f"claims = [{own}]")[1] == []


def test_a_wrong_value_is_not_repeated_in_the_mistake() -> None:
    _, problems = read(OIDC.replace('"province"', '"s3cr3t"'))
    assert "s3cr3t" not in str([str(problem) for problem in problems])


def test_an_inline_secret_counts_in_the_demo_only() -> None:
    toml = TICKET.replace('{ env = "TICKET" }', f'{{ inline = "{STRONG}" }}')
    assert keys_of(read(toml)[1]) == {"systems.onestop.ticket.secrets.0"}
    assert read(toml, inline=True)[1] == []


def test_a_secret_is_read_from_exactly_one_place(tmp_path: Path) -> None:
    (tmp_path / "s").write_text(f"  {STRONG}\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    secrets = Surroundings(environment={"E": "e"}, folder=tmp_path, demo=True).secret
    assert secrets("E", None, None) == "e"
    assert secrets(None, "s", None) == STRONG
    assert secrets(None, None, "i") == "i"
    assert secrets("E", "s", None) is None
    assert secrets(None, None, None) is None
    assert secrets("ABSENT", None, None) is None
    assert secrets(None, "absent", None) is None
    assert secrets(None, "binary", None) is None
    assert secrets(None, "no\0path", None) is None


def test_a_password_extract_beside_the_configuration_can_be_the_verifier(tmp_path: Path) -> None:
    toml = OIDC.replace('"create"', '"claim"') + 'verification = { password_file = "old.csv" }'
    (tmp_path / "old.csv").touch()
    systems, problems = read(toml, folder=tmp_path)
    assert problems == []
    found = FileVerification(path=str(tmp_path / "old.csv"))
    assert systems[SystemId("portal")].verification == found


def test_a_wrong_value_hides_no_weak_secret_and_no_other_wrong_value() -> None:
    toml = TICKET.replace('level = "commune"', 'level = "district"').replace("H09", "h09")
    assert keys_of(read(toml, {"VERIFY": STRONG, "TICKET": "short"})[1]) == {
        "systems.onestop.level",
        "systems.onestop.owners.0.code",
        "systems.onestop.ticket.secrets.0",
    }


def test_each_kind_of_mistake_is_told_in_plain_words() -> None:
    toml = """
[systems.a]
name = { vi = "", en = 3 }
owners = [{ code = "a b", name = "x", valid_from = "July" }]
level = "district"
dialect = "oidc"
when_unlinked = "refuse"
required_assurance = 3
claims = "name"
sector = 1
ticket = 5
"""
    assert {problem.key: problem.expected for problem in read(toml)[1]} == {
        "systems.a.name.vi": "a text of at least 1 character(s)",
        "systems.a.name.en": "a text in quotes",
        "systems.a.owners.0.code": "a text of the form ^[A-Z0-9.]{1,35}$",
        "systems.a.owners.0.valid_from": "a day such as 2025-07-01",
        "systems.a.level": "one of 'national', 'province' or 'commune'",
        "systems.a.required_assurance": "a number of at most 2",
        "systems.a.claims": "a list",
        "systems.a.sector": "a text in quotes",
        "systems.a.ticket": "a table",
    }


def test_a_key_cannot_give_orders_to_the_terminal() -> None:
    assert "\x1b" not in str(Place("x.toml", "a\x1b[2J").problem("another key"))


def test_a_mistake_about_the_whole_file_says_so() -> None:
    assert str(Problem("x.toml", "", "TOML")) == "x.toml: (file): expected TOML"


FORWARD = """
[systems.intranet]
name = { vi = "Nội bộ", en = "Intranet" }
owners = [{ code = "H55", name = "Sở", valid_from = 2025-07-01 }]
level = "province"
dialect = "forward_auth"
when_unlinked = "not-needed"
claims = [{ claim = "name", source = "full_name" }]
[systems.intranet.forward_auth]
origins = ["https://intranet.example"]
secrets = [{ env = "INTRANET" }]
public_paths = ["/public", "/assets/"]
headers = { x-auth-user = "sub", x-auth-name = "name" }
admits = { account_kinds = ["staff"], agencies = ["H55"] }
"""


def test_a_protected_host_is_declared_with_its_policy() -> None:
    systems, problems = read(FORWARD, {"INTRANET": STRONG})
    assert problems == []
    settings = systems[SystemId("intranet")].forward_auth
    assert settings is not None
    assert settings.headers == (("x-auth-user", "sub"), ("x-auth-name", "name"))
    assert settings.admission is not None
    assert settings.admission.agencies == {"H55"}


@pytest.mark.parametrize(
    ("right", "wrong", "key"),
    [
        ("https://intranet.example", "https://intranet.example/", "origins"),
        ("https://intranet.example", "https://Intranet.example", "origins"),
        ("https://intranet.example", "https://intranet.example:443", "origins"),
        ("https://intranet.example", "ftp://intranet.example", "origins"),
        ('"/public"', '"/"', "public_paths"),
        ('"/public"', '"/public/../x"', "public_paths"),
        ('"/public"', '"/a%20b"', "public_paths"),
        ('"/public"', '"/.lienthong/start"', "public_paths"),
        ("x-auth-user", "authorization", "headers"),
        ("x-auth-user", "x-forwarded-host", "headers"),
        ("x-auth-user", "x-lienthong-identity", "headers"),
        ('"sub"', '"email"', "headers"),
        ('["staff"]', '["robot"]', "account_kinds"),
        ('env = "INTRANET"', 'env = "NOWHERE"', "secrets"),
        ('"https://intranet.example"', '"https://a.example", "https://a.example"', "origins"),
    ],
)
def test_a_mistake_about_a_protected_host_is_told_with_its_key(
    right: str, wrong: str, key: str
) -> None:
    assert right in FORWARD
    _, problems = read(FORWARD.replace(right, wrong), {"INTRANET": STRONG})
    assert [problem for problem in problems if key in problem.key], problems


def test_a_host_belongs_to_one_system() -> None:
    twin = FORWARD.replace("systems.intranet", "systems.twin")
    _, problems = read(FORWARD + twin, {"INTRANET": STRONG})
    assert [problem.expected for problem in problems] == ["a host that no other entry has"]

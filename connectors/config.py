"""`[systems.ID]`: information systems in TOML, and how a mistake in any table is told."""

import copy
import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, ValidationError
from pydantic_core import ErrorDetails

from connectors.contract import (
    Assurance,
    ConsentRule,
    Dialect,
    LocalText,
    SectorId,
    SystemId,
    WhenUnlinked,
)
from connectors.mapping import STANDARD_RULES, ClaimRule, Source, Transform
from connectors.registry import (
    FileVerification,
    HttpVerification,
    OwnerAgency,
    System,
    TicketSettings,
)

MIN_SECRET = 32
_SYSTEM_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}", re.ASCII)
MIN_DIFFERENT = 10
SecretReader = Callable[[str | None, str | None, str | None], str | None]
"""Reads a secret by (environment variable, file, inline text): exactly one is given."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One configuration mistake."""

    file: str
    key: str
    expected: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key or '(file)'}: expected {self.expected}"


def environment_secrets(
    environment: Mapping[str, str], folder: Path, *, allow_inline: bool
) -> SecretReader:
    """A reader that knows the environment and the files beside the configuration."""

    def read(env: str | None, file: str | None, inline: str | None) -> str | None:
        if sum(given is not None for given in (env, file, inline)) != 1:
            return None
        if env is not None:
            return environment.get(env)
        if inline is not None:
            return inline if allow_inline else None
        try:
            return (folder / (file or "")).read_text("utf-8").strip()
        except (OSError, ValueError):  # a path that cannot be one, or no UTF-8
            return None

    return read


def strong(secret: str | None) -> bool:
    """Whether a shared secret is long and varied enough to sign or authenticate with."""
    return secret is not None and len(secret) >= MIN_SECRET and len(set(secret)) >= MIN_DIFFERENT


STRONG = f"a random secret of at least {MIN_SECRET} characters, by exactly one of env or file"


def problems_of(error: ValidationError, file: str, prefix: str) -> list[Problem]:
    """Every mistake that pydantic found, in words of ours; values are never repeated."""
    problems = []
    for item in _own_mistakes(error):
        path = ".".join([prefix, *map(str, item["loc"])] if prefix else map(str, item["loc"]))
        expected = item["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        if item["type"] == "missing":
            expected = "a value (it is required)"
        elif item["type"] == "extra_forbidden":
            expected = "no such key" + _did_you_mean(error, item["loc"])
        problems.append(Problem(file, path, expected))
    return problems


def _own_mistakes(error: ValidationError) -> list[ErrorDetails]:
    """Without the lists that only look too short because an entry of theirs is mistaken."""
    items = error.errors(include_url=False, include_context=False, include_input=False)
    inside = {item["loc"][:end] for item in items for end in range(len(item["loc"]))}
    return [item for item in items if item["type"] != "too_short" or item["loc"] not in inside]


def _did_you_mean(error: ValidationError, path: tuple[int | str, ...]) -> str:
    """The nearest key of the very table in which the unknown one stands."""
    table = _KNOWN_TABLES.get(error.title)
    for part in path[:-1]:
        if table is not None and part in table.model_fields:
            table = _table_in(table.model_fields[str(part)].annotation)
    near = difflib.get_close_matches(str(path[-1]), table.model_fields if table else (), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _table_in(annotation: object) -> type[BaseModel] | None:
    """The table inside `X`, `X | None` or `tuple[X, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_table_in, get_args(annotation))), None)


_KNOWN_TABLES: dict[str, type[BaseModel]] = {}


def know_keys(model: type[BaseModel]) -> None:
    """Let mistakes in this table, and in the tables inside it, suggest their keys."""
    _KNOWN_TABLES[model.__name__] = model


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Text(_Table):
    vi: Annotated[str, Field(min_length=1, max_length=200)]
    en: Annotated[str, Field(min_length=1, max_length=200)]


class _Owner(_Table):
    code: Annotated[str, Field(pattern=r"^[A-Z0-9.]{1,35}$")]
    name: str
    valid_from: date
    valid_to: date | None = None


RESERVED_CLAIMS = frozenset(
    [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "nbf",
        "jti",
        "sid",
        "nonce",
        "amr",
        "auth_time",
        "azp",
        "at_hash",
        "c_hash",
        "events",
        "act",
    ]
)
"""What a token says of itself; a rule that named one would speak in the token's own voice."""


def _not_reserved(claim: str) -> str:
    if claim in RESERVED_CLAIMS:
        raise ValueError("another name (tokens use this one themselves)")
    return claim


class _Rule(_Table):
    claim: Annotated[str, Field(pattern=r"^[a-z_]{1,60}$"), AfterValidator(_not_reserved)]
    source: Source
    transform: Transform = Transform.NONE
    required: StrictBool = False
    scope: str = "openid"


class _Secret(_Table):
    env: str | None = None
    file: str | None = None
    inline: str | None = None


class _Verification(_Table):
    url: str | None = None
    secret: _Secret | None = None
    password_file: str | None = None


class _Ticket(_Table):
    return_urls: Annotated[tuple[str, ...], Field(min_length=1)]
    secret: _Secret
    logout_url: str | None = None


class SystemTable(_Table):
    """One `[systems.ID]`."""

    name: _Text
    owners: Annotated[tuple[_Owner, ...], Field(min_length=1)]
    level: Literal["national", "province", "commune"]
    dialect: Dialect
    sector: Annotated[str, Field(pattern=r"^[a-z0-9._-]{1,100}$")] | None = None
    required_assurance: Annotated[int, Field(strict=True, ge=1, le=2)] = 1
    claims: tuple[_Rule, ...] | None = None
    when_unlinked: WhenUnlinked
    provisioning: Literal["match-only", "just-in-time", "pre-provision"] = "match-only"
    new_account_prefix: Annotated[str, Field(pattern=r"^[a-z0-9-]{0,20}$")] = ""
    consent: ConsentRule = ConsentRule.IMPLIED
    address: str = ""
    verification: _Verification | None = None
    ticket: _Ticket | None = None


know_keys(SystemTable)


def read_systems(
    tables: Mapping[str, object], file: str, secrets: SecretReader
) -> tuple[dict[SystemId, System], list[Problem]]:
    """All systems that are declared without mistake, and every mistake in the others."""
    systems: dict[SystemId, System] = {}
    problems: list[Problem] = []
    for name, table in tables.items():
        if not _SYSTEM_ID.fullmatch(name):
            problems.append(
                Problem(file, f"systems.{name}", "an id of a-z, 0-9 and ._-, at most 50")
            )
            continue
        found: list[Problem] = []
        checked = _checked(table, file, f"systems.{name}", found)
        if checked is not None:
            system = _system(name, checked, secrets, _reporter(file, name, found))
            if not found:
                systems[system.system_id] = system
        problems += found
    return systems, problems


def _checked(table: object, file: str, prefix: str, found: list[Problem]) -> SystemTable | None:
    """The table without its unknown keys, which are told: they must not hide other mistakes."""
    try:
        return SystemTable.model_validate(table)
    except ValidationError as error:
        found += problems_of(error, file, prefix)
        mistakes = _own_mistakes(error)
    unknown = [item["loc"] for item in mistakes if item["type"] == "extra_forbidden"]
    if len(unknown) < len(mistakes):
        return None
    known = copy.deepcopy(table)
    for path in unknown:
        inner: Any = known
        for part in path[:-1]:
            inner = inner[part]
        del inner[path[-1]]
    return SystemTable.model_validate(known)


Report = Callable[[str, str], None]


def _reporter(file: str, name: str, found: list[Problem]) -> Report:
    def report(key: str, expected: str) -> None:
        found.append(Problem(file, f"systems.{name}.{key}", expected))

    return report


def _system(name: str, table: SystemTable, secrets: SecretReader, report: Report) -> System:
    if (table.dialect is Dialect.SIGNED_TICKET) != (table.ticket is not None):
        report("ticket", "a ticket table exactly where the dialect is signed_ticket")
    if table.when_unlinked is WhenUnlinked.CLAIM and table.verification is None:
        report("verification", "how an old password is checked, where accounts can be claimed")
    _check_owners(table, report)
    rules = table.claims
    names = [rule.claim for rule in rules or ()]
    for number, claim in enumerate(names):
        if claim in names[:number]:
            report(f"claims.{number}.claim", "each claim only once")
    return System(
        system_id=SystemId(name),
        name=LocalText(vi=table.name.vi, en=table.name.en),
        owners=tuple(OwnerAgency(**owner.model_dump()) for owner in table.owners),
        level=table.level,
        dialect=table.dialect,
        sector=SectorId(table.sector or name),
        required_assurance=Assurance(table.required_assurance),
        claims=STANDARD_RULES
        if rules is None
        else tuple(ClaimRule(**r.model_dump()) for r in rules),
        when_unlinked=table.when_unlinked,
        provisioning=table.provisioning,
        new_account_prefix=table.new_account_prefix,
        consent=table.consent,
        address=table.address,
        verification=_verification(table.verification, secrets, report),
        ticket=_ticket(table.ticket, secrets, report),
    )


def _check_owners(table: SystemTable, report: Report) -> None:
    for number, owner in enumerate(table.owners):
        if owner.valid_to is not None and owner.valid_to <= owner.valid_from:
            report(f"owners.{number}.valid_to", "a day after valid_from")
    owners = sorted(table.owners, key=lambda owner: owner.valid_from)
    for earlier, later in pairwise(owners):
        if earlier.valid_to is None or earlier.valid_to > later.valid_from:
            report("owners", "periods that do not overlap")


def _verification(
    table: _Verification | None, secrets: SecretReader, report: Report
) -> HttpVerification | FileVerification | None:
    if table is None:
        return None
    if table.password_file is not None and table.url is None and table.secret is None:
        return FileVerification(path=table.password_file)
    if table.url is None or table.secret is None or table.password_file is not None:
        report("verification", "either url and secret, or password_file")
        return None
    _check_url(table.url, "verification.url", report)
    return HttpVerification(
        url=table.url, secret=_strong(table.secret, "verification.secret", secrets, report)
    )


def _ticket(table: _Ticket | None, secrets: SecretReader, report: Report) -> TicketSettings | None:
    if table is None:
        return None
    for url in table.return_urls:
        _check_url(url, "ticket.return_urls", report)
    if table.logout_url is not None:
        _check_url(table.logout_url, "ticket.logout_url", report)
    return TicketSettings(
        return_urls=table.return_urls,
        secret=_strong(table.secret, "ticket.secret", secrets, report),
        logout_url=table.logout_url,
    )


def _check_url(url: str, key: str, report: Report) -> None:
    if not _plain_address(url):
        report(key, "an http or https address without fragment, `*` or user")


def _plain_address(url: str) -> bool:
    if not url.isascii() or not url.isprintable() or set(url) & set('#* \\"<>'):
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port  # read here, since a wrong one is only noticed when it is read
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc


def _strong(table: _Secret, key: str, secrets: SecretReader, report: Report) -> str:
    secret = secrets(table.env, table.file, table.inline)
    if not strong(secret):
        report(key, STRONG)
    return secret or ""

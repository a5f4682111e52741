"""The configuration: TOML in, one frozen `Settings` out, or all mistakes together.

Guarantee: what `load_settings` returns is complete and consistent; nothing is defaulted that
weakens security, and no secret has a default.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from connectors.config import Problem, SecretReader, environment_secrets, read_systems
from connectors.contract import SystemId
from connectors.registry import System
from idp.config_clients import read_clients
from idp.config_tables import ProviderTables, read_tables
from idp.model import Client, ClientId

TOP_LEVEL = ("include", "provider", "storage", "keys", "network", "clients", "systems")
KEK_BYTES = 32


class ConfigurationRefused(Exception):
    """The configuration has mistakes; `problems` holds every one of them."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(f"{len(problems)} configuration mistake(s)")
        self.problems = problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the service needs to start."""

    tables: ProviderTables
    keks: tuple[bytes, ...] = field(repr=False)
    clients: Mapping[ClientId, Client]
    systems: Mapping[SystemId, System]

    @property
    def issuer(self) -> str:
        """Our own name, exactly as it stands in every token."""
        return self.tables.provider.issuer


def load_settings(path: Path, environment: Mapping[str, str], *, demo: bool = False) -> Settings:
    """Read the file and all it includes; check all of it before reporting.

    Raises: ConfigurationRefused with every mistake: file, key, what is expected.
    """
    problems: list[Problem] = []
    document = _read_all(path, problems)
    secrets = environment_secrets(environment, path.parent, allow_inline=demo)
    tables, keks = _provider(document, path, environment, secrets, problems, demo=demo)
    systems, system_problems = read_systems(
        _table(document, "systems", path, problems), str(path), secrets
    )
    clients, client_problems = read_clients(
        _table(document, "clients", path, problems), str(path), secrets, systems, demo=demo
    )
    problems += system_problems + client_problems
    if problems or tables is None:
        raise ConfigurationRefused(problems)
    return Settings(tables=tables, keks=keks, clients=clients, systems=systems)


def _provider(
    document: Mapping[str, object],
    path: Path,
    environment: Mapping[str, str],
    secrets: SecretReader,
    problems: list[Problem],
    *,
    demo: bool,
) -> tuple[ProviderTables | None, tuple[bytes, ...]]:
    own = {name: document.get(name, {}) for name in ("provider", "storage", "keys", "network")}
    tables, table_problems = read_tables(own, str(path), environment)
    problems += table_problems
    if tables is None:
        return None, ()
    problems += _issuer_problems(tables.provider.issuer, str(path), demo=demo)
    keks: list[bytes] = []
    for number, reference in enumerate(tables.keys.keks):
        raw = secrets(reference.env, reference.file, reference.inline)
        kek = _hex_key(raw)
        if kek is None:
            key = f"keys.keks.{number}"
            problems.append(Problem(str(path), key, "32 random bytes in hexadecimal (64 digits)"))
        else:
            keks.append(kek)
    return tables, tuple(keks)


def _hex_key(text: str | None) -> bytes | None:
    try:
        key = bytes.fromhex(text or "")
    except ValueError:
        return None
    return key if len(key) == KEK_BYTES and len(set(key)) > 8 else None


def _issuer_problems(issuer: str, file: str, *, demo: bool) -> list[Problem]:
    parts = urlsplit(issuer)
    wanted = "an https address without path, query, fragment or final slash"
    well_formed = bool(parts.hostname) and issuer == f"{parts.scheme}://{parts.netloc}"
    loopback = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
    if well_formed and "@" not in issuer and (parts.scheme == "https" or (demo and loopback)):
        return []
    return [Problem(file, "provider.issuer", wanted)]


def _read_all(path: Path, problems: list[Problem]) -> dict[str, object]:
    """The file and its includes as one document; a table may stand in one file only."""
    document = _read_one(path, problems)
    unknown = sorted(set(document) - set(TOP_LEVEL))
    problems += [Problem(str(path), key, f"one of {', '.join(TOP_LEVEL)}") for key in unknown]
    patterns = document.pop("include", [])
    if not isinstance(patterns, list) or not all(isinstance(item, str) for item in patterns):
        problems.append(Problem(str(path), "include", "a list of file patterns"))
        patterns = []
    for pattern in patterns:
        found = sorted(path.parent.glob(pattern))
        if not found:
            problems.append(Problem(str(path), "include", "each pattern to match a file"))
        for included in found:
            _merge(document, _read_one(included, problems), included, problems)
    return document


def _merge(
    document: dict[str, object],
    addition: Mapping[str, object],
    file: Path,
    problems: list[Problem],
) -> None:
    for section, entries in addition.items():
        if section not in ("clients", "systems") or not isinstance(entries, dict):
            problems.append(Problem(str(file), section, "only clients and systems in an include"))
            continue
        target = document.setdefault(section, {})
        for name, entry in entries.items():
            if isinstance(target, dict) and name in target:
                problems.append(Problem(str(file), f"{section}.{name}", "declared only once"))
            elif isinstance(target, dict):
                target[name] = entry


def _read_one(path: Path, problems: list[Problem]) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        problems.append(Problem(str(path), "", f"a readable file ({error.strerror})"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(Problem(str(path), "", f"valid TOML in UTF-8 ({error})"))
    return {}


def _table(
    document: Mapping[str, object], name: str, path: Path, problems: list[Problem]
) -> Mapping[str, object]:
    table = document.get(name, {})
    if isinstance(table, dict):
        return table
    problems.append(Problem(str(path), name, "a table"))
    return {}

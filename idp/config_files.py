"""The files of a configuration as one document, in which every table knows where it stands."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connectors.config.checked import Entry
from connectors.config.problems import Place, Problem

TOP_LEVEL = (
    "include",
    "provider",
    "storage",
    "keys",
    "network",
    "deep_links",
    "ldap_view",
    "clients",
    "systems",
    "scim",
    "sources",
)
OPTIONAL = ("ldap_view",)
"""Tables whose absence says something else than an empty one."""
INCLUDED = ("clients", "systems", "sources")
_URLS = {"database_url": "LIENTHONG_DATABASE_URL", "redis_url": "LIENTHONG_REDIS_URL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What all files say together. A client, a system or a source stands in one file only."""

    provider: Entry
    clients: Mapping[str, Entry] = field(default_factory=dict)
    systems: Mapping[str, Entry] = field(default_factory=dict)
    sources: Mapping[str, Entry] = field(default_factory=dict)
    connectors: Mapping[str, Entry] = field(default_factory=dict)


def read_files(path: Path, environment: Mapping[str, str], found: list[Problem]) -> Document | None:
    """The file and all it includes, or None where the first file cannot be read at all."""
    first = _read(path, found)
    if first is None:
        return None
    place = Place(str(path))
    known = f"one of {', '.join(TOP_LEVEL)}"
    found += [place.at(key).problem(known) for key in first if key not in TOP_LEVEL]
    sections: dict[str, dict[str, Entry]] = {name: {} for name in INCLUDED}
    for section in INCLUDED:
        _collect(sections[section], first.get(section, {}), place.at(section), found)
    connectors = _connectors(first.get("scim", {}), place.at("scim"), found)
    for included in _included(first.get("include", []), path, found):
        _include(sections, included, found)
    apart = ("include", "scim", *INCLUDED)
    absent = {name for name in OPTIONAL if name not in first}
    own = {name: first.get(name, {}) for name in TOP_LEVEL if name not in {*apart, *absent}}
    return Document(
        provider=Entry(place, _with_urls(own, environment)), connectors=connectors, **sections
    )


def _connectors(table: object, place: Place, found: list[Problem]) -> dict[str, Entry]:
    """`[scim.connectors.ID]`; in the first file alone, beside who else may do what."""
    connectors: dict[str, Entry] = {}
    if not isinstance(table, dict):
        found.append(place.problem("a table"))
        return connectors
    found += [place.at(key).problem("connectors") for key in table if key != "connectors"]
    _collect(connectors, table.get("connectors", {}), place.at("connectors"), found)
    return connectors


def _with_urls(own: dict[str, object], environment: Mapping[str, str]) -> dict[str, object]:
    """The two addresses of the stores may come from the environment, which wins."""
    storage = own["storage"]
    given = {key: environment[name] for key, name in _URLS.items() if environment.get(name)}
    return own | {"storage": storage | given} if isinstance(storage, dict) else own


def _included(patterns: object, path: Path, found: list[Problem]) -> list[Path]:
    place = Place(str(path), "include")
    if not isinstance(patterns, list) or not all(isinstance(item, str) for item in patterns):
        found.append(place.problem("a list of file patterns"))
        return []
    files: list[Path] = []
    for number, pattern in enumerate(patterns):
        matching = _matching(path.parent, pattern)
        if not matching:
            found.append(place.at(number).problem("a relative pattern that matches a file"))
        files += [file for file in matching if file not in files]
    return files


def _matching(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern))
    except (ValueError, NotImplementedError):
        # An empty pattern, or an absolute one: the caller tells it as one that matches nothing.
        return []


def _include(sections: dict[str, dict[str, Entry]], path: Path, found: list[Problem]) -> None:
    place = Place(str(path))
    for section, entries in (_read(path, found) or {}).items():
        if section in sections:
            _collect(sections[section], entries, place.at(section), found)
        else:
            found.append(
                place.at(section).problem("only clients, systems and sources in an include")
            )


def _collect(
    section: dict[str, Entry], entries: object, place: Place, found: list[Problem]
) -> None:
    if not isinstance(entries, dict):
        found.append(place.problem("a table"))
        return
    for name, table in entries.items():
        if name in section:
            where = section[name].place.file
            found.append(place.at(name).problem(f"to be declared only once (also in {where})"))
        else:
            section[name] = Entry(place.at(name), table)


def _read(path: Path, found: list[Problem]) -> dict[str, object] | None:
    place = Place(str(path))
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        found.append(place.problem(f"a readable file ({error.strerror})"))
    except UnicodeDecodeError:
        found.append(place.problem("text in UTF-8"))
    except tomllib.TOMLDecodeError as error:
        # The parser's words name lines and keys, never values.
        found.append(place.problem(f"valid TOML ({error})"))
    except RecursionError:
        found.append(place.problem("valid TOML (it is nested too deeply)"))
    return None

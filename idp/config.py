"""The configuration: TOML in, one frozen `Settings` out, or all mistakes together.

Guarantee: what `load_settings` returns is complete and consistent; nothing is defaulted that
weakens security, and no secret has a default.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connectors.config.checked import checked
from connectors.config.directories import is_directory, read_directories
from connectors.config.problems import Problem
from connectors.config.sources import read_sources
from connectors.config.surroundings import Surroundings
from connectors.config.systems import read_systems
from connectors.contract import SystemId
from connectors.registry import System
from connectors.sources.ldap.directory import Directory
from connectors.sources.model import Source, SourceId
from idp.config_clients import read_clients
from idp.config_egress import unreachable
from idp.config_event_poll import polling_problems
from idp.config_files import Document, read_files
from idp.config_ldap import ldap_contradictions
from idp.config_scim import read_connectors
from idp.config_tables import ProviderTables
from idp.egress.rules import EVERYTHING_HERE, EgressRules
from idp.model import Client, ClientId, Connector, ConnectorId


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
    sources: Mapping[SourceId, Source] = field(default_factory=dict)
    directories: Mapping[SourceId, Directory] = field(default_factory=dict)
    connectors: Mapping[ConnectorId, Connector] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        """Our own name, exactly as it stands in every token."""
        return self.tables.provider.issuer

    @property
    def egress_rules(self) -> EgressRules:
        """Which registered addresses are called: a plain http issuer is the demo, all of it here."""
        return egress_rules(self.tables)


def egress_rules(tables: ProviderTables) -> EgressRules:
    """See `Settings.egress_rules`."""
    demo = tables.provider.issuer.startswith("http:")
    return EVERYTHING_HERE if demo else tables.network.egress_rules()


def load_settings(path: Path, environment: Mapping[str, str], *, demo: bool = False) -> Settings:
    """Read the file and all it includes; check all of it before reporting.

    Keys that contradict each other are told once each of them is right by itself.

    Raises: ConfigurationRefused with every mistake: file, key, what is expected.
    """
    found: list[Problem] = []
    document = read_files(path, environment, found)
    if document is None:
        raise ConfigurationRefused(found)
    surroundings = Surroundings(environment=environment, folder=path.parent, demo=demo)
    tables = checked(ProviderTables, document.provider, surroundings, found)
    systems, system_problems = read_systems(document.systems, surroundings)
    clients, client_problems = read_clients(
        document.clients, surroundings, systems, frozenset(document.systems)
    )
    connectors, connector_problems = read_connectors(
        document.connectors,
        surroundings,
        clients,
        frozenset(document.clients) | frozenset(document.systems) | frozenset(document.sources),
    )
    known = frozenset(document.systems)
    directories, directory_problems = read_directories(
        {name: entry for name, entry in document.sources.items() if is_directory(entry)},
        surroundings,
        known,
    )
    sources, source_problems = read_sources(
        {name: entry for name, entry in document.sources.items() if not is_directory(entry)},
        surroundings,
        known,
    )
    found += directory_problems
    found += system_problems + client_problems + connector_problems + source_problems
    if tables is not None:
        found += [
            document.provider.place.at("deep_links", code, "system").problem(
                "the id of a declared system"
            )
            for code, link in tables.deep_links.items()
            if link.system not in document.systems
        ]
        found += unreachable(document, systems, clients, sources, directories, egress_rules(tables))
        found += polling_problems(document, systems, clients)
        found += ldap_contradictions(tables.ldap_view, document.provider.place, systems)
        found += _nowhere_to_sign_in(document, tables)
    if found or tables is None:
        raise ConfigurationRefused(found)
    keks = tuple(table.kek for table in tables.keys.keks)
    return Settings(
        tables=tables,
        keks=keks,
        clients=clients,
        systems=systems,
        connectors=connectors,
        sources=sources,
        directories=directories,
    )


def _nowhere_to_sign_in(document: Document, tables: ProviderTables) -> list[Problem]:
    if tables.provider.password_sign_in or document.sources:
        return []
    return [document.provider.place.at("provider", "password_sign_in").problem("true, or a source")]

"""`forward_auth = { … }` of a system: its hosts, its public paths, its headers, whom it admits."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from connectors.config.checked import Entry, Table
from connectors.config.problems import Place, Problem
from connectors.config.tables import SecretTable, WebAddress
from connectors.contract import AccountKind, Admission, SystemId
from connectors.registry import ForwardAuthSettings, System
from connectors.systems.forward_auth.headers import COMMON_HEADERS, IDENTITY_HEADERS
from connectors.systems.forward_auth.hosts import OWN_PLACE
from connectors.systems.forward_auth.paths import is_plain

_DEFAULT_PORTS = {"http": 80, "https": 443}
ALWAYS_KNOWN = frozenset({"sub", "acr", "local_account"})
"""What a header may carry besides the claims that the system declares."""


def _origin(address: str) -> str:
    parts = urlsplit(address)
    plain = f"{parts.scheme}://{parts.netloc}".lower() == address
    if not plain or parts.port == _DEFAULT_PORTS[parts.scheme]:
        raise ValueError("https://host or https://host:port, in lower case, without a path")
    return address


def _public_path(path: str) -> str:
    if not path.startswith("/") or path == "/" or not is_plain(path) or path.startswith(OWN_PLACE):
        raise ValueError("a plain path below /, of letters, digits and ._~- (no escapes)")
    return path


def _header_name(name: str) -> str:
    if name in IDENTITY_HEADERS or (name.startswith("x-forwarded-") and name not in COMMON_HEADERS):
        raise ValueError("another name (proxies, or we, use this one themselves)")
    return name


HeaderName = Annotated[
    str, Field(pattern=r"^(x|remote)-[a-z-]{1,40}$"), AfterValidator(_header_name)
]


class AdmissionTable(Table):
    """Whom the system lets in; a key that is not there asks nothing."""

    account_kinds: frozenset[AccountKind] = frozenset()
    agencies: frozenset[Annotated[str, Field(pattern=r"^[A-Z0-9.]{1,35}$")]] = frozenset()
    email_domains: frozenset[Annotated[str, Field(pattern=r"^[a-z0-9.-]{3,200}$")]] = frozenset()


class ForwardAuthTable(Table):
    """Which hosts ask us, and what they are told: two secrets while one is replaced."""

    origins: Annotated[
        tuple[Annotated[WebAddress, AfterValidator(_origin)], ...], Field(min_length=1)
    ]
    secrets: Annotated[tuple[SecretTable, ...], Field(min_length=1, max_length=2)]
    public_paths: tuple[Annotated[str, AfterValidator(_public_path)], ...] = ()
    headers: Mapping[HeaderName, str] = {}
    admits: AdmissionTable | None = None


def forward_auth_settings(table: ForwardAuthTable | None) -> ForwardAuthSettings | None:
    """As the rest of the house knows it."""
    if table is None:
        return None
    return ForwardAuthSettings(
        origins=table.origins,
        secrets=tuple(entry.secret for entry in table.secrets),
        public_paths=table.public_paths,
        headers=tuple(table.headers.items()),
        admission=admission_of(table.admits),
    )


def admission_of(table: AdmissionTable | None) -> Admission | None:
    """The rule as the rest of the house knows it."""
    if table is None:
        return None
    return Admission(
        kinds=table.account_kinds,
        agencies=table.agencies,
        email_domains=table.email_domains,
    )


def claims_not_declared(
    table: ForwardAuthTable | None, declared: Sequence[str], place: Place
) -> list[Problem]:
    """Headers whose claim the system does not declare: they would always be empty."""
    if table is None:
        return []
    return [
        place.at("forward_auth", "headers", name).problem("a declared claim, sub or acr")
        for name, claim in table.headers.items()
        if claim not in ALWAYS_KNOWN and claim not in declared
    ]


def shared_origins(
    systems: Mapping[SystemId, System], entries: Mapping[str, Entry]
) -> list[Problem]:
    """Hosts that more than one system claims: the policy of a host is that of one system."""
    problems: list[Problem] = []
    owned: set[str] = set()
    for name, system in systems.items():
        settings = system.forward_auth
        for number, origin in enumerate(settings.origins if settings else ()):
            host = urlsplit(origin).netloc
            if host in owned:
                place = entries[name].place.at("forward_auth", "origins", number)
                problems.append(place.problem("a host that no other entry has"))
            owned.add(host)
    return problems

"""The shapes of the provider's own tables in the configuration file."""

import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PrivateAttr, ValidationInfo

from connectors.config.checked import Table
from connectors.config.tables import (
    FilePath,
    SecretTable,
    TextTable,
    WebAddress,
    plain_address,
    surroundings_of,
)
from idp.config_ldap import LdapViewListenTable
from idp.egress.ranges import Range, range_of
from idp.egress.rules import AllowedHost, EgressRules, canonical, number_of
from idp.trust import trusting

LEVEL_2_HOURS = 24
KEK_BYTES = 32
KEK_DIFFERENT = 9
_HOST = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}", re.ASCII)


def _issuer(issuer: str, info: ValidationInfo) -> str:
    parts = plain_address(issuer)
    if parts is not None and parts.hostname and issuer == f"{parts.scheme}://{parts.netloc}":
        loopback = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
        if parts.scheme == "https" or (loopback and surroundings_of(info).demo):
            return issuer
    raise ValueError("an https address without path, query, fragment or final slash")


class ProviderTable(Table):
    """`[provider]`."""

    issuer: Annotated[str, AfterValidator(_issuer)]
    listen: Annotated[str, Field(pattern=r"^[^:]+:\d{1,5}$|^\[.+\]:\d{1,5}$")] = "127.0.0.1:8080"
    service_name: TextTable = TextTable(vi="Liên Thông", en="Liên Thông")
    support: TextTable | None = None
    session_idle_minutes: Annotated[int, Field(ge=1, le=60)] = 60
    session_hours: Annotated[int, Field(ge=1, le=LEVEL_2_HOURS)] = 12
    second_factor: Literal["always", "when-required"] = "always"
    password_sign_in: bool = True
    """Whether people may sign in with a user name and a password of ours, beside the sources."""


class StorageTable(Table):
    """`[storage]`. `LIENTHONG_DATABASE_URL` and `LIENTHONG_REDIS_URL` win over it."""

    database_url: Annotated[str, Field(pattern=r"^(sqlite:///.+|postgresql://.+)$")]
    redis_url: Annotated[str, Field(pattern=r"^(redis|rediss|unix)://.+$")] | None = None


class KekTable(SecretTable):
    """Where a key-encryption key stands."""

    _kek: bytes = PrivateAttr(default=b"")

    @property
    def kek(self) -> bytes:
        """The key itself."""
        return self._kek

    def _accepted(self, secret: str | None) -> str:
        try:
            self._kek = bytes.fromhex(secret or "")
        except ValueError:
            self._kek = b""
        if len(self._kek) != KEK_BYTES or len(set(self._kek)) < KEK_DIFFERENT:
            raise ValueError(
                f"{KEK_BYTES} random bytes in hexadecimal, by exactly one of env or file"
            )
        return ""


Algorithm = Literal["ES256", "RS256", "EdDSA", "PS256", "ES384"]


def _with_the_defaults(algorithms: tuple[str, ...]) -> tuple[str, ...]:
    if not {"ES256", "RS256"} <= set(algorithms):
        raise ValueError("ES256 and RS256 among them: both are always on offer")
    return algorithms


class KeysTable(Table):
    """`[keys]`. The first key-encryption key seals, all of them open."""

    keks: Annotated[tuple[KekTable, ...], Field(min_length=1, max_length=4)]
    store: Literal["sql", "file"] = "sql"
    file: FilePath | None = None
    algorithms: Annotated[tuple[Algorithm, ...], AfterValidator(_with_the_defaults)] = (
        "ES256",
        "RS256",
    )
    rotate_days: Annotated[int, Field(ge=1, le=400)] = 90


def _network(network: str) -> str:
    try:
        ip_network(network)
    except ValueError:
        raise ValueError("a network such as 10.0.0.0/8, without host bits") from None
    return network


def _certificates(ca_file: str) -> str:
    try:
        trusting(ca_file)
    except OSError:
        raise ValueError("a readable file of certificates (PEM)") from None
    return ca_file


def _host(name: str) -> str:
    host = canonical(name)
    if host is None or not _HOST.fullmatch(host):
        raise ValueError("a host name or a number, without scheme, port, path or `*`")
    number = number_of(host)
    if number is not None and range_of(number) is Range.CLOSED:
        raise ValueError("no link-local, multicast or reserved number: those are never called")
    return host


def _without_query(address: str) -> str:
    if "?" in address:
        raise ValueError("an address without a query: the codes of the link come there")
    return address


AgencyCode = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9.]{0,34}$")]


class AllowedHostTable(Table):
    """A host of our own network that registered addresses may name."""

    host: Annotated[str, Field(max_length=253), AfterValidator(_host)]
    ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = ()
    plain_http: bool = False


def _each_once(hosts: tuple[AllowedHostTable, ...]) -> tuple[AllowedHostTable, ...]:
    if len({entry.host for entry in hosts}) < len(hosts):
        raise ValueError("each host only once")
    return hosts


class NetworkTable(Table):
    """`[network]`."""

    trusted_proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    ca_file: Annotated[FilePath, AfterValidator(_certificates)] | None = None
    allowed_hosts: Annotated[tuple[AllowedHostTable, ...], AfterValidator(_each_once)] = ()

    def egress_rules(self) -> EgressRules:
        """What may be called, as the egress client knows it."""
        return EgressRules(
            allowed_hosts={
                entry.host: AllowedHost(ports=frozenset(entry.ports), plain_http=entry.plain_http)
                for entry in self.allowed_hosts
            }
        )


class DeepLinkTable(Table):
    """`[deep_links."CODE"]`: where the National Portal's hand-offs to one agency go."""

    system: Annotated[str, Field(max_length=50)]
    start: Annotated[WebAddress, AfterValidator(_without_query)]


class ProviderTables(Table):
    """All of the provider's own tables."""

    provider: ProviderTable
    storage: StorageTable
    keys: KeysTable
    network: NetworkTable = NetworkTable()
    ldap_view: LdapViewListenTable | None = None
    deep_links: Mapping[AgencyCode, DeepLinkTable] = Field(default_factory=dict)

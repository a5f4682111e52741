"""The shapes of the provider's own tables in the configuration file."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from connectors.config import Problem, problems_of
from connectors.contract import LocalText

LEVEL_2_HOURS = 24


class Table(BaseModel):
    """Unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TextTable(Table):
    """A text in both languages."""

    vi: Annotated[str, Field(min_length=1, max_length=200)]
    en: Annotated[str, Field(min_length=1, max_length=200)]

    def text(self) -> LocalText:
        """As the rest of the house knows it."""
        return LocalText(vi=self.vi, en=self.en)


class ProviderTable(Table):
    """`[provider]`."""

    issuer: str
    listen: Annotated[str, Field(pattern=r"^[^:]+:\d{1,5}$|^\[.+\]:\d{1,5}$")] = "127.0.0.1:8080"
    service_name: TextTable = TextTable(vi="Liên Thông", en="Liên Thông")
    support: TextTable | None = None
    session_idle_minutes: Annotated[int, Field(ge=1, le=60)] = 60
    session_hours: Annotated[int, Field(ge=1, le=LEVEL_2_HOURS)] = 12
    second_factor: Literal["always", "when-required"] = "always"


class StorageTable(Table):
    """`[storage]`. `LIENTHONG_DATABASE_URL` and `LIENTHONG_REDIS_URL` win over it."""

    database_url: Annotated[str, Field(pattern=r"^(sqlite:///.+|postgresql://.+)$")]
    redis_url: Annotated[str, Field(pattern=r"^(redis|rediss|unix)://.+$")] | None = None


class SecretReference(Table):
    """Where a secret stands: an environment variable or a file; `inline` in the demo only."""

    env: str | None = None
    file: str | None = None
    inline: str | None = None


class KeysTable(Table):
    """`[keys]`. The first key-encryption key seals, all of them open."""

    keks: Annotated[tuple[SecretReference, ...], Field(min_length=1, max_length=4)]
    store: Literal["sql", "file"] = "sql"
    file: str | None = None
    algorithms: tuple[Literal["ES256", "RS256", "EdDSA", "PS256", "ES384"], ...] = (
        "ES256",
        "RS256",
    )
    rotate_days: Annotated[int, Field(ge=1, le=400)] = 90

    @field_validator("keks", "algorithms", mode="before")
    @classmethod
    def _from_list(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("algorithms")
    @classmethod
    def _keep_the_defaults(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not {"ES256", "RS256"} <= set(value):
            raise ValueError("ES256 and RS256 are always on offer")
        return value


class NetworkTable(Table):
    """`[network]`."""

    trusted_proxies: tuple[str, ...] = ()
    ca_file: str | None = None

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        if not isinstance(value, list):
            return value
        for item in value:
            ip_network(item)
        return tuple(value)


class ProviderTables(Table):
    """All of the provider's own tables."""

    provider: ProviderTable
    storage: StorageTable
    keys: KeysTable
    network: NetworkTable = NetworkTable()


def read_tables(
    tables: Mapping[str, object], file: str, environment: Mapping[str, str]
) -> tuple[ProviderTables | None, list[Problem]]:
    """The checked tables, or every mistake in them. The two URLs may come from the environment."""
    document = dict(tables)
    storage = document.get("storage")
    if isinstance(storage, dict):
        document["storage"] = storage | {
            key: environment[name]
            for key, name in (
                ("database_url", "LIENTHONG_DATABASE_URL"),
                ("redis_url", "LIENTHONG_REDIS_URL"),
            )
            if environment.get(name)
        }
    try:
        return ProviderTables.model_validate(document), []
    except ValidationError as error:
        return None, problems_of(error, file, "")

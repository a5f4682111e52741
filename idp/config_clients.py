"""`[clients.ID]`: OIDC registrations, checked as RFC 7591 and RFC 8252 would have it."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator

from connectors.config import Problem, SecretReader, problems_of
from connectors.contract import Assurance, ConsentRule, LocalText, SectorId, SystemId
from connectors.registry import System
from idp.config_tables import SecretReference, Table, TextTable
from idp.model import (
    AccessTokenFormat,
    ApplicationType,
    Client,
    ClientAuthMethod,
    ClientId,
    GrantType,
)
from idp.protocol.scopes import KNOWN
from keys.errors import JoseRefused
from keys.jose import import_jwks

_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,100}", re.ASCII)
_SCOPE = re.compile(r"[!#-\[\]-~]{1,100}", re.ASCII)
MIN_SECRET = 32
JWKS_ALGORITHMS = frozenset({"ES256", "ES384", "EdDSA", "PS256", "RS256"})
Uri = Annotated[str, Field(min_length=1, max_length=2000)]


class ClientTable(Table):
    """One registration. Lists are arrays of strings."""

    name: TextTable
    application_type: ApplicationType = ApplicationType.WEB
    auth_method: ClientAuthMethod = ClientAuthMethod.SECRET_BASIC
    secrets: tuple[SecretReference, ...] = ()
    jwks_file: str | None = None
    jwks: str | None = None
    redirect_uris: tuple[Uri, ...] = ()
    post_logout_redirect_uris: tuple[Uri, ...] = ()
    grant_types: tuple[GrantType, ...] = (GrantType.AUTHORIZATION_CODE,)
    scopes: tuple[str, ...] = ("openid",)
    pkce_required: bool = True
    id_token_alg: Literal["ES256", "RS256", "EdDSA", "PS256", "ES384"] = "ES256"
    access_token_format: AccessTokenFormat = AccessTokenFormat.OPAQUE
    resource: Uri | None = None
    claims_in_id_token: bool = False
    access_token_seconds: Annotated[int, Field(ge=60, le=3600)] = 600
    refresh_token_days: Annotated[int, Field(ge=1, le=365)] = 30
    system: str | None = None
    sector: Annotated[str, Field(pattern=r"^[a-z0-9._-]{1,100}$")] | None = None
    required_assurance: Annotated[int, Field(ge=1, le=2)] = 1
    consent: ConsentRule = ConsentRule.ASK
    backchannel_logout_uri: Uri | None = None
    introspects_all: bool = False
    disabled: bool = False

    @field_validator(
        "secrets",
        "redirect_uris",
        "post_logout_redirect_uris",
        "grant_types",
        "scopes",
        mode="before",
    )
    @classmethod
    def _from_list(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @field_validator(
        "application_type",
        "auth_method",
        "access_token_format",
        "consent",
        mode="before",
    )
    @classmethod
    def _from_text(cls, value: object, info: object) -> object:
        return _ENUMS[info.field_name](value) if isinstance(value, str) else value  # type: ignore[attr-defined]  # pydantic's info

    @field_validator("grant_types", mode="before")
    @classmethod
    def _grants(cls, value: object) -> object:
        if not isinstance(value, list | tuple):
            return value
        return tuple(GrantType(item) for item in value)


_ENUMS = {
    "application_type": ApplicationType,
    "auth_method": ClientAuthMethod,
    "access_token_format": AccessTokenFormat,
    "consent": ConsentRule,
}


def read_clients(
    tables: Mapping[str, object],
    file: str,
    secrets: SecretReader,
    systems: Mapping[SystemId, System],
    *,
    demo: bool,
) -> tuple[dict[ClientId, Client], list[Problem]]:
    """All registrations, and every mistake in any of them."""
    clients: dict[ClientId, Client] = {}
    problems: list[Problem] = []
    for name, table in tables.items():
        prefix = f"clients.{name}"
        try:
            checked = ClientTable.model_validate(table)
        except ValidationError as error:
            problems += problems_of(error, file, prefix)
            continue
        reader = _ClientReader(name, checked, file, secrets, systems, demo=demo)
        client = reader.read()
        problems += reader.problems
        if client is not None:
            clients[client.client_id] = client
    return clients, problems


class _ClientReader:
    """Reads one registration and collects its mistakes."""

    def __init__(
        self,
        name: str,
        table: ClientTable,
        file: str,
        secrets: SecretReader,
        systems: Mapping[SystemId, System],
        *,
        demo: bool,
    ) -> None:
        self.problems: list[Problem] = []
        self._name = name
        self._table = table
        self._file = file
        self._secrets = secrets
        self._systems = systems
        self._demo = demo

    def read(self) -> Client | None:
        """The client, or None where a mistake was found."""
        table = self._table
        if not _CLIENT_ID.fullmatch(self._name):
            self._problem("", "an id of letters, digits and ._~- (at most 100)")
        self._check_addresses()
        self._check_consistency()
        digests = self._secret_digests()
        jwks = self._jwks()
        system = self._system()
        if self.problems:
            return None
        sector = table.sector or (system.sector if system else f"client:{self._name}")
        return Client(
            client_id=ClientId(self._name),
            name=LocalText(vi=table.name.vi, en=table.name.en),
            application_type=table.application_type,
            auth_method=table.auth_method,
            secret_digests=digests,
            jwks=jwks,
            redirect_uris=table.redirect_uris,
            post_logout_redirect_uris=table.post_logout_redirect_uris,
            grant_types=frozenset(table.grant_types),
            scopes=frozenset(table.scopes),
            pkce_required=table.pkce_required,
            id_token_alg=table.id_token_alg,
            access_token_format=table.access_token_format,
            resource=table.resource,
            claims_in_id_token=table.claims_in_id_token,
            access_token_seconds=table.access_token_seconds,
            refresh_token_seconds=table.refresh_token_days * 86400,
            system=system.system_id if system else None,
            sector=SectorId(sector),
            required_assurance=max(
                Assurance(table.required_assurance),
                system.required_assurance if system else Assurance.LEVEL_1,
            ),
            consent=table.consent,
            backchannel_logout_uri=table.backchannel_logout_uri,
            introspects_all=table.introspects_all,
            disabled=table.disabled,
        )

    def _problem(self, key: str, expected: str) -> None:
        path = f"clients.{self._name}" + (f".{key}" if key else "")
        self.problems.append(Problem(self._file, path, expected))

    def _check_addresses(self) -> None:
        table = self._table
        for uri in table.redirect_uris + table.post_logout_redirect_uris:
            if not self._acceptable(uri, native=table.application_type is ApplicationType.NATIVE):
                self._problem("redirect_uris", "https addresses without fragment, `*` or user")
        out = table.backchannel_logout_uri
        if out is not None and not self._acceptable(out, native=False):
            self._problem("backchannel_logout_uri", "an https address")
        if GrantType.AUTHORIZATION_CODE in table.grant_types and not table.redirect_uris:
            self._problem("redirect_uris", "at least one address for the authorization code grant")

    def _acceptable(self, uri: str, *, native: bool) -> bool:
        try:
            parts = urlsplit(uri)
            host = parts.hostname
        except ValueError:
            return False
        clean = uri.isascii() and uri.isprintable() and not set(uri) & set('#*\\ "<>')
        if not clean or "@" in parts.netloc or "/.." in parts.path:
            return False
        if native and "." in parts.scheme and not parts.netloc:
            return True
        loopback = host in ("127.0.0.1", "::1", "localhost")
        plain = parts.scheme == "http" and loopback and (native or self._demo)
        return bool(host) and (parts.scheme == "https" or plain)

    def _check_consistency(self) -> None:
        table = self._table
        public = table.auth_method is ClientAuthMethod.NONE
        if public and not table.pkce_required:
            self._problem("pkce_required", "true for a public client")
        if public and GrantType.CLIENT_CREDENTIALS in table.grant_types:
            self._problem("grant_types", "no client_credentials for a public client")
        if any(not _SCOPE.fullmatch(scope) for scope in table.scopes):
            self._problem("scopes", "scope tokens of RFC 6749 §3.3")
        own = [s for s in table.scopes if s not in KNOWN]
        if own and GrantType.CLIENT_CREDENTIALS not in table.grant_types:
            self._problem("scopes", f"some of {', '.join(sorted(KNOWN))}")
        if table.access_token_format is AccessTokenFormat.JWT and not table.resource:
            self._problem("resource", "the audience of the JWT access tokens")

    def _secret_digests(self) -> tuple[bytes, ...]:
        table = self._table
        wants = table.auth_method in (ClientAuthMethod.SECRET_BASIC, ClientAuthMethod.SECRET_POST)
        if wants != bool(table.secrets) or len(table.secrets) > 2:
            self._problem(
                "secrets", "one secret (or two while one is replaced)" if wants else "none"
            )
            return ()
        digests = []
        for number, reference in enumerate(table.secrets):
            secret = self._secrets(reference.env, reference.file, reference.inline)
            if secret is None or len(secret) < MIN_SECRET or len(set(secret)) < 10:
                self._problem(
                    f"secrets.{number}", f"a random secret of at least {MIN_SECRET} characters"
                )
                continue
            digests.append(hashlib.sha256(secret.encode()).digest())
        return tuple(digests)

    def _jwks(self) -> bytes | None:
        table = self._table
        if table.auth_method is not ClientAuthMethod.PRIVATE_KEY_JWT:
            if table.jwks or table.jwks_file:
                self._problem("jwks", "no keys unless auth_method is private_key_jwt")
            return None
        try:
            text = table.jwks or Path(table.jwks_file or "").read_text("utf-8")
            document = json.dumps(json.loads(text)).encode()
            import_jwks(document, JWKS_ALGORITHMS)
        except (OSError, ValueError, JoseRefused):
            self._problem("jwks_file", "a JWK set of public EC, OKP or RSA (≥ 2048 bit) keys")
            return None
        return document

    def _system(self) -> System | None:
        if self._table.system is None:
            return None
        system = self._systems.get(SystemId(self._table.system))
        if system is None:
            self._problem("system", "the id of a declared system")
        return system

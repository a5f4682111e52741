"""`[sources.ID]`: upstream identity providers, as their TOML tables declare them."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from connectors.config.checked import Entry, Table, checked
from connectors.config.problems import Place, Problem
from connectors.config.saml_sources import SamlSourceTable, saml_contradictions, saml_source
from connectors.config.source_presets import OtherPreset, preset_of
from connectors.config.source_rules import broken, levels_named, systems_declared
from connectors.config.surroundings import Surroundings
from connectors.config.tables import ReadableFile, SecretTable, TextTable, WebAddress
from connectors.contract import Assurance, SystemId
from connectors.sources.end_session import UpstreamLogout
from connectors.sources.model import Endpoints, Envelope, Preset, Source, SourceAuth, SourceId
from keys.envelope import KeyWrap, PayloadCipher
from keys.errors import NoSuchKey
from keys.pem import load_private_pem

SOURCE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,29}", re.ASCII)
NO_ID_TOKEN = "none"


def _private_key(path: str) -> str:
    try:
        load_private_pem(Path(path).read_bytes())
    except (NoSuchKey, OSError):
        raise ValueError("an unencrypted private key in PEM (P-256, P-384, RSA 2048)") from None
    return path


PrivateKeyFile = Annotated[ReadableFile, AfterValidator(_private_key)]
Level = Annotated[int, Field(ge=1, le=2)]


class EndpointsTable(Table):
    """Where the source is asked; a preset may know them from the issuer."""

    authorization: WebAddress
    token: WebAddress
    userinfo: WebAddress | None = None
    jwks: WebAddress | None = None
    pushed_authorization_request: WebAddress | None = None
    end_session: WebAddress | None = None


class EnvelopeTable(Table):
    """How encrypted answers are opened (VNeID)."""

    key_file: PrivateKeyFile
    key_wrap: KeyWrap
    cipher: PayloadCipher


class SourceTable(Table):
    """One `[sources.ID]`."""

    preset: OtherPreset
    name: TextTable
    issuer: WebAddress
    client_id: Annotated[str, Field(min_length=1, max_length=200)]
    auth: SourceAuth | None = None
    secret: SecretTable | None = None
    signing_key_file: PrivateKeyFile | None = None
    endpoints: EndpointsTable | None = None
    scope: Annotated[str, Field(pattern=r"^[!#-\[\]-~ ]{1,300}$")] | None = None
    pkce: bool | None = None
    nonce: bool | None = None
    id_token_alg: Literal["RS256", "PS256", "ES256", "ES384", "EdDSA", "none"] | None = None
    iss_parameter: bool | None = None
    assurance: Annotated[dict[str, Level], Field(max_length=20)] | None = None
    assurance_otherwise: Level | None = None
    allowed_systems: tuple[str, ...] | None = None
    envelope: EnvelopeTable | None = None
    declared_down: bool = False
    par: bool = False
    request_object: bool = False
    upstream_logout: UpstreamLogout | None = None


def read_sources(
    entries: Mapping[str, Entry], surroundings: Surroundings, systems: Collection[str]
) -> tuple[dict[SourceId, Source], list[Problem]]:
    """All sources that are declared without mistake, and every mistake in the others."""
    sources: dict[SourceId, Source] = {}
    problems: list[Problem] = []
    issuers: dict[str, str] = {}
    for name, entry in entries.items():
        found: list[Problem] = []
        if not SOURCE_ID.fullmatch(name):
            found.append(entry.place.problem("an id of a-z, 0-9 and -, at most 30"))
        source = _read(SourceId(name), entry, surroundings, systems, found)
        if source is not None:
            if issuers.setdefault(source.issuer, name) != name:
                # (issuer, subject) is the identity: two tables would speak for the same people.
                key = "issuer" if source.saml is None else "metadata_file"
                found.append(entry.place.at(key).problem("an issuer that no other source has"))
            if not found:
                sources[source.source_id] = source
        problems += found
    return sources, problems


def _read(
    source_id: SourceId,
    entry: Entry,
    surroundings: Surroundings,
    systems: Collection[str],
    found: list[Problem],
) -> Source | None:
    """The source by the table of its preset; every mistake is added to `found`."""
    if isinstance(entry.table, Mapping) and entry.table.get("preset") == Preset.SAML:
        by_saml = checked(SamlSourceTable, entry, surroundings, found)
        if by_saml is None:
            return None
        found += saml_contradictions(by_saml, entry.place, systems)
        return saml_source(source_id, by_saml)
    table = checked(SourceTable, entry, surroundings, found)
    if table is None:
        return None
    source = _source(source_id, table)
    found += _contradictions(table, source, entry.place, systems)
    return source


def _contradictions(
    table: SourceTable, source: Source, place: Place, systems: Collection[str]
) -> list[Problem]:
    """Keys that are right by themselves, and not together."""
    checks = (
        (_authenticates(table, source), "auth", "secret, or signing_key_file for private_key_jwt"),
        (
            _signs(table, source),
            "signing_key_file",
            "a file exactly where this source is signed to",
        ),
        (
            source.par == (source.endpoints.pushed_authorization_request is not None),
            "endpoints.pushed_authorization_request",
            "an address exactly where par is true",
        ),
        (source.preset is Preset.OIDC or not source.par, "par", "false but for preset oidc"),
        (
            source.endpoints.end_session is not None
            or table.upstream_logout in (None, UpstreamLogout.NEVER),
            "endpoints.end_session",
            "the address where people sign out there",
        ),
        (
            source.preset is Preset.OIDC or not source.request_object,
            "request_object",
            "false but for preset oidc",
        ),
        (bool(source.endpoints.authorization), "endpoints", "the addresses of the source"),
        (
            (source.id_token_alg is None) == (source.endpoints.jwks is None),
            "endpoints.jwks",
            "an address exactly where there are ID tokens",
        ),
        (
            source.endpoints.userinfo is not None or source.preset is Preset.OIDC,
            "endpoints.userinfo",
            "an address (this preset reads the person there)",
        ),
        (
            source.id_token_alg is not None or source.preset is not Preset.OIDC,
            "id_token_alg",
            "an algorithm (OpenID Connect has ID tokens)",
        ),
        (source.id_token_alg is not None or not source.nonce, "nonce", "false without ID tokens"),
        (
            source.pkce or source.nonce or source.preset is Preset.VNEID,
            "pkce",
            "pkce or nonce, or both: without them a stolen code can be put into another sign-in",
        ),
        (
            (source.preset is Preset.VNEID) == (table.envelope is not None),
            "envelope",
            "a table exactly where the preset is vneid",
        ),
        levels_named(source.assurance, source.assurance_otherwise),
        systems_declared(table.allowed_systems, systems),
    )
    return broken(checks, place)


def _authenticates(table: SourceTable, source: Source) -> bool:
    by_key = source.auth is SourceAuth.PRIVATE_KEY_JWT
    return (table.secret is None) == by_key and (not by_key or table.signing_key_file is not None)


def _signs(table: SourceTable, source: Source) -> bool:
    if source.auth is SourceAuth.PRIVATE_KEY_JWT:
        return True  # a missing file was told as `auth`
    return (table.signing_key_file is not None) == source.request_object


def _source(source_id: SourceId, table: SourceTable) -> Source:
    preset = preset_of(table.preset, table.issuer)
    chosen = table.endpoints
    algorithm = table.id_token_alg or preset.id_token_alg or NO_ID_TOKEN
    levels = table.assurance if table.assurance is not None else preset.assurance
    otherwise = table.assurance_otherwise or (
        preset.assurance_otherwise if table.assurance is None else None
    )
    return Source(
        source_id=source_id,
        preset=table.preset,
        name=table.name.text(),
        issuer=table.issuer,
        client_id=table.client_id,
        auth=table.auth or preset.auth,
        secret=table.secret.secret if table.secret else "",
        signing_key_pem=_bytes_of(table.signing_key_file),
        endpoints=preset.endpoints if chosen is None else Endpoints(**chosen.model_dump()),
        scope=table.scope or preset.scope,
        pkce=preset.pkce if table.pkce is None else table.pkce,
        nonce=(preset.nonce and algorithm != NO_ID_TOKEN) if table.nonce is None else table.nonce,
        id_token_alg=None if algorithm == NO_ID_TOKEN else algorithm,
        iss_parameter=preset.iss_parameter if table.iss_parameter is None else table.iss_parameter,
        assurance={name: Assurance(level) for name, level in levels.items()},
        assurance_otherwise=None if otherwise is None else Assurance(otherwise),
        allowed_systems=None
        if table.allowed_systems is None
        else frozenset(SystemId(name) for name in table.allowed_systems),
        envelope=_envelope(table.envelope),
        declared_down=table.declared_down,
        par=table.par,
        request_object=table.request_object,
        logout=table.upstream_logout or UpstreamLogout.OFFER,
    )


def _envelope(table: EnvelopeTable | None) -> Envelope | None:
    if table is None:
        return None
    return Envelope(key_pem=_bytes_of(table.key_file), wrap=table.key_wrap, cipher=table.cipher)


def _bytes_of(path: str | None) -> bytes:
    return b"" if path is None else Path(path).read_bytes()

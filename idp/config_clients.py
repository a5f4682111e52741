"""`[clients.ID]`: OIDC registrations, checked as RFC 7591 and RFC 8252 would have it."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from connectors.config.checked import Entry, Table, checked
from connectors.config.problems import Place, Problem
from connectors.config.surroundings import Surroundings
from connectors.config.tables import FilePath, SecretTable, TextTable, plain_address
from connectors.contract import Assurance, ConsentRule, Dialect, SectorId, SystemId
from connectors.registry import System
from idp.model import (
    AccessTokenFormat,
    ApplicationType,
    Client,
    ClientAuthMethod,
    ClientId,
    GrantType,
)
from idp.protocol.scopes import KNOWN, MAX_TOKENS
from keys.errors import JoseRefused
from keys.jose import import_jwks

_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,100}", re.ASCII)
_SCOPE = re.compile(r"[!#-\[\]-~]{1,100}", re.ASCII)
MAX_SECRETS = 2
JWKS_ALGORITHMS = frozenset({"ES256", "ES384", "EdDSA", "PS256", "RS256"})
Uri = Annotated[str, Field(min_length=1, max_length=2000)]


class ClientTable(Table):
    """One registration. Lists are arrays of strings."""

    name: TextTable
    application_type: ApplicationType = ApplicationType.WEB
    auth_method: ClientAuthMethod = ClientAuthMethod.SECRET_BASIC
    secrets: tuple[SecretTable, ...] = ()
    jwks_file: FilePath | None = None
    jwks: str | None = None
    redirect_uris: tuple[Uri, ...] = ()
    post_logout_redirect_uris: tuple[Uri, ...] = ()
    grant_types: tuple[GrantType, ...] = (GrantType.AUTHORIZATION_CODE,)
    scopes: Annotated[tuple[str, ...], Field(max_length=MAX_TOKENS)] = ("openid",)
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


def read_clients(
    entries: Mapping[str, Entry],
    surroundings: Surroundings,
    systems: Mapping[SystemId, System],
    declared: frozenset[str],
) -> tuple[dict[ClientId, Client], list[Problem]]:
    """All registrations, and every mistake in any of them.

    `declared` names the systems that stand in a file, those with mistakes of their own too.
    """
    clients: dict[ClientId, Client] = {}
    problems: list[Problem] = []
    for name, entry in entries.items():
        found: list[Problem] = []
        if not _CLIENT_ID.fullmatch(name):
            found.append(entry.place.problem("an id of letters, digits and ._~- (at most 100)"))
        table = checked(ClientTable, entry, surroundings, found)
        if table is not None:
            found += _contradictions(table, entry.place, declared, demo=surroundings.demo)
            jwks = _jwks(table, entry.place, found)
            system = systems.get(SystemId(table.system or ""))
            if system is not None:
                found += _dialect_problems(table, entry.place, system)
            if not found:
                clients[ClientId(name)] = _client(ClientId(name), table, jwks, system)
        problems += found
    return clients, problems


def _contradictions(
    table: ClientTable, place: Place, declared: frozenset[str], *, demo: bool
) -> list[Problem]:
    """Keys that are right by themselves, and not together."""
    found = _address_problems(table, place, demo=demo)
    found += _grant_problems(table, place)
    by_secret = (ClientAuthMethod.SECRET_BASIC, ClientAuthMethod.SECRET_POST)
    if table.auth_method in by_secret and not 1 <= len(table.secrets) <= MAX_SECRETS:
        wanted = "one secret (or two while one is replaced)"
        found.append(place.at("secrets").problem(wanted))
    if table.auth_method not in by_secret and table.secrets:
        wanted = f"none, where auth_method is {table.auth_method}"
        found.append(place.at("secrets").problem(wanted))
    if table.system is not None and table.system not in declared:
        found.append(place.at("system").problem("the id of a declared system"))
    return found


def _dialect_problems(table: ClientTable, place: Place, system: System) -> list[Problem]:
    """A client stands for a system that speaks as clients do; VNConnect's have a secret."""
    if system.dialect not in (Dialect.OIDC, Dialect.VNCONNECT):
        return [place.at("system").problem("a system whose dialect is oidc or vnconnect")]
    if system.dialect is Dialect.VNCONNECT and table.auth_method is ClientAuthMethod.NONE:
        wanted = "a client with a secret, where its system speaks vnconnect"
        return [place.at("auth_method").problem(wanted)]
    return []


def _address_problems(table: ClientTable, place: Place, *, demo: bool) -> list[Problem]:
    native = table.application_type is ApplicationType.NATIVE
    wanted = "an https address without fragment, `*` or user"
    found = [
        place.at(key, number).problem(wanted)
        for key in ("redirect_uris", "post_logout_redirect_uris")
        for number, uri in enumerate(getattr(table, key))
        if not _acceptable(uri, native=native, demo=demo)
    ]
    out = table.backchannel_logout_uri
    if out is not None and not _acceptable(out, native=False, demo=demo):
        found.append(place.at("backchannel_logout_uri").problem(wanted))
    if GrantType.AUTHORIZATION_CODE in table.grant_types and not table.redirect_uris:
        wanted = "at least one address for the authorization code grant"
        found.append(place.at("redirect_uris").problem(wanted))
    return found


def _acceptable(uri: str, *, native: bool, demo: bool) -> bool:
    """Spec: RFC 8252 §7.1 (schemes of native apps hold a dot), §7.3 (loopback)."""
    parts = plain_address(uri)
    if parts is None:
        return False
    if native and "." in parts.scheme and not parts.netloc:
        return True
    loopback = parts.hostname in ("127.0.0.1", "::1", "localhost")
    plain = parts.scheme == "http" and loopback and (native or demo)
    return bool(parts.hostname) and (parts.scheme == "https" or plain)


def _grant_problems(table: ClientTable, place: Place) -> list[Problem]:
    found: list[Problem] = []
    public = table.auth_method is ClientAuthMethod.NONE
    if public and not table.pkce_required:
        found.append(place.at("pkce_required").problem("true for a public client"))
    if public and GrantType.CLIENT_CREDENTIALS in table.grant_types:
        wanted = "no client_credentials for a public client"
        found.append(place.at("grant_types").problem(wanted))
    if any(not _SCOPE.fullmatch(scope) for scope in table.scopes):
        found.append(place.at("scopes").problem("scope tokens of RFC 6749 §3.3"))
    own = [scope for scope in table.scopes if scope not in KNOWN]
    if own and GrantType.CLIENT_CREDENTIALS not in table.grant_types:
        found.append(place.at("scopes").problem(f"some of {', '.join(sorted(KNOWN))}"))
    if table.access_token_format is AccessTokenFormat.JWT and not table.resource:
        found.append(place.at("resource").problem("the audience of the JWT access tokens"))
    return found


def _jwks(table: ClientTable, place: Place, found: list[Problem]) -> bytes | None:
    """The client's public keys, where it authenticates with one."""
    key = "jwks" if table.jwks is not None else "jwks_file"
    given = (table.jwks is not None) + (table.jwks_file is not None)
    if table.auth_method is not ClientAuthMethod.PRIVATE_KEY_JWT:
        if given:
            found.append(place.at(key).problem("none, unless auth_method is private_key_jwt"))
        return None
    try:
        text = table.jwks or Path(table.jwks_file or "").read_text("utf-8")
        document = json.dumps(json.loads(text)).encode()
        import_jwks(document, JWKS_ALGORITHMS)
    except (OSError, ValueError, RecursionError, JoseRefused):
        document = None
    if document is None or given != 1:
        wanted = "a JWK set of public EC, OKP or RSA (≥ 2048 bit) keys, by exactly one of jwks"
        found.append(place.at(key).problem(f"{wanted} or jwks_file"))
    return document


def _client(
    client_id: ClientId, table: ClientTable, jwks: bytes | None, system: System | None
) -> Client:
    sector = table.sector or (system.sector if system else f"client:{client_id}")
    digests = [hashlib.sha256(entry.secret.encode()).digest() for entry in table.secrets]
    return Client(
        client_id=client_id,
        name=table.name.text(),
        application_type=table.application_type,
        auth_method=table.auth_method,
        secret_digests=tuple(digests),
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

"""The nouns of the provider: clients, sessions, grants. Frozen values, no behaviour that needs I/O.

All times are epoch seconds (UTC); all durations carry their unit in the name.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from connectors.contract import (
    AccountId,
    AccountKind,
    Assurance,
    ConsentRule,
    LocalText,
    PairwiseSub,
    PersonAttributes,
    SectorId,
    SessionId,
    SubjectId,
    SystemId,
)
from connectors.links.model import LinkPast
from connectors.mapping import Source
from keys.values import hot_value

ClientId = NewType("ClientId", str)
FamilyId = NewType("FamilyId", str)
ConnectorId = NewType("ConnectorId", str)


class ClientAuthMethod(StrEnum):
    """RFC 6749 §2.3, RFC 7523, OIDC Core §9."""

    SECRET_BASIC = "client_secret_basic"
    SECRET_POST = "client_secret_post"
    PRIVATE_KEY_JWT = "private_key_jwt"
    NONE = "none"


class ApplicationType(StrEnum):
    """`native` clients may use a loopback redirect on any port (RFC 8252 §7.3)."""

    WEB = "web"
    NATIVE = "native"


class GrantType(StrEnum):
    """The grants we know (RFC 6749)."""

    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"
    CLIENT_CREDENTIALS = "client_credentials"


class AccessTokenFormat(StrEnum):
    """Opaque unless a resource server must read the token offline (RFC 9068)."""

    OPAQUE = "opaque"
    JWT = "jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One OIDC registration, validated: what is here may be trusted to be consistent."""

    client_id: ClientId
    name: LocalText
    application_type: ApplicationType = ApplicationType.WEB
    auth_method: ClientAuthMethod = ClientAuthMethod.SECRET_BASIC
    secret_digests: tuple[bytes, ...] = field(default=(), repr=False)
    """SHA-256 of each secret that is valid now (two while one is being replaced)."""
    jwks: bytes | None = field(default=None, repr=False)
    """JSON of the public JWK set for `private_key_jwt`."""
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    grant_types: frozenset[GrantType] = frozenset({GrantType.AUTHORIZATION_CODE})
    scopes: frozenset[str] = frozenset({"openid"})
    pkce_required: bool = True
    id_token_alg: str = "ES256"
    access_token_format: AccessTokenFormat = AccessTokenFormat.OPAQUE
    resource: str | None = None
    """`aud` of this client's JWT access tokens (RFC 9068 §3)."""
    claims_in_id_token: bool = False
    access_token_seconds: int = 600
    refresh_token_seconds: int = 30 * 86400
    system: SystemId | None = None
    sector: SectorId
    required_assurance: Assurance = Assurance.LEVEL_1
    consent: ConsentRule = ConsentRule.ASK
    backchannel_logout_uri: str | None = None
    introspects_all: bool = False
    """A resource server: may introspect the tokens of other clients."""
    disabled: bool = False

    @property
    def confidential(self) -> bool:
        """Whether the client can keep a secret (RFC 6749 §2.1)."""
        return self.auth_method is not ClientAuthMethod.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """A staff register that pushes accounts by SCIM: it sees and changes those it made, no others."""

    connector_id: ConnectorId
    token_digests: tuple[bytes, ...] = field(default=(), repr=False)
    """SHA-256 of each bearer token that is valid now (two while one is being replaced)."""
    client: ClientId | None = None
    """The client whose own tokens with the scope `scim` are this connector's."""
    agency_code: str | None = None
    """The agency of everybody in this register; the register itself cannot say another one."""
    sets_passwords: bool = False
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser, one person, since one sign-in. The cookie's value is not in here."""

    sid: SessionId
    subject: SubjectId
    assurance: Assurance
    amr: tuple[str, ...]
    authenticated_at: int
    created_at: int
    expires_at: int
    """Hard end; the idle limit is the store's lifetime, renewed by `touch`."""
    touched_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A pilot, staff or sandbox account of the provider itself, for its own password and TOTP."""

    subject: SubjectId
    username: str = field(repr=False)
    """As the person writes it; looked up through `authn.usernames.fold`."""
    kind: AccountKind
    enabled: bool
    password_hash: str = field(repr=False)
    totp_secret: bytes | None = field(repr=False)
    attributes: PersonAttributes = field(repr=False)


@hot_value
class Standing:
    """How a subject stands towards one client and its system: read once, before issue.

    `enabled` and `session_ended` are the gate; the rest decides which page, if any, comes first.
    """

    subject: SubjectId
    kind: AccountKind
    enabled: bool
    session_ended: bool
    sub: PairwiseSub | None
    """None until the first sign-in in this sector."""
    consented: frozenset[str]
    accounts: tuple[AccountId, ...] = field(repr=False)
    """Accounts in this system with an active link."""
    past: LinkPast = LinkPast.NONE
    """Where there is none: what there was. Read only for a system that wants an account."""
    missing: frozenset[Source] = frozenset()
    """What the system requires and nobody knows of the person. Read only where it requires any."""
    admitted: bool = True
    """Whether the system's admission lets the person in. Read only where it has one."""


@hot_value
class Family:
    """One authorization, from its code to its last refresh token: the durable row.

    The code carries the `family_id` it will become: inserting the row *is* its single use.
    """

    family_id: FamilyId
    client_id: ClientId
    subject: SubjectId
    sub: PairwiseSub
    sid: SessionId
    scopes: frozenset[str]
    claims_request: str
    """Compact JSON of the `claims` parameter, or an empty string."""
    assurance: Assurance
    amr: tuple[str, ...]
    authenticated_at: int
    created_at: int
    expires_at: int
    refreshable: bool
    """Whether refresh tokens may exist."""
    offline: bool
    """Whether it outlives the session (`offline_access`)."""


@hot_value
class FamilyStanding:
    """A family as read at use: the row, the gate, and what claims are made of."""

    family: Family
    generation: int
    rotated_at_ms: int
    """Epoch milliseconds of the last rotation."""
    revoked: bool
    token_revoked: bool
    """Whether the single access token that was asked about has been revoked."""
    kind: AccountKind
    enabled: bool
    session_ended: bool
    attributes: PersonAttributes = field(repr=False)
    accounts: tuple[AccountId, ...] = field(repr=False)
    """Accounts with an active link in the client's system, at this moment."""

    def live(self, now: int) -> bool:
        """The gate at use: nothing of this family is accepted once any of these fails."""
        return (
            self.enabled
            and not self.revoked
            and not self.token_revoked
            and now < self.family.expires_at
            and (self.family.offline or not self.session_ended)
        )


@dataclass(frozen=True, slots=True)
class Redeemed:
    """The code was taken by this call."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """The code had been taken before: its family exists."""


@dataclass(frozen=True, slots=True)
class GateClosed:
    """The subject is disabled or the session has ended; nothing was written."""


RedeemOutcome = Redeemed | Replayed | GateClosed


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """A system or client that took part in a session and must hear of its end."""

    participant: str
    sub: PairwiseSub


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One logout message that must reach one participant (OIDC Back-Channel Logout 1.0)."""

    notice_id: str
    participant: str
    sub: PairwiseSub
    sid: SessionId
    created_at: int
    attempts: int = 0
    known_as: str = field(default="", repr=False)
    """What the participant knows the session by, in the words of its dialect; else nothing."""

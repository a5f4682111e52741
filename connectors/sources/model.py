"""What a source is, and what it may tell of a person. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NewType

from connectors.contract import AccountKind, Assurance, LocalText, PersonAttributes, SystemId
from connectors.sources.end_session import UpstreamLogout
from keys.envelope import KeyWrap, PayloadCipher
from keys.xml_encryption import Opener

SourceId = NewType("SourceId", str)


class Preset(StrEnum):
    """The shapes of upstream that we know."""

    OIDC = "oidc"
    VNCONNECT = "vnconnect"
    VNEID = "vneid"
    SAML = "saml"


class SourceAuth(StrEnum):
    """How we authenticate at the source (RFC 6749 §2.3, OIDC Core §9)."""

    SECRET_BASIC = "client_secret_basic"
    SECRET_POST = "client_secret_post"
    PRIVATE_KEY_JWT = "private_key_jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where the source is asked."""

    authorization: str
    token: str
    userinfo: str | None = None
    jwks: str | None = None
    pushed_authorization_request: str | None = None
    end_session: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """How encrypted answers are opened."""

    key_pem: bytes = field(repr=False)
    wrap: KeyWrap
    cipher: PayloadCipher


@dataclass(frozen=True, slots=True, kw_only=True)
class SamlUpstream:
    """What is particular to a source that speaks SAML 2.0; its entity id is `Source.issuer`."""

    sso_url: str
    """Where requests go, by redirect."""
    certificates: tuple[bytes, ...]
    """Whose signatures count, in DER; none of them is read from a message."""
    slo_url: str | None = None
    """Where answers to its logout requests go, by redirect."""
    opener: Opener | None = field(default=None, repr=False)
    """What opens assertions that are encrypted for us."""
    subject_attribute: str | None = None
    """The attribute that names the person; without it, a persistent NameID does."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Our word for a datum, and the name of the attribute that holds it there."""
    kind: AccountKind = AccountKind.CITIZEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One upstream, as its TOML table declares it."""

    source_id: SourceId
    preset: Preset
    name: LocalText
    issuer: str
    client_id: str
    auth: SourceAuth
    secret: str = field(default="", repr=False)
    signing_key_pem: bytes = field(default=b"", repr=False)
    endpoints: Endpoints
    scope: str
    pkce: bool
    nonce: bool
    id_token_alg: str | None
    """The one algorithm of its ID tokens; None for an upstream that gives none."""
    iss_parameter: bool
    """Whether its answer must name it (RFC 9207)."""
    assurance: Mapping[str, Assurance]
    """What a level is called there."""
    assurance_otherwise: Assurance | None
    """The level of an answer that names none that we know; None refuses it."""
    allowed_systems: frozenset[SystemId] | None = None
    """None: every system may be entered by it."""
    envelope: Envelope | None = None
    saml: SamlUpstream | None = None
    declared_down: bool = False
    par: bool = False
    """Whether what we ask goes there by ourselves, and the browser carries a reference (RFC 9126)."""
    request_object: bool = False
    """Whether what we ask is signed (RFC 9101)."""
    logout: UpstreamLogout = UpstreamLogout.OFFER
    """Where it has an `end_session` endpoint."""

    @property
    def watched(self) -> str:
        """What is asked, now and then, whether the source is there."""
        if self.saml is not None:
            return self.saml.sso_url
        return self.endpoints.jwks or self.endpoints.token

    @property
    def highest(self) -> Assurance:
        """The highest level that anybody can have from here."""
        levels = list(self.assurance.values())
        levels += [self.assurance_otherwise] if self.assurance_otherwise else []
        return max(levels, default=Assurance.LEVEL_1)

    @property
    def callback_path(self) -> str:
        """Where its answers come back: one address for each source (RFC 9700 §4.4)."""
        return f"{self.place}/callback"

    @property
    def place(self) -> str:
        """Below which all our addresses for this source stand."""
        return f"/upstream/{self.source_id}"

    def serves(self, system: SystemId | None, required: Assurance) -> bool:
        """Whether a person may come from here to this system, at the level that it asks for.

        Why: a source that can never reach the level is not offered at all, so that nobody goes
        there in vain, and nobody is let in at less.
        """
        if self.allowed_systems is not None and system not in self.allowed_systems:
            return False
        return required <= self.highest


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """How, and when, the source looked at the person."""

    assurance: Assurance
    amr: tuple[str, ...]
    at: int | None
    """None where the source does not say."""
    upstream_sid: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamIdentity:
    """Who a source says a person is: believed for its own (source, subject), and nothing else."""

    source: SourceId
    issuer: str
    subject: str = field(repr=False)
    """Compared as bytes. May be a personal number, so it is never stored in the clear."""
    kind: AccountKind
    authentication: Authentication
    attributes: PersonAttributes = field(repr=False)


def kept_current(known: PersonAttributes, told: PersonAttributes, now: int) -> PersonAttributes:
    """What is known after a source has spoken: its word replaces ours, its silence nothing.

    A contact is replaced together with whether it was verified.
    """
    names = (
        "full_name", "birthdate", "gender", "personal_number", "tech_id", "tax_code",
        "enterprise_code", "business_name", "passport", "agency_code", "phone", "email", "address",
    )  # fmt: skip
    changes = {name: value for name in names if (value := getattr(told, name))}
    if told.phone:
        changes["phone_verified"] = told.phone_verified
    if told.email:
        changes["email_verified"] = told.email_verified
    return replace(known, **changes, updated_at=now)

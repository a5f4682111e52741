"""What an upstream says of its own accord: a session ended, an account was disabled. Pure."""

from dataclasses import dataclass, field

from connectors.errors import UpstreamRefused
from connectors.sources.model import Source
from keys.errors import JoseRefused
from keys.jose import JWT_OR_NONE, Expectation, VerificationKeys, verify
from keys.verified import VerifiedClaims

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
DISABLED_EVENT = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
MAX_AGE_SECONDS = 300
MAX_JTI = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Sessions there are over: this one, or all of the subject."""

    jti: str
    subject: str | None = field(default=None, repr=False)
    upstream_sid: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disabled:
    """The account there may not be used any more."""

    jti: str
    subject: str = field(repr=False)


def read_logout_token(source: Source, token: str, keys: VerificationKeys, now: int) -> Ended:
    """A logout token of this source, for us.

    Spec: OIDC Back-Channel Logout 1.0 §2.6 (no `nonce`; `sub` or `sid`)
    Raises: UpstreamRefused.
    """
    claims = _verified(source, token, keys, JWT_OR_NONE | {"logout+jwt"}, now)
    try:
        events = claims.mapping("events")
        subject = claims.text("sub") if "sub" in claims else None
        sid = claims.text("sid") if "sid" in claims else None
    except JoseRefused as refused:
        raise UpstreamRefused(f"logout_token: {refused}") from None
    if not isinstance(events.get(LOGOUT_EVENT), dict) or "nonce" in claims:
        raise UpstreamRefused("logout_token: events")
    if subject is None and sid is None:
        raise UpstreamRefused("logout_token: nobody")
    return Ended(jti=claims.text("jti"), subject=subject, upstream_sid=sid)


def read_event(source: Source, token: str, keys: VerificationKeys, now: int) -> Disabled:
    """A security event token that says that an account was disabled; no other event is taken.

    Spec: RFC 8417 §2.2, OpenID RISC Profile 1.0 §2.2 (account-disabled), RFC 9493 §3.2.3
    Raises: UpstreamRefused.
    """
    claims = _verified(source, token, keys, frozenset({"secevent+jwt"}), now)
    try:
        event = claims.mapping("events").get(DISABLED_EVENT)
    except JoseRefused as refused:
        raise UpstreamRefused(f"event: {refused}") from None
    about = event.get("subject") if isinstance(event, dict) else None
    if not isinstance(about, dict) or about.get("iss") != source.issuer:
        raise UpstreamRefused("event: subject")
    subject = about.get("sub")
    if not isinstance(subject, str) or not subject:
        raise UpstreamRefused("event: subject")
    return Disabled(jti=claims.text("jti"), subject=subject)


def _verified(
    source: Source, token: str, keys: VerificationKeys, typ: frozenset[str | None], now: int
) -> VerifiedClaims:
    expected = Expectation(
        algorithms=frozenset({source.id_token_alg or ""}),
        typ=typ,
        issuer=source.issuer,
        audience=source.client_id,
        required=frozenset({"iss", "aud", "iat", "jti", "events"}),
    )
    try:
        claims = verify(token, keys, expected, now)
        young = now - claims.integer("iat") <= MAX_AGE_SECONDS
        jti = claims.text("jti")
    except JoseRefused as refused:
        raise UpstreamRefused(f"token: {refused}") from None
    if not young or not 0 < len(jti) <= MAX_JTI:
        raise UpstreamRefused("token: old" if not young else "token: jti")
    return claims

"""Generic OpenID Connect upstream: what we send, and what of an answer is believed. Pure."""

import hashlib
from collections.abc import Mapping

from connectors.contract import AccountKind, Assurance, Locale, PersonAttributes
from connectors.errors import UpstreamRefused
from connectors.sources.model import Authentication, Preset, Source, UpstreamIdentity
from connectors.sources.told import Told
from keys import base64url
from keys.errors import JoseRefused
from keys.jose import JWT_OR_NONE, Expectation, VerificationKeys, verify
from keys.verified import VerifiedClaims

_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "DSA": hashlib.sha512}
MAX_AMR = 8


def authorization_request(
    source: Source,
    *,
    redirect_uri: str,
    state: str,
    nonce: str,
    verifier: str,
    level: Assurance,
    fresh: bool,
    locale: Locale,
) -> dict[str, str]:
    """What a source is asked. PKCE and nonce unless the table says that the source has none.

    Spec: OIDC Core §3.1.2.1, RFC 7636 §4.3
    """
    query = {
        "response_type": "code",
        "client_id": source.client_id,
        "redirect_uri": redirect_uri,
        "scope": source.scope,
        "state": state,
    }
    if source.preset is not Preset.VNEID:  # which was never seen with any other parameter
        query |= _wishes(source, level, locale, fresh=fresh)
    if source.nonce:
        query["nonce"] = nonce
    if source.pkce:
        challenge = base64url.encode(hashlib.sha256(verifier.encode()).digest()).decode()
        query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    return query


def _wishes(source: Source, level: Assurance, locale: Locale, *, fresh: bool) -> dict[str, str]:
    """The lowest level that is enough, the language, and a look at the person anew."""
    query: dict[str, str] = {"ui_locales": locale}
    enough = sorted(
        (reached, name) for name, reached in source.assurance.items() if reached >= level
    )
    if enough:
        query["acr_values"] = enough[0][1]
    return query | {"prompt": "login", "max_age": "0"} if fresh else query


def check_id_token(
    source: Source,
    token: object,
    keys: VerificationKeys,
    *,
    nonce: str,
    access_token: str,
    now: int,
) -> VerifiedClaims:
    """The claims of an ID token that this source made, for us, for this very request.

    Only the configured algorithm; `aud` is us alone; a nonce that we sent must come back, whatever
    the token says about itself.

    Spec: OIDC Core §3.1.3.7, §3.1.3.6 (`at_hash`)
    Raises: UpstreamRefused.
    """
    algorithm = source.id_token_alg
    if not isinstance(token, str) or algorithm is None:
        raise UpstreamRefused("id_token_missing")
    expected = Expectation(
        algorithms=frozenset({algorithm}),
        typ=JWT_OR_NONE,
        issuer=source.issuer,
        audience=source.client_id,
        required=frozenset({"iss", "sub", "aud", "exp", "iat"}),
    )
    try:
        claims = verify(token, keys, expected, now)
        claims.text("sub")
        if "azp" in claims and claims.text("azp") != source.client_id:
            raise UpstreamRefused("id_token: azp")
        if source.nonce and ("nonce" not in claims or claims.text("nonce") != nonce):
            raise UpstreamRefused("id_token: nonce")
        if "at_hash" in claims and claims.text("at_hash") != _half_hash(algorithm, access_token):
            raise UpstreamRefused("id_token: at_hash")
    except JoseRefused as refused:
        raise UpstreamRefused(f"id_token: {refused}") from None
    return claims


def _half_hash(algorithm: str, value: str) -> str:
    digest = _HASHES[algorithm[-3:]](value.encode()).digest()
    return base64url.encode(digest[: len(digest) // 2]).decode()


def authentication_of(
    source: Source, claims: VerifiedClaims | None, level: str | None
) -> Authentication:
    """Level, methods and time of the sign-in, as the source says them.

    Raises: UpstreamRefused for a level that we do not know, where the table does not say
        what then holds.
    """
    amr: tuple[str, ...] = ()
    authenticated_at: int | None = None
    upstream_sid: str | None = None
    try:
        if claims is not None:
            amr = claims.texts("amr") if "amr" in claims else ()
            authenticated_at = claims.integer("auth_time") if "auth_time" in claims else None
            upstream_sid = claims.text("sid") if "sid" in claims else None
    except JoseRefused as refused:
        raise UpstreamRefused(f"id_token: {refused}") from None
    reached = source.assurance.get(level or "", source.assurance_otherwise)
    if reached is None:
        raise UpstreamRefused("level_unknown")
    methods = tuple(m for m in amr[:MAX_AMR] if 0 < len(m) <= 20 and m.isascii() and m.isalnum())
    return Authentication(
        assurance=reached,
        amr=methods or ("external",),
        at=authenticated_at,
        upstream_sid=upstream_sid,
    )


def acr_in(claims: VerifiedClaims | None) -> str | None:
    """The level that the ID token names.

    Raises: UpstreamRefused where it is not a text.
    """
    try:
        return claims.text("acr") if claims is not None and "acr" in claims else None
    except JoseRefused as refused:
        raise UpstreamRefused(f"id_token: {refused}") from None


def identity_of(
    source: Source, claims: VerifiedClaims, userinfo: Mapping[str, object]
) -> UpstreamIdentity:
    """The person, by the standard claims. `name` is one string; given and family name are not read.

    Spec: OIDC Core §5.1, §5.3.2 (`sub` of userinfo is that of the ID token)
    Raises: UpstreamRefused.
    """
    told = Told(userinfo)
    return UpstreamIdentity(
        source=source.source_id,
        issuer=source.issuer,
        subject=told.subject("sub"),
        kind=AccountKind.CITIZEN,
        attributes=PersonAttributes(
            full_name=told.full_name("name"),
            birthdate=told.birthdate("birthdate"),
            gender=told.text("gender"),
            phone=told.phone("phone_number"),
            phone_verified=told.truth("phone_number_verified"),
            email=told.text("email"),
            email_verified=told.truth("email_verified"),
        ),
        authentication=authentication_of(source, claims, acr_in(claims)),
    )

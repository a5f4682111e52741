"""What an ID token says, and what a JWT access token and a logout token say."""

import hashlib
from collections.abc import Mapping

import orjson

from idp.model import Client, Family
from idp.protocol.scopes import wire
from keys import base64url

ID_TOKEN_SECONDS = 600
LOGOUT_TOKEN_SECONDS = 120
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "DSA": hashlib.sha512}


def at_hash(access_token: str, alg: str) -> str:
    """The left half of the hash that belongs to the algorithm (EdDSA: SHA-512).

    Spec: OIDC Core §3.1.3.6
    """
    digest = _HASHES[alg[-3:]](access_token.encode("ascii")).digest()
    return base64url.encode(digest[: len(digest) // 2]).decode("ascii")


def id_token_claims(
    *,
    issuer: str,
    family: Family,
    nonce: str | None,
    access_token: str,
    alg: str,
    now: int,
    extra: Mapping[str, object],
) -> bytes:
    """JSON of an ID token. `extra` never replaces a protocol claim.

    Spec: OIDC Core §2, OIDC Back-Channel Logout 1.0 §2.1 (`sid`)
    """
    claims: dict[str, object] = dict(extra)
    claims |= {
        "iss": issuer,
        "sub": family.sub,
        "aud": family.client_id,
        "exp": now + ID_TOKEN_SECONDS,
        "iat": now,
        "auth_time": family.authenticated_at,
        "acr": family.assurance.acr,
        "amr": family.amr,
        "sid": family.sid,
        "at_hash": at_hash(access_token, alg),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    return orjson.dumps(claims)


def jwt_access_token_claims(
    *,
    issuer: str,
    client: Client,
    sub: str,
    scopes: frozenset[str],
    jti: str,
    now: int,
    family: Family | None,
) -> bytes:
    """JSON of an access token that a resource server reads offline.

    Where a person stands behind it, it says when and how that person signed in.

    Spec: RFC 9068 §2.2, §2.2.1
    """
    claims: dict[str, object] = {
        "iss": issuer,
        "sub": sub,
        "aud": client.resource or issuer,
        "client_id": client.client_id,
        "scope": wire(scopes),
        "iat": now,
        "exp": now + client.access_token_seconds,
        "jti": jti,
    }
    if family is not None:
        claims |= {
            "auth_time": family.authenticated_at,
            "acr": family.assurance.acr,
            "amr": family.amr,
        }
    return orjson.dumps(claims)


def logout_token_claims(
    *, issuer: str, client_id: str, sub: str, sid: str, jti: str, now: int
) -> bytes:
    """JSON of a logout token: no nonce, at most two minutes.

    Spec: OIDC Back-Channel Logout 1.0 §2.4
    """
    return orjson.dumps(
        {
            "iss": issuer,
            "sub": sub,
            "aud": client_id,
            "iat": now,
            "exp": now + LOGOUT_TOKEN_SECONDS,
            "jti": jti,
            "sid": sid,
            "events": {LOGOUT_EVENT: {}},
        }
    )

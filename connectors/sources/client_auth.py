"""The token request, and who we are wherever we ask. Pure but for the signature."""

import json
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import quote_plus

from connectors.sources.model import Source, SourceAuth
from keys.pem import signer_of

ASSERTION_SECONDS = 60
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def token_request(
    source: Source, *, code: str, redirect_uri: str, verifier: str, now: int, jti: str
) -> tuple[dict[str, str], Mapping[str, str]]:
    """Form and headers that redeem a code.

    Spec: RFC 6749 §4.1.3; RFC 7636 §4.5
    """
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if source.pkce:
        form["code_verifier"] = verifier
    return authenticated(source, form, now=now, jti=jti)


def authenticated(
    source: Source, form: dict[str, str], *, now: int, jti: str
) -> tuple[dict[str, str], Mapping[str, str]]:
    """A form with who we are, and the headers that go with it.

    Spec: RFC 6749 §2.3.1; RFC 7523 §2.2, §3
    """
    match source.auth:
        case SourceAuth.SECRET_BASIC:
            pair = f"{quote_plus(source.client_id)}:{quote_plus(source.secret)}".encode()
            return form, {"authorization": f"Basic {b64encode(pair).decode()}"}
        case SourceAuth.SECRET_POST:
            return form | {"client_id": source.client_id, "client_secret": source.secret}, {}
        case SourceAuth.PRIVATE_KEY_JWT:
            assertion = _assertion(source, now, jti)
            named = {"client_id": source.client_id, "client_assertion_type": _JWT_BEARER}
            return form | named | {"client_assertion": assertion}, {}


def _assertion(source: Source, now: int, jti: str) -> str:
    """Spec: RFC 7523 §3; `aud` is the issuer alone (RFC 9700 §2.5), never an address it gave."""
    claims = {
        "iss": source.client_id,
        "sub": source.client_id,
        "aud": source.issuer,
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
        "jti": jti,
    }
    return signer_of(source.signing_key_pem).sign("JWT", json.dumps(claims).encode())

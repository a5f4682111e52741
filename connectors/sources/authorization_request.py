"""The authorization request in its three shapes: open, signed (JAR), pushed (PAR). Pure."""

import json
import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from connectors.errors import UpstreamRefused
from connectors.sources.client_auth import authenticated
from connectors.sources.model import Source
from keys.pem import signer_of

REQUEST_OBJECT_SECONDS = 60
MIN_EXPIRES_SECONDS = 5
"""A reference that ends sooner is gone before the browser comes there."""
_REQUEST_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]{1,500}", re.ASCII)
_OPEN = ("client_id", "response_type", "scope")
"""Beside a request object: what OpenID Connect wants to see in the open as well."""

Parameters = Mapping[str, str]


def prepared(source: Source, asked: Parameters, *, now: int, jti: str) -> Parameters:
    """The parameters as they leave us: as they are, or inside a request object of ours.

    Spec: RFC 9101 §4, §5; OIDC Core §6.1 (`response_type` and `scope` stay in the open as well)
    """
    if not source.request_object:
        return asked
    claims: dict[str, str | int] = {
        **asked,
        "iss": source.client_id,
        "aud": source.issuer,
        "iat": now,
        "nbf": now,
        "exp": now + REQUEST_OBJECT_SECONDS,
        "jti": jti,
    }
    signer = signer_of(source.signing_key_pem)
    signed = signer.sign("oauth-authz-req+jwt", json.dumps(claims).encode())
    return {name: asked[name] for name in _OPEN} | {"request": signed}


def pushed(
    source: Source, parameters: Parameters, *, now: int, jti: str
) -> tuple[dict[str, str], Parameters]:
    """Form and headers that push a request, authenticated as at the token endpoint.

    Spec: RFC 9126 §2.1, §3 (a request object stands alone, beside who we are)
    """
    form = dict(parameters)
    if source.request_object:
        form = {name: parameters[name] for name in ("client_id", "request")}
    return authenticated(source, form, now=now, jti=jti)


def reference_in(answer: Mapping[str, object]) -> str:
    """The reference that a source gave for a pushed request.

    Spec: RFC 9126 §2.2
    Raises: UpstreamRefused where it is none, or would be over before it is used.
    """
    reference, seconds = answer.get("request_uri"), answer.get("expires_in")
    if not isinstance(reference, str) or not _REQUEST_URI.fullmatch(reference):
        raise UpstreamRefused("par: request_uri")
    if type(seconds) is not int or seconds < MIN_EXPIRES_SECONDS:
        raise UpstreamRefused("par: expires_in")
    return reference


def by_reference(source: Source, reference: str) -> Parameters:
    """All that the browser carries once a request was pushed.

    Spec: RFC 9126 §4
    """
    return {"client_id": source.client_id, "request_uri": reference}


def address(source: Source, parameters: Parameters) -> str:
    """Where the browser is sent."""
    joint = "&" if "?" in source.endpoints.authorization else "?"
    return f"{source.endpoints.authorization}{joint}{urlencode(parameters, quote_via=quote)}"

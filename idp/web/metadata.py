"""Discovery and JWKS: bytes made beforehand."""

import orjson

from idp.web.answers import api
from idp.web.http import JSON, NO_SNIFF, Answer, Endpoint, HttpRequest
from keys.keyring import KeyRing

CORS = (b"access-control-allow-origin", b"*")
JWKS_CACHE_SECONDS = 600


def discovery_endpoint(metadata: dict[str, object]) -> Endpoint:
    """Spec: OIDC Discovery 1.0 §4, RFC 8414 §3."""
    answer = Answer(
        body=orjson.dumps(metadata),
        headers=(JSON, NO_SNIFF, CORS, (b"cache-control", b"public, max-age=600")),
    )

    async def handle(_request: HttpRequest) -> Answer:
        return answer

    return api(handle, "GET", "HEAD")


def jwks_endpoint(keyring: KeyRing) -> Endpoint:
    """Spec: RFC 7517 §5; published before used, kept until the last token died."""
    cache = (b"cache-control", f"public, max-age={JWKS_CACHE_SECONDS}".encode())
    headers = ((b"content-type", b"application/jwk-set+json"), NO_SNIFF, CORS, cache)

    async def handle(_request: HttpRequest) -> Answer:
        return Answer(body=keyring.jwks_json(), headers=headers)

    return api(handle, "GET", "HEAD")

"""Asking a source who came: its token, its word about the person, its keys. Over the one way out."""

from collections.abc import Mapping

import httpx

from connectors.errors import UpstreamRefused
from connectors.sources import oidc, vnconnect, vneid
from connectors.sources.authorization_request import (
    Parameters,
    address,
    by_reference,
    prepared,
    pushed,
    reference_in,
)
from connectors.sources.client_auth import token_request
from connectors.sources.model import Preset, Source, UpstreamIdentity
from idp.authn.upstream_keys import UpstreamKeys, UpstreamSilent
from idp.ports import Entropy
from keys.errors import JoseRefused
from keys.jose import VerificationKeys
from keys.strict_json import json_object
from keys.verified import VerifiedClaims

JSON = {"accept": "application/json"}
MAX_TOKEN = 16384


class UpstreamClient:
    """One redemption: code in, identity out, or one of two refusals.

    `UpstreamRefused`: it answered, and the answer is not believed. `UpstreamSilent`: no answer, or
    one that only a broken server gives.
    """

    def __init__(self, http: httpx.AsyncClient, keys: UpstreamKeys, entropy: Entropy) -> None:
        self._http = http
        self._keys = keys
        self._entropy = entropy

    async def way_there(self, source: Source, asked: Parameters, now: int) -> str:
        """Where the browser is sent with this request; pushed first where the table says so.

        Spec: RFC 9101 §5; RFC 9126 §2, §4
        Raises: UpstreamRefused, UpstreamSilent; only where the request is pushed.
        """
        parameters = prepared(source, asked, now=now, jti=self._entropy(16).hex())
        where = source.endpoints.pushed_authorization_request
        if not source.par or where is None:
            return address(source, parameters)
        form, headers = pushed(source, parameters, now=now, jti=self._entropy(16).hex())
        answer = await self._json(source, "POST", where, headers, form, taken=httpx.codes.CREATED)
        return address(source, by_reference(source, reference_in(answer)))

    async def identify(
        self, source: Source, *, code: str, redirect_uri: str, verifier: str, nonce: str, now: int
    ) -> UpstreamIdentity:
        """Who the code stands for.

        Spec: OIDC Core §3.1.3, §5.3
        Raises: UpstreamRefused, UpstreamSilent.
        """
        jti = self._entropy(16).hex()
        form, headers = token_request(
            source, code=code, redirect_uri=redirect_uri, verifier=verifier, now=now, jti=jti
        )
        answer = await self._json(source, "POST", source.endpoints.token, headers, form)
        access_token = _access_token(answer)
        claims: VerifiedClaims | None = None
        if source.id_token_alg is not None:
            claims = await self._claims(source, answer.get("id_token"), nonce, access_token, now)
        userinfo = await self._userinfo(source, access_token)
        if claims is not None and claims.text("sub") != userinfo.get("sub"):
            raise UpstreamRefused("userinfo: sub")  # OIDC Core §5.3.2
        return _identity(source, claims, userinfo)

    async def _claims(
        self, source: Source, token: object, nonce: str, access_token: str, now: int
    ) -> VerifiedClaims:
        def check(keys: VerificationKeys) -> VerifiedClaims:
            return oidc.check_id_token(
                source, token, keys, nonce=nonce, access_token=access_token, now=now
            )

        return await self._keys.checked(source, check, now)

    async def _userinfo(self, source: Source, access_token: str) -> Mapping[str, object]:
        # VNConnect's clients were seen to POST; the standard allows both (OIDC Core §5.3.1).
        method = "GET" if source.preset is Preset.OIDC else "POST"
        bearer = {"authorization": f"Bearer {access_token}"}
        return await self._json(source, method, source.endpoints.userinfo or "", bearer, None)

    async def _json(
        self,
        source: Source,
        method: str,
        url: str,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None,
        taken: int = httpx.codes.OK,
    ) -> Mapping[str, object]:
        try:
            response = await self._http.request(method, url, headers={**JSON, **headers}, data=form)
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise UpstreamSilent(type(fault).__name__) from None
        if response.status_code >= 500:
            raise UpstreamSilent(f"status {response.status_code}")
        if response.status_code != taken:
            raise UpstreamRefused(f"status {response.status_code}")
        try:
            document = json_object(response.content)
        except JoseRefused:
            raise UpstreamRefused("no JSON object") from None
        return vneid.opened(source, document) if source.envelope is not None else document


def _access_token(answer: Mapping[str, object]) -> str:
    token, kind = answer.get("access_token"), answer.get("token_type", "Bearer")
    if not isinstance(token, str) or not 0 < len(token) <= MAX_TOKEN or not token.isascii():
        raise UpstreamRefused("access_token")
    if not token.isprintable() or " " in token:
        raise UpstreamRefused("access_token")  # it goes into a header of ours
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise UpstreamRefused("token_type")
    return token


def _identity(
    source: Source, claims: VerifiedClaims | None, userinfo: Mapping[str, object]
) -> UpstreamIdentity:
    match source.preset:
        case Preset.VNCONNECT:
            return vnconnect.identity_of(source, claims, userinfo)
        case Preset.VNEID:
            return vneid.identity_of(source, userinfo)
        case Preset.OIDC:
            if claims is None:
                raise UpstreamRefused("id_token_missing")
            return oidc.identity_of(source, claims, userinfo)
        case Preset.SAML:
            raise UpstreamRefused("saml: nothing is asked behind the browser")

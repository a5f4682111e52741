"""A stand-in that is an OpenID Connect client: discovery, PKCE, state, nonce, verified ID token."""

import secrets
import time
from urllib.parse import urlencode

import httpx
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from fastapi import Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from connectors.simulators.stand_in import StandIn, StandInSettings
from keys.errors import JoseRefused
from keys.jose import JWT_OR_NONE, Expectation, import_jwks, verify

ALGORITHMS = frozenset({"ES256", "RS256"})
SCOPE = "openid profile"
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
MAX_PENDING = 1000


class OidcStandIn(StandIn):
    """Signs in at the provider, greets by the local account, ends sessions when told."""

    def __init__(self, settings: StandInSettings, short: str) -> None:
        super().__init__(settings, short)
        self._pending: dict[str, tuple[str, str]] = {}
        self._state_cookie = f"{short}_state"
        routes = self.application
        routes.get("/login")(self.login)
        routes.get("/callback")(self.callback)
        routes.get("/logout")(self.logout)
        routes.post("/backchannel-logout")(self.backchannel_logout)

    async def login(self, request: Request) -> Response:
        """Send the browser to the provider."""
        return self.begin(request, prompt=request.query_params.get("prompt"))

    def begin(self, request: Request, prompt: str | None = None) -> Response:
        """An authorization request of our own, bound to this browser by a cookie."""
        state, nonce = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        verifier = secrets.token_urlsafe(48)
        if len(self._pending) >= MAX_PENDING:
            self._pending.clear()
        self._pending[state] = (verifier, nonce)
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": f"{self.settings.address}/callback",
            "scope": SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
            "ui_locales": self.pages.language(request),
        }
        if prompt in ("none", "login"):
            query["prompt"] = prompt
        response = RedirectResponse(f"{self.settings.issuer}/authorize?{urlencode(query)}", 303)
        response.set_cookie(self._state_cookie, state, httponly=True, samesite="lax", path="/")
        return self.pages.remember(request, response)

    async def callback(self, request: Request) -> Response:
        """Take the answer: state, issuer, code, ID token, userinfo; then the own account."""
        query = request.query_params
        state = query.get("state", "")
        pending = self._pending.pop(state, None)
        if pending is None or state != request.cookies.get(self._state_cookie):
            return self._failed(request)
        if query.get("iss") != self.settings.issuer:
            return self._failed(request)
        if "error" in query:
            response = RedirectResponse("/", 303)
            response.set_cookie(f"{self.cookie}_asked", "1", max_age=60, path="/")
            return response
        try:
            id_token, claims = await self._redeem(str(query.get("code")), *pending)
            account, sid = str(claims["local_account"]), str(claims["sid"])
        except (JoseRefused, OAuthError, httpx.HTTPError, KeyError, ValueError):
            return self._failed(request)
        self.accounts.remember(account, str(claims.get("name", "")))
        return self.enter(RedirectResponse("/", 303), account, sid, id_token)

    async def _redeem(self, code: str, verifier: str, nonce: str) -> tuple[str, dict[str, object]]:
        issuer = self.settings.issuer
        async with AsyncOAuth2Client(
            self.settings.client_id,
            self.settings.client_secret,
            redirect_uri=f"{self.settings.address}/callback",
            token_endpoint_auth_method="client_secret_basic",  # noqa: S106 - a method's name
            trust_env=False,
        ) as client:
            token = await client.fetch_token(f"{issuer}/token", code=code, code_verifier=verifier)
            keys = import_jwks((await client.get(f"{issuer}/jwks")).content, ALGORITHMS)
            userinfo = (await client.get(f"{issuer}/userinfo")).json()
        expected = Expectation(
            algorithms=ALGORITHMS,
            typ=JWT_OR_NONE,
            issuer=issuer,
            audience=self.settings.client_id,
            required=frozenset({"exp", "iat", "sub", "nonce", "sid"}),
        )
        claims = verify(token["id_token"], keys, expected, int(time.time()))
        if claims.text("nonce") != nonce or claims.text("sub") != userinfo["sub"]:
            raise ValueError("the answer belongs to another request")
        return token["id_token"], userinfo | {"sid": claims.text("sid")}

    def _failed(self, request: Request) -> Response:
        return self.page(
            request,
            "<h1>Chưa đăng nhập được</h1><p>Câu trả lời của dịch vụ đăng nhập không hợp lệ hoặc đã được "
            'dùng. Quý vị vui lòng thử lại.</p><p class=actions><a class="button" href="/login">Thử '
            "lại</a></p>",
            "<h1>Sign-in failed</h1><p>The answer of the sign-in service is not valid, or was used "
            'already. Please try again.</p><p class=actions><a class="button" href="/login">Try '
            "again</a></p>",
            400,
        )

    async def logout(self, request: Request) -> Response:
        """End the own session, then the provider's (OIDC RP-Initiated Logout 1.0)."""
        session = self.signed_in(request)
        query = {
            "post_logout_redirect_uri": f"{self.settings.address}/",
            "ui_locales": self.pages.language(request),
        }
        if session is not None and session[2]:
            query["id_token_hint"] = session[2]
        else:
            query["client_id"] = self.settings.client_id
        return self.leave(request, f"{self.settings.issuer}/logout?{urlencode(query)}")

    async def backchannel_logout(self, logout_token: str = Form()) -> Response:
        """End the sessions that the provider names (OIDC Back-Channel Logout 1.0 §2.6)."""
        async with httpx.AsyncClient(trust_env=False) as client:
            document = (await client.get(f"{self.settings.issuer}/jwks")).content
        expected = Expectation(
            algorithms=ALGORITHMS,
            typ=frozenset({"logout+jwt"}),
            issuer=self.settings.issuer,
            audience=self.settings.client_id,
            required=frozenset({"exp", "iat", "jti", "sid", "events"}),
            max_lifetime_seconds=180,
        )
        try:
            keys = import_jwks(document, ALGORITHMS)
            claims = verify(logout_token, keys, expected, int(time.time()))
            if LOGOUT_EVENT not in claims.mapping("events") or "nonce" in claims:
                raise JoseRefused("events")  # noqa: TRY301 - one answer for every refusal
        except JoseRefused:
            return JSONResponse({"error": "invalid_request"}, 400)
        if self.accounts.first_time(claims.text("jti")):
            self.accounts.end_sid(claims.text("sid"))
        return JSONResponse({}, headers={"cache-control": "no-store"})

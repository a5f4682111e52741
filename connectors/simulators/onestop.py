"""A one-stop application of 2009: its own user names, salted SHA-1, and the signed ticket."""

import hashlib
import hmac
import json
import secrets
import time
from base64 import urlsafe_b64decode
from typing import Any
from urllib.parse import urlencode

from fastapi import Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from connectors.simulators.stand_in import StandIn, StandInSettings, read_settings, serve

SYSTEM_ID = "onestop"
STATE_COOKIE = "onestop_state"
MAX_AGE_SECONDS = 120
"""The oldest ticket that is believed, whatever its `exp` says."""
SKEW_SECONDS = 10
MAX_PENDING = 1000


class OneStop(StandIn):
    """Knows people only by a local user name; the ticket brings it that name."""

    def __init__(self, settings: StandInSettings) -> None:
        super().__init__(settings, "onestop")
        self._pending: dict[str, dict[str, Any]] = {}
        for old in settings.old_accounts:
            salt = hashlib.sha256(old["account"].encode()).hexdigest()[:8]
            digest = hashlib.sha1((salt + old["password"]).encode(), usedforsecurity=False)
            self.accounts.add_old(old["account"], old["name"], salt, digest.hexdigest())
        routes = self.application
        routes.get("/")(self.start)
        routes.get("/login")(self.login)
        routes.post("/ticket")(self.ticket)
        routes.get("/entered")(self.entered)
        routes.get("/logout")(self.logout)
        routes.post("/logout-ticket")(self.logout_ticket)
        routes.post("/verify-account")(self.verify_account)

    async def start(self, request: Request) -> Response:
        """The start page."""
        return self.home(request)

    async def login(self, request: Request) -> Response:
        """Send the browser to the provider, with a state that this browser keeps in a cookie."""
        state = secrets.token_urlsafe(24)
        query = {
            "system": SYSTEM_ID,
            "return_url": f"{self.settings.address}/ticket",
            "state": state,
            "ui_locales": self.pages.language(request),
        }
        response = RedirectResponse(f"{self.settings.issuer}/ticket?{urlencode(query)}", 303)
        response.set_cookie(STATE_COOKIE, state, max_age=900, httponly=True, samesite="lax")
        return response

    async def ticket(
        self, request: Request, ticket: str = Form(default=""), ticket_2: str = Form(default="")
    ) -> Response:
        """Take the ticket that our one secret fits, once; nobody has entered yet.

        Why: this POST comes from another site, and the cookie with the state does not travel
        with it. With the redirect to ourselves it does.
        """
        claims = self._read(ticket, "ticket+jwt") or self._read(ticket_2, "ticket+jwt")
        if claims is None:
            return self._refused(request)
        if len(self._pending) >= MAX_PENDING:
            self._pending.clear()
        handle = secrets.token_urlsafe(24)
        self._pending[handle] = claims
        return RedirectResponse(f"/entered?handle={handle}", 303)

    async def entered(self, request: Request, handle: str = "") -> Response:
        """Enter, if the ticket was made for the sign-in that this very browser began."""
        claims = self._pending.pop(handle, None)
        expected = request.cookies.get(STATE_COOKIE, "")
        if claims is None or not expected or time.time() >= claims["exp"]:
            return self._refused(request)
        if not hmac.compare_digest(str(claims.get("state", "")).encode(), expected.encode()):
            return self._refused(request)
        account = str(claims["local_account"])
        self.accounts.remember(account, str(claims.get("name", "")))
        response = RedirectResponse("/", 303)
        response.delete_cookie(STATE_COOKIE)
        return self.enter(response, account, str(claims["sid"]))

    def _refused(self, request: Request) -> Response:
        return self.page(
            request,
            "<h1>Chưa đăng nhập được</h1><p>Vé đăng nhập không hợp lệ hoặc đã được dùng. Quý vị "
            'vui lòng thử lại.</p><p class=actions><a class="button" href="/login">Thử lại</a>'
            "</p>",
            "<h1>Sign-in failed</h1><p>The ticket is not valid, or was used already. Please try "
            'again.</p><p class=actions><a class="button" href="/login">Try again</a></p>',
            403,
        )

    async def logout(self, request: Request) -> Response:
        """End the own session, then ask the provider to end its own."""
        return self.leave(request, f"{self.settings.issuer}/logout")

    async def logout_ticket(self, ticket: str = Form(), ticket_2: str = Form("")) -> Response:
        """The provider says that a session has ended."""
        typ = "logout-ticket+jwt"
        claims = self._read(ticket, typ) or self._read(ticket_2, typ)
        if claims is None:
            return JSONResponse({"error": "invalid ticket"}, 400)
        self.accounts.end_sid(str(claims["sid"]))
        return JSONResponse({})

    async def verify_account(self, request: Request) -> Response:
        """Check an old password for the provider, which shows a secret of its own first."""
        expected = f"Bearer {self.settings.verify_secret}"
        given = request.headers.get("authorization", "")
        if not self.settings.verify_secret or not hmac.compare_digest(
            expected.encode(), given.encode()
        ):
            return JSONResponse({"error": "unauthorized"}, 401)
        try:
            body = json.loads(await request.body())
            if not isinstance(body, dict):
                raise TypeError  # noqa: TRY301 - one answer for every malformed body
        except (ValueError, TypeError, RecursionError):
            return JSONResponse({"error": "malformed"}, 400)
        stored = self.accounts.old_digest(str(body.get("account", "")))
        salt, digest = stored or ("", "")
        computed = hashlib.sha1(
            (salt + str(body.get("password", ""))).encode(), usedforsecurity=False
        )
        if not hmac.compare_digest(computed.hexdigest(), digest):
            return JSONResponse({"error": "wrong"}, 403)
        return JSONResponse({"account": str(body["account"])})

    def _read(self, ticket: str, typ: str) -> dict[str, Any] | None:
        """What an application of 2009 can do by itself: HMAC, audience, time, once."""
        try:
            head, payload, signature = ticket.split(".")
            key = self.settings.ticket_secret.encode()
            computed = hmac.digest(key, f"{head}.{payload}".encode(), "sha256")
            if not key or not hmac.compare_digest(computed, _decode(signature)):
                return None  # nothing unsigned is ever parsed
            header, claims = json.loads(_decode(head)), json.loads(_decode(payload))
            known = header["alg"] == "HS256" and header["typ"] == typ
            ours = claims["aud"] == SYSTEM_ID and claims["iss"] == self.settings.issuer
            now, made = time.time(), claims["iat"]
            young = now - MAX_AGE_SECONDS < made < now + SKEW_SECONDS and now < claims["exp"]
        except (ValueError, KeyError, TypeError):
            return None
        if not (known and ours and young and self.accounts.first_time(claims["jti"])):
            return None
        return dict(claims)


def _decode(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


if __name__ == "__main__":
    found = read_settings()
    serve(OneStop(found).application, found)

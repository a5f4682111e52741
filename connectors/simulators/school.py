"""A school of 2015: its own account table, and SAML 2.0, as its framework brought it along.

It signs none of its requests, as many do not: what it is told is signed, and that is what counts.
"""

import base64
import secrets
import time
import zlib
from typing import Annotated
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

import httpx
from fastapi import Form, Request
from fastapi.responses import RedirectResponse, Response

from connectors.errors import SamlRefused
from connectors.saml.door import written
from connectors.saml.names import POST_BINDING, SAML, SAMLP, SOAP, StatusCode
from connectors.simulators.school_messages import (
    Arrival,
    Expected,
    certificates_in,
    read_logout,
    read_response,
)
from connectors.simulators.stand_in import StandIn, StandInSettings, read_settings, serve

REQUEST_COOKIE = "school_request"


class School(StandIn):
    """Knows people only by a number of its own; the provider tells it that number."""

    def __init__(self, settings: StandInSettings) -> None:
        super().__init__(settings, "school")
        self._entity_id, self._acs = f"{settings.address}/metadata", f"{settings.address}/acs"
        routes = self.application
        routes.get("/")(self.start)
        routes.get("/login")(self.login)
        routes.post("/acs")(self.enter_with_response)
        routes.post("/soap")(self.logout_request)
        routes.get("/logout")(self.logout)

    async def start(self, request: Request) -> Response:
        """The start page."""
        return self.home(request)

    async def login(self, request: Request) -> Response:
        """Send the browser to the provider, with a request that the browser remembers.

        Why: a response fits one request only. So nobody can put a response of their own into
        another person's browser.
        """
        request_id = "_" + secrets.token_hex(16)
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(self._authn_request(request_id).encode()) + packer.flush()
        query = urlencode({"SAMLRequest": base64.b64encode(packed).decode("ascii")})
        response = RedirectResponse(f"{self.settings.issuer}/saml/sso?{query}", 303)
        # On loopback all are one site; elsewhere a cookie that comes back with a POST is
        # SameSite=None and Secure.
        response.set_cookie(REQUEST_COOKIE, request_id, max_age=900, httponly=True, samesite="lax")
        return self.pages.remember(request, response)

    def _authn_request(self, request_id: str) -> str:
        """Spec: SAML Core 2.0 §3.4.1."""
        return (
            f'<samlp:AuthnRequest xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="{request_id}"'
            f' Version="2.0" IssueInstant="{written(int(time.time()))}"'
            f' ProtocolBinding="{POST_BINDING}" AssertionConsumerServiceURL={quoteattr(self._acs)}>'
            f"<saml:Issuer>{escape(self._entity_id)}</saml:Issuer></samlp:AuthnRequest>"
        )

    async def enter_with_response(
        self, request: Request, encoded: Annotated[str, Form(alias="SAMLResponse")]
    ) -> Response:
        """Enter as whom the assertion names: once, and only in the browser that asked."""
        request_id = request.cookies.get(REQUEST_COOKIE, "")
        if not request_id:
            return self._refused(request)
        try:
            arrival = await self._read(encoded, request_id)
        except SamlRefused:
            return self._refused(request)
        if not self.accounts.first_time(arrival.assertion_id):
            return self._refused(request)
        self.accounts.remember(arrival.account, arrival.name)
        response = RedirectResponse("/", 303)
        response.delete_cookie(REQUEST_COOKIE)
        return self.enter(response, arrival.account, sid=arrival.session)

    async def _read(self, encoded: str, request_id: str) -> Arrival:
        expected = Expected(
            idp=f"{self.settings.issuer}/saml/metadata",
            entity_id=self._entity_id,
            acs=self._acs,
            request_id=request_id,
            now=int(time.time()),
        )
        return read_response(encoded, await self._certificates(), expected)

    async def _certificates(self) -> list[bytes]:
        """Asked for each time, so that a change of keys needs nobody here."""
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{self.settings.issuer}/saml/metadata")
        return certificates_in(answer.content)

    async def logout_request(self, request: Request) -> Response:
        """The provider says, behind the browser, that a session has ended."""
        address = f"{self.settings.address}/soap"
        try:
            session = read_logout(
                await request.body(), await self._certificates(), address, int(time.time())
            )
        except SamlRefused:
            return Response(
                _soap(StatusCode.REQUESTER, self._entity_id), 400, media_type="text/xml"
            )
        self.accounts.end_sid(session)
        return Response(_soap(StatusCode.SUCCESS, self._entity_id), media_type="text/xml")

    async def logout(self, request: Request) -> Response:
        """End the own session, then ask the provider to end its own."""
        return self.leave(request, f"{self.settings.issuer}/logout")

    def _refused(self, request: Request) -> Response:
        return self.page(
            request,
            "<h1>Chưa đăng nhập được</h1><p>Trả lời của nơi định danh không hợp lệ hoặc đã được "
            'dùng. Quý vị vui lòng thử lại.</p><p class=actions><a class="button" href="/login">'
            "Thử lại</a></p>",
            "<h1>Sign-in failed</h1><p>The answer of the identity provider is not valid, or was "
            'used already. Please try again.</p><p class=actions><a class="button" href="/login">'
            "Try again</a></p>",
            403,
        )


def _soap(status: StatusCode, entity_id: str) -> str:
    """Spec: SAML Core 2.0 §3.7.2."""
    return (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><samlp:LogoutResponse xmlns:samlp="{SAMLP}"'
        f' xmlns:saml="{SAML}" ID="_{secrets.token_hex(16)}" Version="2.0"'
        f' IssueInstant="{written(int(time.time()))}"><saml:Issuer>{escape(entity_id)}'
        f'</saml:Issuer><samlp:Status><samlp:StatusCode Value="{status}"/></samlp:Status>'
        "</samlp:LogoutResponse></s:Body></s:Envelope>"
    )


if __name__ == "__main__":
    found = read_settings()
    serve(School(found).application, found)

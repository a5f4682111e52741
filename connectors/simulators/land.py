"""A land registry of 2012: its own account table, and CAS, as its framework brought it along."""

import hmac
import secrets
from typing import Annotated
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import httpx
from fastapi import Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from connectors.simulators.stand_in import StandIn, StandInSettings, read_settings, serve

STATE_COOKIE = "land_state"
CAS = "{http://www.yale.edu/tp/cas}"
SAMLP = "{urn:oasis:names:tc:SAML:2.0:protocol}"
MAX_ANSWER = 64 * 1024


class LandRegistry(StandIn):
    """Knows people only by a number of its own; the provider tells it that number."""

    def __init__(self, settings: StandInSettings) -> None:
        super().__init__(settings, "land")
        routes = self.application
        routes.get("/")(self.start)
        routes.get("/login")(self.login)
        routes.get("/enter")(self.enter_with_ticket)
        routes.post("/enter")(self.logout_request)
        routes.get("/logout")(self.logout)

    async def start(self, request: Request) -> Response:
        """The start page."""
        return self.home(request)

    async def login(self, request: Request) -> Response:
        """Send the browser to the provider.

        Why: a ticket fits one address only, and this one holds a state that the browser keeps in
        a cookie. So nobody can put a ticket of their own into another person's browser.
        """
        state = secrets.token_urlsafe(24)
        query = urlencode({"service": self._service(state)})
        response = RedirectResponse(f"{self.settings.issuer}/cas/login?{query}", 303)
        response.set_cookie(STATE_COOKIE, state, max_age=900, httponly=True, samesite="lax")
        return self.pages.remember(request, response)

    async def enter_with_ticket(
        self, request: Request, state: str = "", ticket: str = ""
    ) -> Response:
        """Ask the provider about the ticket, and enter as whom it names."""
        expected = request.cookies.get(STATE_COOKIE, "")
        if not expected or not hmac.compare_digest(state.encode(), expected.encode()):
            return self._refused(request)
        person = await self._validated(ticket, self._service(state))
        if person is None:
            return self._refused(request)
        account, name = person
        self.accounts.remember(account, name)
        response = RedirectResponse("/", 303)
        response.delete_cookie(STATE_COOKIE)
        return self.enter(response, account, sid=ticket)

    def _service(self, state: str) -> str:
        return f"{self.settings.address}/enter?{urlencode({'state': state})}"

    async def _validated(self, ticket: str, service: str) -> tuple[str, str] | None:
        """Account and name, where the provider says yes. Spec: CAS Protocol 3.0 §2.5."""
        query = {"service": service, "ticket": ticket}
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"{self.settings.issuer}/cas/p3/serviceValidate"
            answer = await client.get(url, params=query)
        success = _document(answer.text)
        success = None if success is None else success.find(f"{CAS}authenticationSuccess")
        account = None if success is None else success.findtext(f"{CAS}user")
        if success is None or not account:
            return None
        return account, success.findtext(f"{CAS}attributes/{CAS}name") or ""

    async def logout_request(
        self, request_text: Annotated[str, Form(alias="logoutRequest")]
    ) -> Response:
        """The provider says that the session behind a ticket has ended."""
        document = _document(request_text)
        ticket = None if document is None else document.findtext(f"{SAMLP}SessionIndex")
        if not ticket:
            return JSONResponse({"error": "invalid request"}, 400)
        self.accounts.end_sid(ticket)
        return JSONResponse({})

    async def logout(self, request: Request) -> Response:
        """End the own session, then ask the provider to end its own."""
        query = urlencode({"service": f"{self.settings.address}/"})
        return self.leave(request, f"{self.settings.issuer}/cas/logout?{query}")

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


def _document(text: str) -> ET.Element | None:
    """A document without a type of its own: what could name entities is not read at all."""
    if len(text) > MAX_ANSWER or "<!" in text:
        return None
    try:
        return ET.fromstring(text)  # noqa: S314 - no document type, so no entities
    except ET.ParseError:
        return None


if __name__ == "__main__":
    found = read_settings()
    serve(LandRegistry(found).application, found)

"""/cas/logout: the same page as /logout, and a way back to a service."""

from collections.abc import Mapping

from connectors.contract import SystemId
from connectors.errors import ReturnAddressRefused
from connectors.registry import System
from connectors.systems.cas.service import verify_service
from idp.errors import PageRefused
from idp.protocol.form import parse_form
from idp.protocol.languages import named
from idp.web.http import Answer, HttpRequest
from idp.web.logout import LogoutPages
from idp.web.logout_request import LogoutRequest


class CasLogout:
    """Asks before it ends a session: in CAS nothing shows that a service sent the browser."""

    def __init__(self, *, systems: Mapping[SystemId, System], pages: LogoutPages) -> None:
        self._systems = systems
        self._pages = pages

    async def handle(self, request: HttpRequest) -> Answer:
        """GET /cas/logout.

        Spec: CAS Protocol 3.0 §2.3.1 (`service`; `url` of CAS 2)
        Raises: PageRefused.
        """
        form = parse_form(request.query)
        form.refuse_repeated()
        chosen, address = named(form.get("lang")), form.get("service") or form.get("url")
        try:
            service = verify_service(self._systems, address) if address else None
        except ReturnAddressRefused:
            raise PageRefused("post_logout_redirect_uri_unknown", status=403) from None
        asked = LogoutRequest(service=service, ui_locales=chosen, chosen=chosen)
        return await self._pages.proceed(request, asked, int(request.received_at))

"""/saml/slo: a system asks, by the browser, that the session ends."""

import hashlib
from urllib.parse import quote

from connectors.errors import SamlRefused
from connectors.registry import SamlSettings, System
from connectors.saml.bindings import parameters, plain, redirect
from connectors.saml.logout import LogoutRequest, logout_response, read_logout_request
from connectors.systems.saml.response import name_of
from idp.errors import PageRefused
from idp.flows.logout import Logout
from idp.flows.notices import participant_of
from idp.flows.sign_in import digest_of
from idp.model import Session
from idp.ports import Entropy, Fences, Grants, Sessions
from idp.web.cookies import SESSION, CookieJar
from idp.web.dialects.saml.place import SLO_PATH, SamlPlace
from idp.web.http import Answer, Header, HttpRequest, see_other
from idp.web.logout import FORGET_PAGES

FENCE = "saml_logout"


class SamlLogout:
    """Ends the session that a signed request names, and answers by redirect."""

    def __init__(
        self,
        *,
        place: SamlPlace,
        sessions: Sessions,
        grants: Grants,
        fences: Fences,
        logout: Logout,
        cookies: CookieJar,
        entropy: Entropy,
    ) -> None:
        self._place = place
        self._sessions = sessions
        self._grants = grants
        self._fences = fences
        self._logout = logout
        self._cookies = cookies
        self._entropy = entropy

    async def handle(self, request: HttpRequest) -> Answer:
        """One request for logout, taken once.

        Why a system that registered no address is refused before anything ends: the person would
        be left on a page that says nothing.

        Spec: SAML Profiles 2.0 §4.4.4
        Raises: PageRefused.
        """
        now, raw = int(request.received_at), request.query.decode("latin-1")
        if request.method == "POST":
            raw = request.body().decode("utf-8", "replace")
            if self._cookies.read(request, SESSION) is None:
                return see_other(f"{SLO_PATH}?{quote(raw, safe='=&%+')}")
        try:
            system, settings, asked, relay_state = self._read(raw, now)
        except SamlRefused as refused:
            raise PageRefused("invalid_request", detail=str(refused)) from None
        if settings.slo_url is None:
            raise PageRefused("post_logout_redirect_uri_unknown")
        digest = hashlib.sha256(f"{system.system_id} {asked.request_id}".encode()).digest()
        if not await self._fences.once(FENCE, digest, asked.expires_at):
            raise PageRefused("invalid_request", detail="the request was taken before")
        known, headers = await self._end(request, system, settings, asked, now)
        voice = self._place.voice()
        xml = logout_response(
            voice,
            to=settings.slo_url,
            request_id=asked.request_id,
            response_id="_" + self._entropy(16).hex(),
            now=now,
            known=known,
        )
        where = redirect(settings.slo_url, "SAMLResponse", xml, relay_state, voice.signer)
        return see_other(where, *headers)

    def _read(self, raw: str, now: int) -> tuple[System, SamlSettings, LogoutRequest, str | None]:
        sent = parameters(raw)
        if "SAMLResponse" in sent:
            raise SamlRefused("a response that nobody asked for")
        octets, root = self._place.message(sent, "SAMLRequest")
        system, settings = self._place.sender(root, "LogoutRequest")
        vouched = self._place.vouched(sent, octets, root, settings, self._place.slo, required=True)
        if self._place.sender(vouched, "LogoutRequest")[0] is not system:
            raise SamlRefused("another system was signed for")
        relay_state = plain(sent["RelayState"]) if "RelayState" in sent else None
        return system, settings, read_logout_request(vouched, now), relay_state

    async def _end(
        self,
        request: HttpRequest,
        system: System,
        settings: SamlSettings,
        asked: LogoutRequest,
        now: int,
    ) -> tuple[bool, tuple[Header, ...]]:
        """Whether nothing of what was named lives any more; and the headers that say so."""
        handle = self._cookies.read(request, SESSION)
        session = await self._sessions.get(digest_of(handle)) if handle else None
        if session is None or handle is None:
            return True, ()
        if not await self._names(system, settings, asked, session):
            return False, ()
        await self._logout.end(session, digest_of(handle), now)
        return True, (self._cookies.clear(SESSION), FORGET_PAGES)

    async def _names(
        self, system: System, settings: SamlSettings, asked: LogoutRequest, session: Session
    ) -> bool:
        """Whether this very session is meant, under the name that the system was given."""
        if asked.sessions and session.sid not in asked.sessions:
            return False
        standing = await self._grants.standing(
            session.subject, participant_of(system), system.sector, system.system_id, session.sid
        )
        if standing is None or standing.sub is None:
            return False
        account = standing.accounts[0] if standing.accounts else None
        return asked.name_id == name_of(settings, session.sid, standing.sub, account)

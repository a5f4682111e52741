"""/logout: RP-initiated logout, and the person's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus, urlencode

import orjson

from connectors.contract import Locale, SystemId
from connectors.registry import System
from idp.errors import PageRefused
from idp.flows.id_token_hint import Hint, HintReader
from idp.flows.logout import SYSTEM_PREFIX, Logout
from idp.flows.sign_in import digest_of
from idp.model import Client, ClientId, Session
from idp.ports import Grants, Sessions
from idp.protocol.form import Form, parse_form
from idp.protocol.redirect_uri import VerifiedRedirect, verify_post_logout_redirect
from idp.web.cookies import SESSION, CookieJar
from idp.web.doors import origin_of
from idp.web.http import Answer, Header, HttpRequest, see_other
from idp.web.page_answers import PageAnswers
from idp.web.views import NoticeView
from keys.errors import SealBroken
from keys.seal import Sealer

CONFIRMATION = "lo"
MAX_STATE = 3072
"""Escaped, as it stands in the address that the confirmation carries."""
MAX_LOCALES = 256
FORGET_PAGES: Header = (b"clear-site-data", b'"cache"')
"""Browsers keep whole pages for the Back button, `no-store` or not; these must not come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    hint: Hint | None
    client: Client | None
    redirect: VerifiedRedirect | None
    state: str | None
    ui_locales: str | None

    def location(self) -> str | None:
        """Where to send the browser afterwards."""
        if self.redirect is None:
            return None
        if self.state is None:
            return self.redirect.uri
        return self.redirect.uri + self.redirect.separator + urlencode({"state": self.state})


class LogoutPages:
    """Asks before it ends a session, unless a token of ours shows that its own client asks."""

    def __init__(
        self,
        *,
        clients: Mapping[ClientId, Client],
        systems: Mapping[SystemId, System],
        sessions: Sessions,
        grants: Grants,
        logout: Logout,
        hints: HintReader,
        cookies: CookieJar,
        pages: PageAnswers,
        sealer: Sealer,
    ) -> None:
        self._clients = clients
        self._systems = systems
        self._sessions = sessions
        self._grants = grants
        self._logout = logout
        self._hints = hints
        self._cookies = cookies
        self._pages = pages
        self._sealer = sealer

    async def handle(self, request: HttpRequest) -> Answer:
        """One logout request, or the confirmation of one.

        Spec: OIDC RP-Initiated Logout 1.0 §2, §3
        Raises: PageRefused.
        """
        now = int(request.received_at)
        if request.method == "POST":
            form = request.form()
            if "confirmation" in form:
                return await self._confirmed(request, form, now)
        else:
            form = parse_form(request.query)
        asked = self._read(form, now)
        handle = self._cookies.read(request, SESSION)
        session = await self._sessions.get(digest_of(handle)) if handle else None
        if session is None or handle is None:
            if asked.hint is not None and (location := asked.location()):
                return see_other(location)
            return self._signed_out(request, asked.ui_locales, (), asked.location())
        if await self._names_the_session(asked.hint, session):
            return await self._end(
                request, session, handle, asked.location(), asked.ui_locales, now
            )
        return self._ask(request, handle, asked)

    def _read(self, form: Form, now: int) -> _Request:
        """Everything that was sent, checked; an unregistered address stops here.

        Why: an address counts only together with a token of ours; a client id alone names a
        client, but proves nothing.
        """
        form.refuse_repeated()
        hint = self._hints.read(form.get("id_token_hint"), now)
        named = self._clients.get(ClientId(form.get("client_id", "")))
        if hint is not None and "client_id" in form and named != hint.client:
            raise PageRefused("invalid_request", detail="client_id differs from id_token_hint")
        client = hint.client if hint else named
        address, redirect = form.get("post_logout_redirect_uri"), None
        if address is not None and (client is not None or "id_token_hint" not in form):
            if client is None:
                raise PageRefused("post_logout_redirect_uri_unknown")
            redirect = verify_post_logout_redirect(client, address)
        if hint is None and "id_token_hint" in form:
            redirect = None
        state, ui_locales = form.get("state"), form.get("ui_locales", "")
        return _Request(
            hint=hint,
            client=client,
            redirect=redirect,
            state=state if state and len(quote_plus(state)) <= MAX_STATE else None,
            ui_locales=ui_locales
            if ui_locales.isascii() and len(ui_locales) <= MAX_LOCALES
            else None,
        )

    async def _names_the_session(self, hint: Hint | None, session: Session) -> bool:
        if hint is None or hint.sid != session.sid:
            return False
        standing = await self._grants.standing(
            session.subject, hint.client.client_id, hint.client.sector, None, session.sid
        )
        return standing is not None and standing.sub == hint.sub

    async def _end(
        self,
        request: HttpRequest,
        session: Session,
        handle: str,
        location: str | None,
        ui_locales: str | None,
        now: int,
    ) -> Answer:
        notices = await self._logout.end(session, digest_of(handle), now)
        forget = (self._cookies.clear(SESSION), FORGET_PAGES)
        if location is not None:
            return see_other(location, *forget)
        locale = self._pages.locale(request, ui_locales)
        names = tuple(sorted(self._name(notice.participant, locale) for notice in notices))
        return self._signed_out(request, ui_locales, names, None, *forget)

    def _name(self, participant: str, locale: Locale) -> str:
        if participant.startswith(SYSTEM_PREFIX):
            system = self._systems.get(SystemId(participant.removeprefix(SYSTEM_PREFIX)))
            return system.name.for_locale(locale) if system else participant
        client = self._clients.get(ClientId(participant))
        return client.name.for_locale(locale) if client else participant

    def _ask(self, request: HttpRequest, handle: str, asked: _Request) -> Answer:
        """The confirmation page: its answer is bound to this very session."""
        nonce = self._pages.nonce()
        sealed = self._sealer.seal_handle(
            CONFIRMATION, orjson.dumps([asked.location(), asked.ui_locales]), digest_of(handle)
        )
        view = NoticeView(
            locale=self._pages.locale(request, asked.ui_locales),
            nonce=nonce,
            reason="logout_confirm",
            action="/logout",
            hidden={"confirmation": sealed},
        )
        targets = (origin_of(asked.redirect.uri),) if asked.redirect else ()
        return self._pages.page(self._pages.pages.notice(view), nonce, form_targets=targets)

    async def _confirmed(self, request: HttpRequest, form: Form, now: int) -> Answer:
        handle = self._cookies.read(request, SESSION)
        session = await self._sessions.get(digest_of(handle)) if handle else None
        if handle is None or session is None:
            return self._signed_out(request, None, (), None)
        try:
            raw = self._sealer.open_handle(CONFIRMATION, form["confirmation"], digest_of(handle))
        except SealBroken:
            raise PageRefused("flow_unknown", status=403, detail="csrf") from None
        location, ui_locales = orjson.loads(raw)
        return await self._end(request, session, handle, location, ui_locales, now)

    def _signed_out(
        self,
        request: HttpRequest,
        ui_locales: str | None,
        names: tuple[str, ...],
        link: str | None,
        *headers: Header,
    ) -> Answer:
        nonce = self._pages.nonce()
        view = NoticeView(
            locale=self._pages.locale(request, ui_locales),
            nonce=nonce,
            reason="signed_out" if names else "signed_out_alone",
            items=names,
            link=link,
        )
        return self._pages.page(self._pages.pages.notice(view), nonce, 200, *headers)

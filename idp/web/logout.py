"""/logout: RP-initiated logout, and the person's own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import orjson

from connectors.contract import Locale, SystemId
from connectors.registry import System
from connectors.sources.end_session import UpstreamLogout
from connectors.sources.model import Source
from idp.errors import PageRefused
from idp.flows.id_token_hint import Hint, HintReader
from idp.flows.logout import Logout
from idp.flows.notices import SYSTEM_PREFIX
from idp.flows.sign_in import digest_of
from idp.flows.upstream_logout import SignedInAbove
from idp.model import Client, ClientId, Session
from idp.ports import Grants, Sessions
from idp.protocol.form import Form, parse_form
from idp.web.cookies import SESSION, CookieJar
from idp.web.doors import origin_of
from idp.web.http import Answer, Header, HttpRequest, see_other
from idp.web.logout_request import LOGOUT_PATH, LogoutRequest, read_logout
from idp.web.page_answers import PageAnswers
from idp.web.views import NoticeView
from keys.errors import SealBroken
from keys.seal import Sealer

CONFIRMATION = "lo"
TOLD = "to"
TOLD_SECONDS = 300
FORGET_PAGES: Header = (b"clear-site-data", b'"cache"')
"""Browsers keep whole pages for the Back button, `no-store` or not; these must not come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the page after a logout says, for as long as somebody may look at it."""

    participants: tuple[str, ...] = ()
    source_id: str | None = None
    """Where the person is still signed in."""
    back: str | None = None
    """The verified address that a client wanted, while the browser was at a source."""


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
        above: SignedInAbove,
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
        self._above = above

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
        return await self.proceed(request, read_logout(form, self._clients, self._hints, now), now)

    async def proceed(self, request: HttpRequest, asked: LogoutRequest, now: int) -> Answer:
        """A request that was read and checked, by whichever dialect."""
        handle = self._cookies.read(request, SESSION)
        session = await self._sessions.get(digest_of(handle)) if handle else None
        if session is None or handle is None:
            if asked.hint is not None and (location := asked.location()):
                return see_other(location)
            asked = self._came_back(asked)
            return self._signed_out(request, asked, self._opened(asked.told, now))
        if await self._names_the_session(asked.hint, session):
            return await self._end(request, session, handle, asked, asked.location(), now)
        return self._ask(request, handle, asked)

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
        asked: LogoutRequest,
        location: str | None,
        now: int,
    ) -> Answer:
        source = await self._above.of(session.sid)
        notices = await self._logout.end(session, digest_of(handle), now)
        forget = (self._cookies.clear(SESSION), FORGET_PAGES)
        participants = tuple(dict.fromkeys(notice.participant for notice in notices))
        always = source is not None and source.logout is UpstreamLogout.ALWAYS
        if location is not None and not always:
            return see_other(location, *forget)
        told = Told(
            participants=participants,
            source_id=source.source_id if source else None,
            back=location,
        )
        asked = replace(asked, told=self._sealed(told, now))
        return self._signed_out(request, asked, told, *forget, *self._led_on(source, told, now))

    def _led_on(self, source: Source | None, told: Told, now: int) -> tuple[Header, ...]:
        """To the source at once, where its table says so.

        Why: by the page, not by a redirect: our confirmation is a form, and its policy (CSP
        `form-action`) would stop a browser that the source leads on over another host.
        """
        if source is None or source.logout is not UpstreamLogout.ALWAYS:
            return ()
        return ((b"refresh", f"0; url={self._way_out(source, told, now)}".encode("ascii")),)

    def _way_out(self, source: Source, told: Told, now: int) -> str:
        """To the source; it brings back what our page has to say, without itself."""
        return self._above.address(source, self._sealed(replace(told, source_id=None), now))

    def _came_back(self, asked: LogoutRequest) -> LogoutRequest:
        """From a source, with what we sent along as `state`: it opens as ours, or says nothing."""
        if asked.client is None and asked.state and not asked.told:
            return replace(asked, told=asked.state, state=None)
        return asked

    def _name(self, participant: str, locale: Locale) -> str:
        if participant.startswith(SYSTEM_PREFIX):
            system = self._systems.get(SystemId(participant.removeprefix(SYSTEM_PREFIX)))
            return system.name.for_locale(locale) if system else participant
        client = self._clients.get(ClientId(participant))
        return client.name.for_locale(locale) if client else participant

    def _sealed(self, told: Told, now: int) -> str:
        """Who is being told, for the same page in the other language: the session is gone by then.

        Why: only names hang on it. That somebody is signed out is read anew each time.
        """
        row = orjson.dumps([told.participants, told.source_id, told.back, now + TOLD_SECONDS])
        return self._sealer.seal_handle(TOLD, row) if told != Told() else ""

    def _opened(self, told: str, now: int) -> Told:
        try:
            names, source_id, back, until = orjson.loads(self._sealer.open_handle(TOLD, told))
        except SealBroken:
            return Told()
        if now >= until:
            return Told()
        return Told(participants=tuple(names), source_id=source_id, back=back)

    def _ask(self, request: HttpRequest, handle: str, asked: LogoutRequest) -> Answer:
        """The confirmation page: its answer is bound to this very session."""
        nonce = self._pages.nonce()
        sealed = self._sealer.seal_handle(
            CONFIRMATION, orjson.dumps([asked.location(), asked.ui_locales]), digest_of(handle)
        )
        view = NoticeView(
            locale=self._pages.locale(request, asked.ui_locales),
            nonce=nonce,
            lang_links=asked.links(),
            reason="logout_confirm",
            action=LOGOUT_PATH,
            hidden={"confirmation": sealed},
        )
        location = asked.location()
        targets = (origin_of(location),) if location else ()
        body = self._pages.pages.notice(view)
        return self._pages.page(body, nonce, 200, *self._remember(asked), form_targets=targets)

    async def _confirmed(self, request: HttpRequest, form: Form, now: int) -> Answer:
        handle = self._cookies.read(request, SESSION)
        session = await self._sessions.get(digest_of(handle)) if handle else None
        if handle is None or session is None:
            return self._signed_out(request, LogoutRequest(), Told())
        try:
            raw = self._sealer.open_handle(CONFIRMATION, form["confirmation"], digest_of(handle))
        except SealBroken:
            raise PageRefused("flow_unknown", status=403, detail="csrf") from None
        location, ui_locales = orjson.loads(raw)
        asked = LogoutRequest(ui_locales=ui_locales)
        return await self._end(request, session, handle, asked, location, now)

    def _signed_out(
        self,
        request: HttpRequest,
        asked: LogoutRequest,
        told: Told,
        *headers: Header,
    ) -> Answer:
        nonce = self._pages.nonce()
        locale = self._pages.locale(request, asked.ui_locales)
        names = tuple(sorted(self._name(participant, locale) for participant in told.participants))
        source = self._above.named(told.source_id)
        way_out = self._way_out(source, told, int(request.received_at)) if source else ""
        view = NoticeView(
            locale=locale,
            nonce=nonce,
            lang_links=asked.links(asked.told if told != Told() else ""),
            reason="signed_out" if names else "signed_out_alone",
            items=names,
            link=asked.location() or told.back,
            above=(source.name.for_locale(locale), way_out) if source else None,
        )
        body = self._pages.pages.notice(view)
        return self._pages.page(body, nonce, 200, *headers, *self._remember(asked))

    def _remember(self, asked: LogoutRequest) -> tuple[Header, ...]:
        return (self._pages.remember(asked.chosen),) if asked.chosen else ()

"""/saml/slo: a system asks, by the browser, that the session ends."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.contract import PairwiseSub, SessionId
from connectors.errors import SamlRefused
from connectors.registry import System
from connectors.saml.bindings import parameters, plain, redirect
from connectors.saml.logout import LogoutRequest, logout_response, read_logout_request
from idp.errors import PageRefused
from idp.flows.logout import Logout
from idp.flows.notices import participant_of
from idp.flows.sign_in import digest_of
from idp.ports import Entropy, Fences, SessionEnds, Sessions
from idp.web.cookies import SESSION, CookieJar
from idp.web.dialects.saml.place import SamlPlace
from idp.web.dialects.saml.posted import AGAIN, Posting
from idp.web.http import Answer, Header, HttpRequest, Refusal, see_other
from idp.web.logout import FORGET_PAGES

FENCE = "saml_logout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A request that was read and checked."""

    system: System
    answer_to: str | None
    asked: LogoutRequest
    relay_state: str | None
    sent: Mapping[str, str] = field(repr=False)
    """The parameters, as they came."""


class SamlLogout:
    """Ends the sessions that a signed request names, and answers by redirect."""

    def __init__(
        self,
        *,
        place: SamlPlace,
        sessions: Sessions,
        ends: SessionEnds,
        fences: Fences,
        logout: Logout,
        cookies: CookieJar,
        posting: Posting,
        entropy: Entropy,
    ) -> None:
        self._place = place
        self._sessions = sessions
        self._ends = ends
        self._fences = fences
        self._logout = logout
        self._cookies = cookies
        self._posting = posting
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
        try:
            said = self._read(raw, now)
        except SamlRefused as refused:
            raise PageRefused("invalid_request", detail=str(refused)) from None
        if said.answer_to is None:
            raise PageRefused("post_logout_redirect_uri_unknown")
        if request.method == "POST" and not self._carried(request):
            return self._posting.again(request, said.sent, said.system.name, said.answer_to)
        digest = hashlib.sha256(f"{said.system.system_id} {said.asked.request_id}".encode())
        if not await self._fences.once(FENCE, digest.digest(), said.asked.expires_at):
            raise PageRefused("invalid_request", detail="the request was taken before")
        known, headers = await self._end(request, said, now)
        answer = self._answer(said, said.answer_to, headers, known=known, now=now)
        if known:
            return answer
        who = participant_of(said.system)
        return answer.refused(Refusal(reason="unknown_session", client=who))

    def _carried(self, request: HttpRequest) -> bool:
        """Whether our cookie is here, or would be if there were one."""
        return self._cookies.read(request, SESSION) is not None or AGAIN in request.form()

    def _answer(
        self, said: Said, to: str, headers: tuple[Header, ...], *, known: bool, now: int
    ) -> Answer:
        voice = self._place.voice()
        xml = logout_response(
            voice,
            to=to,
            request_id=said.asked.request_id,
            response_id="_" + self._entropy(16).hex(),
            now=now,
            known=known,
        )
        where = redirect(to, "SAMLResponse", xml, said.relay_state, voice.signer)
        return see_other(where, *headers)

    def _read(self, raw: str, now: int) -> Said:
        sent = parameters(raw)
        if "SAMLResponse" in sent:
            raise SamlRefused("a response that nobody asked for")
        octets, root = self._place.message(sent, "SAMLRequest")
        system, settings = self._place.sender(root, "LogoutRequest", now)
        vouched = self._place.vouched(sent, octets, root, settings, self._place.slo, required=True)
        if self._place.sender(vouched, "LogoutRequest", now)[0] is not system:
            raise SamlRefused("another system was signed for")
        return Said(
            system=system,
            answer_to=settings.slo_url,
            asked=read_logout_request(vouched, now),
            relay_state=plain(sent["RelayState"]) if "RelayState" in sent else None,
            sent=sent,
        )

    async def _end(
        self, request: HttpRequest, said: Said, now: int
    ) -> tuple[bool, tuple[Header, ...]]:
        """Whether the system knows the person in what it named, which lives no more now; and the
        headers that say so. Without an index, the session of this browser is meant.

        Why whoever's browser brings it: the system signed, and names what it was given itself. The
        session may live in another browser, or behind a cookie that was lost.

        Spec: SAML Core 2.0 §3.7.3.2
        """
        handle = self._cookies.read(request, SESSION)
        session = await self._sessions.get(digest_of(handle)) if handle else None
        here = (session.sid,) if session is not None else ()
        sids = tuple(SessionId(sid) for sid in said.asked.sessions) or here
        name = PairwiseSub(said.asked.name_id)
        found = await self._ends.named(participant_of(said.system), name, sids)
        headers: tuple[Header, ...] = ()
        for sid, subject in found:
            if handle is not None and session is not None and sid == session.sid:
                await self._logout.end(session, digest_of(handle), now)
                headers = (self._cookies.clear(SESSION), FORGET_PAGES)
            else:
                await self._logout.end_named(sid, subject, now)
        return bool(found), headers

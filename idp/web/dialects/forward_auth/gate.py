"""GET /forward-auth: what a reverse proxy asks before each request that it lets through.

    200  let it through, with exactly these identity headers
    401  somebody has to sign in; `Location` says where
    403  not this person, or not this host

Whatever the answer, every identity header is in it, empty where nothing may be told.
"""

from urllib.parse import quote

from connectors.contract import SystemId
from connectors.systems.forward_auth.assertion import AssertionSigner
from connectors.systems.forward_auth.headers import cleared, identity_headers, on_the_wire
from connectors.systems.forward_auth.hosts import START_PATH, ProtectedHost, ProtectedHosts
from connectors.systems.forward_auth.paths import is_public, target_to_return_to
from idp.errors import PageRefused
from idp.flows.host_visits import HostVisits, Visitor
from idp.protocol.next_step import (
    Claim,
    Consent,
    CreateAccount,
    Issue,
    LinkEnded,
    LinkHeldBack,
    Login,
    NoAccount,
    NotAdmitted,
    RequiredMissing,
    Step,
    StepUp,
)
from idp.web.cookies import CookieJar
from idp.web.dialects.forward_auth.handles import Handles
from idp.web.dialects.forward_auth.request import asked_for, host_of, method_of, target_of
from idp.web.http import NO_STORE, Answer, HttpRequest, Refusal, see_other
from keys.errors import SealBroken

VISIT = "forward"
"""The cookie of a protected host."""


class ForwardAuthGate:
    """Answers the proxy. No answer may be kept: what was decided holds for one request."""

    def __init__(
        self,
        *,
        hosts: ProtectedHosts,
        visits: HostVisits,
        handles: Handles,
        signer: AssertionSigner,
    ) -> None:
        self._hosts = hosts
        self._visits = visits
        self._handles = handles
        self._signer = signer
        self._asked = {host.system.system_id: asked_for(host.system) for host in hosts.values()}

    async def check(self, request: HttpRequest) -> Answer:
        """For proxies that make a redirect of a 401 themselves (nginx, HAProxy)."""
        try:
            host = host_of(self._hosts, request)
        except PageRefused as refused:
            refusal = Refusal(reason=refused.reason, detail=refused.detail)
            return _answer(403, cleared(None)).refused(refusal)
        if is_public(host.settings.public_paths, target_of(request)):
            return _answer(200, cleared(host.settings))
        return await self._protected(request, host)

    async def check_browser(self, request: HttpRequest) -> Answer:
        """For proxies that hand our answer to the browser (Caddy, Traefik): 303 instead of 401.

        Only where the browser asked for a page: what was posted would be lost on the way.
        """
        answer = await self.check(request)
        if answer.status != 401 or method_of(request) not in ("GET", "HEAD"):
            return answer
        location = next(value for name, value in answer.headers if name == b"location")
        return see_other(location.decode("ascii"))

    async def _protected(self, request: HttpRequest, host: ProtectedHost) -> Answer:
        cookie = CookieJar(secure=host.origin.startswith("https:")).read(request, VISIT)
        if cookie is None:
            return _sign_in_first(request, host)
        try:
            session = self._handles.open_visit(cookie, host.host)
        except SealBroken:
            refusal = _refusal(host.system.system_id, "session_unknown")
            return _sign_in_first(request, host).refused(refusal)
        now = int(request.received_at)
        asked = self._asked[host.system.system_id]
        found = await self._visits.ask(asked, host.system, session, now)
        if isinstance(found, Visitor):
            return self._through(host, found, now)
        return _stopped(found, request, host)

    def _through(self, host: ProtectedHost, visitor: Visitor, now: int) -> Answer:
        result = visitor.result
        known: dict[str, object] = dict(visitor.claims)
        known |= {"sub": result.identity.sub, "acr": result.identity.assurance.acr}
        if result.account is not None:
            known["local_account"] = result.account.account
        signed = self._signer.sign(host, result, visitor.claims, now)
        return _answer(200, identity_headers(host.settings, known, signed))


def _stopped(step: Step, request: HttpRequest, host: ProtectedHost) -> Answer:
    """The sign-in pages can ask or tell the person something, or nothing will help."""
    match step:
        case Login() | StepUp() | Claim() | Consent() | CreateAccount():
            return _sign_in_first(request, host)
        case NotAdmitted() | NoAccount() | LinkHeldBack() | LinkEnded() | RequiredMissing():
            refusal = _refusal(host.system.system_id, "access_denied")
            return _answer(403, cleared(host.settings)).refused(refusal)
        case Issue():
            raise ValueError("nothing stands in the way")


def _sign_in_first(request: HttpRequest, host: ProtectedHost) -> Answer:
    target = quote(target_to_return_to(target_of(request)), safe="/")
    location = f"{host.origin}{START_PATH}?rd={target}".encode("ascii")
    return _answer(401, cleared(host.settings), (b"location", location))


def _answer(status: int, headers: dict[str, str], *more: tuple[bytes, bytes]) -> Answer:
    return Answer(status=status, headers=(NO_STORE, *more, *on_the_wire(headers)))


def _refusal(system: SystemId, reason: str) -> Refusal:
    return Refusal(reason=reason, client=f"system:{system}")

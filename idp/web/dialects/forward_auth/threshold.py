"""Our own place on a protected host, `/.lienthong/`: where a sign-in begins, ends, and is undone.

Why on that host: only there can the browser be given a cookie that nobody else can plant, so a
hand-over that was made for another browser opens nothing here.
"""

import hashlib
import hmac
import re
from urllib.parse import quote

from connectors.systems.forward_auth.hosts import ProtectedHost, ProtectedHosts
from connectors.systems.forward_auth.paths import target_to_return_to
from idp.errors import PageRefused
from idp.ports import Entropy, Fences
from idp.protocol.form import parse_form
from idp.web.cookies import CookieJar
from idp.web.dialects.forward_auth.gate import VISIT
from idp.web.dialects.forward_auth.handles import VISIT_SECONDS, Handles, HandOver, Start
from idp.web.dialects.forward_auth.request import host_of
from idp.web.http import Answer, HttpRequest, Refusal, see_other
from keys import base64url

SIGN_IN_START = "/forward-auth/start"
PROBLEM_PATH = "/forward-auth/problem"
BROWSER = "forward-browser"
FENCE = "forward_hand_over"
_NONCE = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)


class Threshold:
    """Sends browsers to our own host and takes them back."""

    def __init__(
        self,
        *,
        issuer: str,
        hosts: ProtectedHosts,
        handles: Handles,
        fences: Fences,
        entropy: Entropy,
    ) -> None:
        self._issuer = issuer
        self._hosts = hosts
        self._handles = handles
        self._fences = fences
        self._entropy = entropy

    async def start(self, request: HttpRequest) -> Answer:
        """GET /.lienthong/start: remember the page and this browser, and go to our own host."""
        host, jar = self._place(request)
        nonce = jar.read(request, BROWSER) or ""
        if not _NONCE.fullmatch(nonce):
            nonce = base64url.encode(self._entropy(24)).decode("ascii")
        wanted = parse_form(request.query).get("rd", "/")
        start = Start(
            host=host.host,
            target=target_to_return_to(wanted),
            browser=_digest(nonce),
            started_at=int(request.received_at),
        )
        state = quote(self._handles.seal_start(start), safe="")
        location = f"{self._issuer}{SIGN_IN_START}?state={state}"
        return see_other(location, jar.set(BROWSER, nonce))

    async def callback(self, request: HttpRequest) -> Answer:
        """GET /.lienthong/callback: take the hand-over once, in the browser that began.

        Spec: RFC 9700 §4.7 (the answer is bound to the browser that asked)
        """
        host, jar = self._place(request)
        try:
            hand_over = await self._take(request, host, jar)
        except PageRefused as refused:
            return self._problem(host, refused)
        now = int(request.received_at)
        visit = self._handles.seal_visit(hand_over.session, host.host, now)
        return see_other(host.origin + hand_over.start.target, jar.set(VISIT, visit, VISIT_SECONDS))

    async def _take(self, request: HttpRequest, host: ProtectedHost, jar: CookieJar) -> HandOver:
        ticket = parse_form(request.query).get("ticket", "")
        hand_over = self._handles.open_hand_over(ticket, host.host, int(request.received_at))
        own = _digest(jar.read(request, BROWSER) or "")
        if not hmac.compare_digest(own, hand_over.start.browser):
            raise PageRefused("flow_unknown", detail="a hand-over for another browser")
        taken = hashlib.sha256(ticket.encode()).digest()
        if not await self._fences.once(FENCE, taken, hand_over.expires_at):
            raise PageRefused("flow_unknown", detail="hand-over taken before")
        return hand_over

    async def sign_out(self, request: HttpRequest) -> Answer:
        """GET /.lienthong/sign-out: forget the visit, and go where the session itself is ended."""
        _, jar = self._place(request)
        return see_other(f"{self._issuer}/logout", jar.clear(VISIT))

    async def problem(self, request: HttpRequest) -> Answer:
        """GET /forward-auth/problem, at our own host: the page about what went wrong at another.

        Raises: PageRefused.
        """
        del request
        raise PageRefused("flow_unknown", detail="told by a protected host")

    def _place(self, request: HttpRequest) -> tuple[ProtectedHost, CookieJar]:
        host = host_of(self._hosts, request)
        return host, CookieJar(secure=host.origin.startswith("https:"))

    def _problem(self, host: ProtectedHost, refused: PageRefused) -> Answer:
        client = f"system:{host.system.system_id}"
        refusal = Refusal(reason=refused.reason, client=client, detail=refused.detail)
        return see_other(f"{self._issuer}{PROBLEM_PATH}").refused(refusal)


def _digest(nonce: str) -> str:
    return hashlib.sha256(nonce.encode()).hexdigest()[:32]

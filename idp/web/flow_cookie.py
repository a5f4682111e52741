"""A sign-in in progress, sealed into a cookie of the browser that began it.

Why: nothing is stored for people who have not signed in yet, and a link with somebody else's
flow is worth nothing in another browser.
"""

from dataclasses import dataclass, replace

import orjson

from connectors.contract import Dialect, Locale, SessionId, SubjectId
from idp.errors import PageRefused
from idp.ports import Entropy
from idp.web.cookies import MAX_COOKIE, CookieJar
from idp.web.http import Header, HttpRequest
from keys.errors import SealBroken
from keys.seal import Sealer

PREFIX = "fl"
FLOW_SECONDS = 900
_ID_CHARACTERS = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Which request is being served, and which stages this browser has passed."""

    flow_id: str
    dialect: Dialect
    raw: str
    csrf: str
    started_at: int
    locale: Locale
    password_passed: SubjectId | None = None
    """Stage one was passed by this subject; stage two is still to come."""
    signed_in_sid: SessionId | None = None
    """The session that this flow opened or stepped up: prompts for a login are satisfied by it."""
    consented: bool = False
    page_shown: bool = False
    """A page of ours was shown, where that is measured."""


class FlowCookies:
    """Seals flows into cookies and opens them again."""

    def __init__(self, sealer: Sealer, cookies: CookieJar, entropy: Entropy) -> None:
        self._sealer = sealer
        self._cookies = cookies
        self._entropy = entropy

    def begin(self, dialect: Dialect, raw: str, locale: Locale, now: int) -> Flow:
        """A new flow."""
        return Flow(
            flow_id=self._entropy(8).hex(),
            dialect=dialect,
            raw=raw,
            csrf=self._entropy(16).hex(),
            started_at=now,
            locale=locale,
        )

    def header(self, flow: Flow) -> Header:
        """Set-Cookie.

        Raises: PageRefused where the request is too long to be carried.
        """
        raw = orjson.dumps(
            [
                flow.dialect.value,
                flow.raw,
                flow.csrf,
                flow.started_at,
                flow.locale,
                flow.password_passed,
                flow.signed_in_sid,
                flow.consented,
                flow.page_shown,
            ]
        )
        value = self._sealer.seal_handle(PREFIX, raw, flow.flow_id.encode())
        if len(value) > MAX_COOKIE:
            raise PageRefused("invalid_request", detail="request too long for a flow")
        return self._cookies.set(f"flow-{flow.flow_id}", value, FLOW_SECONDS)

    def page_shown(self, flow: Flow, *, measured: bool) -> tuple[Header, ...]:
        """Set-Cookie beside the first page of a measured flow, so that its end knows of the page.

        Why: only there. Of two answers on the way at once the later cookie wins, and nothing that is
        not measured should run that risk.
        """
        if not measured or flow.page_shown:
            return ()
        return (self.header(replace(flow, page_shown=True)),)

    def clear(self, flow: Flow) -> Header:
        """Set-Cookie that ends the flow."""
        return self._cookies.clear(f"flow-{flow.flow_id}")

    def read(self, request: HttpRequest, flow_id: str, now: int) -> Flow:
        """The flow of this browser with this id.

        Raises: PageRefused.
        """
        if len(flow_id) != 16 or not _ID_CHARACTERS.issuperset(flow_id):
            raise PageRefused("flow_unknown")
        value = self._cookies.read(request, f"flow-{flow_id}")
        try:
            row = orjson.loads(self._sealer.open_handle(PREFIX, value or "", flow_id.encode()))
        except SealBroken:
            raise PageRefused("flow_unknown") from None
        if now >= row[3] + FLOW_SECONDS:
            raise PageRefused("flow_unknown")
        return Flow(
            flow_id=flow_id,
            dialect=Dialect(row[0]),
            raw=row[1],
            csrf=row[2],
            started_at=row[3],
            locale=row[4],
            password_passed=row[5],
            signed_in_sid=row[6],
            consented=row[7],
            page_shown=row[8],
        )

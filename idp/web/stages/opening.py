"""What a complete proof earns: a session under a new handle, and a browser that is known."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from connectors.contract import Assurance, SessionId, SubjectId
from idp.flows.sign_in import SignIn
from idp.web.cookies import SESSION, CookieJar
from idp.web.devices import DeviceCookies
from idp.web.http import Answer
from idp.web.turn import Visit
from idp.web.way_on import WayOn


class SessionOpening:
    """Opens the session of a person whose factors were checked; the only caller of it."""

    def __init__(
        self, *, sign_in: SignIn, cookies: CookieJar, devices: DeviceCookies, way_on: WayOn
    ) -> None:
        self._sign_in = sign_in
        self._cookies = cookies
        self._devices = devices
        self._way_on = way_on

    async def open(
        self,
        visit: Visit,
        subject: SubjectId,
        assurance: Assurance,
        amr: tuple[str, ...],
        *,
        authenticated_at: int | None = None,
        opened: Callable[[SessionId], Awaitable[None]] | None = None,
    ) -> Answer:
        """Go on as this person; the handle is new, whatever it was before.

        `opened` is told of the session before the browser hears of it.

        Spec: OWASP ASVS 7.2.4
        """
        previous = self._cookies.read(visit.request, SESSION)
        handle, session = await self._sign_in.open_session(
            subject, assurance, amr, visit.now, previous, authenticated_at
        )
        if opened is not None:
            await opened(session.sid)
        flow = replace(visit.flow, password_passed=None, signed_in_sid=session.sid)
        return await self._way_on.passed(
            replace(visit, flow=flow),
            self._cookies.set(SESSION, handle),
            self._devices.header(visit.request, subject),
            handle=handle,
        )

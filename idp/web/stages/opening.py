"""What a complete proof earns: a session under a new handle, and a browser that is known."""

from dataclasses import replace

from connectors.contract import Assurance, SubjectId
from idp.flows.sign_in import SignIn
from idp.web.cookies import SESSION, CookieJar
from idp.web.devices import DeviceCookies
from idp.web.http import Answer
from idp.web.turn import Turn
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
        self, turn: Turn, subject: SubjectId, assurance: Assurance, amr: tuple[str, ...]
    ) -> Answer:
        """Go on as this person; the handle is new, whatever it was before.

        Spec: OWASP ASVS 7.2.4
        """
        previous = self._cookies.read(turn.request, SESSION)
        handle, session = await self._sign_in.open_session(
            subject, assurance, amr, turn.now, previous
        )
        flow = replace(turn.flow, password_passed=None, signed_in_sid=session.sid)
        return await self._way_on.passed(
            replace(turn, flow=flow),
            self._cookies.set(SESSION, handle),
            self._devices.header(turn.request, subject),
            handle=handle,
        )

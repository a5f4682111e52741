"""Stage one: user name and password."""

from dataclasses import replace

from connectors.contract import Assurance
from idp.authn.authenticator import Authenticator, PasswordPassed, Rejected
from idp.errors import TooManyAttempts
from idp.web.devices import DeviceCookies
from idp.web.doors import Reading
from idp.web.http import Answer
from idp.web.stages.opening import SessionOpening
from idp.web.turn import Turn
from idp.web.way_on import WayOn

AMR = ("pwd",)


class PasswordStage:
    """Lets on to the second factor where there is one and it is wanted; else opens the session."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        devices: DeviceCookies,
        opening: SessionOpening,
        way_on: WayOn,
        second_factor_always: bool,
        open_to_people: bool = True,
    ) -> None:
        self._authenticator = authenticator
        self._devices = devices
        self._opening = opening
        self._way_on = way_on
        self._second_factor_always = second_factor_always
        self._open_to_people = open_to_people

    async def submit(self, turn: Turn) -> Answer:
        """Check what was typed, once."""
        form = turn.form
        if not self._open_to_people or "username" not in form or "password" not in form:
            return await self._way_on.go_on(turn)
        device = self._devices.read(turn.request)
        try:
            outcome = await self._authenticator.check_password(
                form["username"], form["password"], turn.request.address, device
            )
        except TooManyAttempts as limit:
            wait = limit.retry_after_seconds
            return await self._way_on.not_now(turn, "too_many_attempts", 429, wait)
        if isinstance(outcome, Rejected):
            return await self._way_on.again(turn, "wrong_credentials", "sign_in_rejected")
        if self._needs_second(outcome, turn.reading):
            flow = replace(turn.flow, password_passed=outcome.subject)
            return await self._way_on.passed(replace(turn, flow=flow))
        return await self._opening.open(turn, outcome.subject, Assurance.LEVEL_1, AMR)

    def _needs_second(self, outcome: PasswordPassed, reading: Reading) -> bool:
        required = reading.sign_in.required_assurance is Assurance.LEVEL_2
        return outcome.second_factor_available and (self._second_factor_always or required)

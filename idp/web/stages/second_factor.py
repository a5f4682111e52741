"""Stage two: the code of the authenticator, after a password or to raise a session's level."""

from connectors.contract import Assurance, SubjectId
from idp.authn.authenticator import Authenticator, Rejected
from idp.errors import TooManyAttempts
from idp.web.devices import DeviceCookies
from idp.web.http import Answer
from idp.web.stages.opening import SessionOpening
from idp.web.turn import Turn
from idp.web.way_on import WayOn

AMR = ("pwd", "otp", "mfa")


class SecondFactorStage:
    """The code counts for one person: who passed stage one, or who is signed in here."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        devices: DeviceCookies,
        opening: SessionOpening,
        way_on: WayOn,
    ) -> None:
        self._authenticator = authenticator
        self._devices = devices
        self._opening = opening
        self._way_on = way_on

    async def submit(self, turn: Turn, subject: SubjectId | None) -> Answer:
        """Check the code against this subject, and nobody else."""
        if subject is None or "otp" not in turn.form:
            return await self._way_on.go_on(turn)
        device = self._devices.read(turn.request)
        try:
            outcome = await self._authenticator.check_otp(
                subject, turn.form["otp"], turn.request.address, device
            )
        except TooManyAttempts as limit:
            wait = limit.retry_after_seconds
            return await self._way_on.not_now(turn, "too_many_attempts", 429, wait)
        if isinstance(outcome, Rejected):
            return await self._way_on.again(turn, "wrong_otp", "otp_rejected")
        return await self._opening.open(turn, subject, Assurance.LEVEL_2, AMR)

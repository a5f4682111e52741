"""Claiming an old account: proved with its old password, once."""

from connectors.contract import SubjectId, SystemId
from connectors.links.account_opening import (
    AccountOpening,
    Claimed,
    Distrusted,
    Unavailable,
    Withheld,
    WrongProof,
)
from idp.authn.throttle import Admission, Attempt, Throttle
from idp.authn.usernames import UsernameRefused, fold
from idp.errors import TooManyAttempts
from idp.ports import Audit
from idp.web.http import Answer
from idp.web.turn import Turn
from idp.web.way_on import WayOn


class ClaimStage:
    """Guesses at old passwords are limited like guesses at ours."""

    def __init__(
        self, *, opening: AccountOpening, throttle: Throttle, audit: Audit, way_on: WayOn
    ) -> None:
        self._opening = opening
        self._throttle = throttle
        self._audit = audit
        self._way_on = way_on

    async def submit(self, turn: Turn) -> Answer:
        """Ask the system whether this is the account's password."""
        session, system = turn.decision.session, turn.reading.sign_in.system
        if session is None or system is None or "account" not in turn.form:
            return await self._way_on.go_on(turn)
        try:
            folded = fold(turn.form["account"])
        except UsernameRefused:
            return await self._way_on.again(turn, "wrong_proof", "claim_rejected")
        attempt = Attempt(
            folded_username=f"{system}\0{folded}",
            address=turn.request.address,
            factor="claim",
        )
        try:
            admission = await self._throttle.admit(attempt)
        except TooManyAttempts as limit:
            wait = limit.retry_after_seconds
            return await self._way_on.not_now(turn, "too_many_attempts", 429, wait)
        return await self._prove(turn, session.subject, system, admission)

    async def _prove(
        self, turn: Turn, subject: SubjectId, system: SystemId, admission: Admission
    ) -> Answer:
        account, password = turn.form["account"], turn.form.get("password", "")
        match await self._opening.claim(subject, system, account, password, turn.now):
            case Claimed():
                await self._throttle.succeeded(admission)
                self._audit.record("account_claimed", {"system": system})
                return await self._way_on.passed(turn)
            case Withheld():
                await self._throttle.succeeded(admission)
                return await self._way_on.again(turn, "withheld", "claim_rejected")
            case Unavailable():
                await self._throttle.unjudged(admission)
                return await self._way_on.not_now(
                    turn, "verifier_unavailable", 503, 30, "claim_rejected"
                )
            case Distrusted():  # the guess stays counted: somebody may be trying this door
                self._audit.record("claim_distrusted", {"system": system})
                return await self._way_on.not_now(
                    turn, "verifier_unavailable", 503, 30, "claim_rejected"
                )
            case WrongProof():
                return await self._way_on.again(turn, "wrong_proof", "claim_rejected")

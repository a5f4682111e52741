"""Consent: what was named on the page is released from now on, and nothing else."""

from dataclasses import replace

from idp.model import ClientId
from idp.ports import Audit, Grants
from idp.web.http import Answer
from idp.web.turn import Turn
from idp.web.way_on import WayOn


class ConsentStage:
    """Remembers what a person allowed; anything but a clear yes asks again."""

    def __init__(self, *, grants: Grants, audit: Audit, way_on: WayOn) -> None:
        self._grants = grants
        self._audit = audit
        self._way_on = way_on

    async def submit(self, turn: Turn, scopes: frozenset[str]) -> Answer:
        """Store the consent of whoever is signed in here."""
        session = turn.decision.session
        if turn.form.get("decision") != "allow" or session is None:
            return await self._way_on.go_on(turn)
        participant = turn.reading.sign_in.participant
        await self._grants.consent(session.subject, ClientId(participant), scopes, turn.now)
        self._audit.record("consent_given", {"participant": participant})
        return await self._way_on.passed(replace(turn, flow=replace(turn.flow, consented=True)))

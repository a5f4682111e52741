"""The end of a session: first it ends, durably; then everybody who took part is told."""

from collections.abc import Callable, Sequence

from connectors.contract import SessionId, SubjectId
from idp.model import Notice, Session
from idp.ports import Audit, SessionEnds, Sessions


class Logout:
    """Ends sessions."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        ends: SessionEnds,
        told: frozenset[str],
        audit: Audit,
        wake: Callable[[], None],
    ) -> None:
        self._sessions = sessions
        self._ends = ends
        self._audit = audit
        self._wake = wake
        self._told = told

    async def end(self, session: Session, digest: bytes, now: int) -> Sequence[Notice]:
        """End the session and its families, and leave one notice for each participant.

        The durable end comes first: every gate reads it, so the session is dead on every node
        even where forgetting the cookie fails.

        Spec: OIDC RP-Initiated Logout 1.0 §2, OIDC Back-Channel Logout 1.0 §2.3
        """
        notices = await self.end_named(session.sid, session.subject, now)
        await self._sessions.drop(digest)
        return notices

    async def end_named(self, sid: SessionId, subject: SubjectId, now: int) -> Sequence[Notice]:
        """The same for a session whose cookie we do not see: an upstream says that it is over."""
        notices = await self._ends.end(sid, subject, now, self._told)
        self._audit.record("signed_out", {"sid": sid, "notices": len(notices)})
        self._wake()
        return notices

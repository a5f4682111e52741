"""The end of everything that runs under one subject: sessions, tokens, and what systems believe."""

from collections.abc import Callable

from connectors.contract import SubjectId
from idp.ports import SessionEnds


class SubjectEnd:
    """Ends what a subject has running, once its gate is closed."""

    def __init__(
        self, *, ends: SessionEnds, told: frozenset[str], wake: Callable[[], None]
    ) -> None:
        self._ends = ends
        self._told = told
        self._wake = wake

    async def end(self, subject: SubjectId, now: int) -> int:
        """End every session and token family, and tell the participants; how many sessions ended.

        Call it after the subject is disabled: nothing new can begin then. It may be repeated.

        Spec: OIDC Back-Channel Logout 1.0 §2.3
        """
        ended = await self._ends.end_all(subject, now, self._told)
        if ended:
            self._wake()
        return ended

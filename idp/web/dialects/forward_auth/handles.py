"""Three sealed handles that carry a browser through forward-auth.

    fs_  the start: which host and page, and the browser that began there
    ft_  the hand-over, one minute, once: who signed in, for that browser at that host
    fc_  the cookie of the protected host: the session, for that host alone

Nothing of a person, and no page of a system, can be read from an address.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from connectors.contract import Assurance, SessionId, SubjectId
from idp.errors import PageRefused
from idp.model import Session
from keys.errors import SealBroken
from keys.seal import Sealer

START_SECONDS = 1800
HANDOVER_SECONDS = 60
VISIT_SECONDS = 3600
"""After it, the browser goes by our own host again, where the session may be idle for too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A sign-in that one browser began at a protected host."""

    host: str
    target: str = field(repr=False)
    browser: str = field(repr=False)
    """The digest of that browser's own cookie."""
    started_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """A session on its way to the protected host."""

    start: Start
    session: Session = field(repr=False)
    expires_at: int


# The shapes of what we sealed ourselves, and so trust to be as we left it.
_StartRow = tuple[str, str, str, int]
_SessionRow = tuple[str, str, int, tuple[str, ...], int, int]


class Handles:
    """Seals and opens them; each is bound to its kind, and those of a host to that host."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal_start(self, start: Start) -> str:
        """For the address of our own host."""
        return self._sealer.seal_handle("fs", orjson.dumps(_start_row(start)))

    def open_start(self, handle: str, now: int) -> Start:
        """What `seal_start` sealed, within half an hour.

        Raises: PageRefused.
        """
        start = _start(self._open("fs", handle, b""))
        if now >= start.started_at + START_SECONDS:
            raise PageRefused("flow_unknown", detail="an old start")
        return start

    def seal_hand_over(self, start: Start, session: Session, now: int) -> str:
        """For the address of the protected host."""
        row = [_start_row(start), _session_row(session), now + HANDOVER_SECONDS]
        return self._sealer.seal_handle("ft", orjson.dumps(row), start.host.encode())

    def open_hand_over(self, handle: str, host: str, now: int) -> HandOver:
        """What `seal_hand_over` sealed for this host, within a minute.

        Raises: PageRefused.
        """
        start, session, expires_at = self._open("ft", handle, host.encode())
        if now >= expires_at:
            raise PageRefused("flow_unknown", detail="an old hand-over")
        return HandOver(start=_start(start), session=_session(session), expires_at=expires_at)

    def seal_visit(self, session: Session, host: str, now: int) -> str:
        """For the cookie of the protected host."""
        kept = replace(session, expires_at=min(session.expires_at, now + VISIT_SECONDS))
        return self._sealer.seal_handle("fc", orjson.dumps(_session_row(kept)), host.encode())

    def open_visit(self, handle: str, host: str) -> Session:
        """The session as this host may know it.

        Raises: SealBroken.
        """
        return _session(orjson.loads(self._sealer.open_handle("fc", handle, host.encode())))

    def _open(self, prefix: str, handle: str, context: bytes) -> Any:
        try:
            return orjson.loads(self._sealer.open_handle(prefix, handle, context))
        except SealBroken:
            raise PageRefused("flow_unknown", detail=f"not a {prefix} handle") from None


def _start_row(start: Start) -> _StartRow:
    return start.host, start.target, start.browser, start.started_at


def _start(row: _StartRow) -> Start:
    host, target, browser, started_at = row
    return Start(host=host, target=target, browser=browser, started_at=started_at)


def _session_row(session: Session) -> _SessionRow:
    return (
        session.sid,
        session.subject,
        int(session.assurance),
        session.amr,
        session.authenticated_at,
        session.expires_at,
    )


def _session(row: _SessionRow) -> Session:
    sid, subject, assurance, amr, authenticated_at, expires_at = row
    return Session(
        sid=SessionId(sid),
        subject=SubjectId(subject),
        assurance=Assurance(assurance),
        amr=tuple(amr),
        authenticated_at=authenticated_at,
        created_at=authenticated_at,
        expires_at=expires_at,
        touched_at=authenticated_at,
    )

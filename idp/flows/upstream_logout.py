"""Where a person may still be signed in after our own session ended."""

from collections.abc import Mapping

from connectors.contract import SessionId
from connectors.sources.end_session import UpstreamLogout, end_session_url
from connectors.sources.model import Source, SourceId
from idp.store.upstream_sessions import SqlUpstreamSessions


class SignedInAbove:
    """Knows the source of a session, and the way to sign out there."""

    def __init__(
        self, *, back: str, sources: Mapping[SourceId, Source], sessions: SqlUpstreamSessions
    ) -> None:
        self._back = back
        self._sources = sources
        self._sessions = sessions

    async def of(self, sid: SessionId) -> Source | None:
        """The source that this session came from, where one can sign out there."""
        issuer = await self._sessions.issuer_of(sid)
        found = (source for source in self._sources.values() if source.issuer == issuer)
        return next(filter(_ends, found), None)

    def named(self, source_id: str | None) -> Source | None:
        """The same by the name that a page of ours kept."""
        source = self._sources.get(SourceId(source_id or ""))
        return source if source is not None and _ends(source) else None

    def address(self, source: Source, state: str = "") -> str:
        """Where the browser goes to sign out there; it comes back to our logout page."""
        endpoint = source.endpoints.end_session or ""
        return end_session_url(endpoint, source.client_id, self._back, state)


def _ends(source: Source) -> bool:
    return source.endpoints.end_session is not None and source.logout is not UpstreamLogout.NEVER

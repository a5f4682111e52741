"""Which of our sessions began above: so that an end there finds them."""

from collections.abc import Sequence

from connectors.contract import SessionId, SubjectId
from keys.sql import Database, Row

Ours = tuple[SessionId, SubjectId]


class SqlUpstreamSessions:
    """Our sessions by the session and the subject there, both as digests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def began(
        self,
        sid: SessionId,
        subject: SubjectId,
        issuer: str,
        digests: tuple[bytes, bytes | None],
        expires_at: int,
    ) -> None:
        """Remember where a session came from; the last sign-in of it counts."""
        await self._database.change(
            "INSERT INTO upstream_session"
            " (sid, issuer, subject_id, sub_digest, sid_digest, expires_at)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (sid) DO UPDATE SET"
            " issuer = excluded.issuer, subject_id = excluded.subject_id,"
            " sub_digest = excluded.sub_digest, sid_digest = excluded.sid_digest,"
            " expires_at = excluded.expires_at",
            sid,
            issuer,
            subject,
            digests[0],
            digests[1],
            expires_at,
        )

    async def issuer_of(self, sid: SessionId) -> str | None:
        """The source that one of our sessions came from; None for a password of ours."""
        row = await self._database.one("SELECT issuer FROM upstream_session WHERE sid = $1", sid)
        return None if row is None else str(row["issuer"])

    async def of_subject(self, issuer: str, sub_digest: bytes) -> Sequence[Ours]:
        """All sessions that began with this subject there."""
        return self._pairs(
            await self._database.rows(
                "SELECT sid, subject_id FROM upstream_session"
                " WHERE issuer = $1 AND sub_digest = $2 ORDER BY sid",
                issuer,
                sub_digest,
            )
        )

    async def of_session(self, issuer: str, sid_digest: bytes) -> Sequence[Ours]:
        """All sessions that began with this session there."""
        return self._pairs(
            await self._database.rows(
                "SELECT sid, subject_id FROM upstream_session"
                " WHERE issuer = $1 AND sid_digest = $2 ORDER BY sid",
                issuer,
                sid_digest,
            )
        )

    async def disable(self, issuer: str, sub_digest: bytes) -> SubjectId | None:
        """Disable the subject of an identity: from the next read on, on every node."""
        row = await self._database.one(
            "SELECT subject_id FROM upstream_identity WHERE issuer = $1 AND sub_digest = $2",
            issuer,
            sub_digest,
        )
        if row is None:
            return None
        subject = SubjectId(str(row["subject_id"]))
        await self._database.change("UPDATE subject SET enabled = 0 WHERE id = $1", subject)
        return subject

    async def sweep(self, now: int, limit: int) -> int:
        """Forget at most `limit` sessions that are over by themselves; their number."""
        return await self._database.change(
            "DELETE FROM upstream_session WHERE sid IN (SELECT sid FROM upstream_session"
            " WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
            now,
            limit,
        )

    @staticmethod
    def _pairs(rows: Sequence[Row]) -> list[Ours]:
        return [(SessionId(str(row["sid"])), SubjectId(str(row["subject_id"]))) for row in rows]

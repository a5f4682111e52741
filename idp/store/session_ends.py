"""The end of sessions and the outbox of logout notices, in SQL."""

import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from connectors.contract import PairwiseSub, SessionId, SubjectId, SystemId
from connectors.provisioning.messages import Kind
from connectors.provisioning.writer import OutboxWriter
from idp.model import Notice
from keys.sql import Database, Row, Statements

_PARTICIPANTS = """
SELECT DISTINCT client_id AS participant, sub, '' AS known_as, 0 AS joined_at
FROM family WHERE sid = $1
UNION
SELECT participant, sub, known_as, joined_at FROM participation WHERE sid = $1
ORDER BY joined_at DESC
"""
MAX_NAMES = 50
"""How many names of one session a participant is told of, the newest first: whoever makes tickets
in a loop must not make us send as many messages to a system."""
_RUNNING = """
SELECT p.sid FROM participation p WHERE p.subject_id = $1 AND p.participant = ''
AND NOT EXISTS (SELECT 1 FROM session_end e WHERE e.sid = p.sid)
"""
_OVER = """
SELECT e.sid FROM session_end e WHERE e.ended_at < $1
AND NOT EXISTS (SELECT 1 FROM notice n
    WHERE n.sid = e.sid AND n.delivered_at IS NULL AND n.dead_at IS NULL)
AND NOT EXISTS (SELECT 1 FROM family f WHERE f.sid = e.sid AND f.expires_at > $2)
ORDER BY e.ended_at LIMIT $3
"""
_NOTICE = "id, participant, sub, sid, created_at, attempts, known_as"


class SqlSessionEnds:
    """Port `SessionEnds`."""

    def __init__(
        self,
        database: Database,
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
        outbox: OutboxWriter | None = None,
        system_of: Mapping[str, SystemId] | None = None,
    ) -> None:
        self._database = database
        self._new_id = new_id
        self._outbox = outbox or OutboxWriter({})
        self._system_of = system_of or {}

    async def join(
        self,
        sid: SessionId,
        subject: SubjectId,
        participant: str,
        sub: PairwiseSub,
        now: int,
        known_as: str = "",
    ) -> bool:
        """See `ports.SessionEnds.join`."""
        sql = (
            "INSERT INTO participation (sid, participant, subject_id, sub, joined_at, known_as)"
            " SELECT $1, $2, $3, $4, $5, $6 FROM subject s WHERE s.id = $3 AND s.enabled = 1"
            " AND NOT EXISTS (SELECT 1 FROM session_end e WHERE e.sid = $1)"
            " ON CONFLICT (sid, participant, known_as)"
            " DO UPDATE SET joined_at = excluded.joined_at, sub = excluded.sub"
        )
        joined = await self._database.change(sql, sid, participant, subject, sub, now, known_as)
        return joined == 1

    async def named(
        self, participant: str, sub: PairwiseSub, sids: Sequence[SessionId]
    ) -> Sequence[tuple[SessionId, SubjectId]]:
        """See `ports.SessionEnds.named`."""
        if not sids:
            return ()
        places = ", ".join(f"${number}" for number in range(3, 3 + len(sids)))
        sql = (
            "SELECT DISTINCT sid, subject_id FROM participation"
            f" WHERE participant = $1 AND sub = $2 AND sid IN ({places})"
        )
        rows = await self._database.rows(sql, participant, sub, *sids)
        return [(SessionId(str(row["sid"])), SubjectId(str(row["subject_id"]))) for row in rows]

    async def end(
        self, sid: SessionId, subject: SubjectId, now: int, notified: frozenset[str]
    ) -> Sequence[Notice]:
        """See `ports.SessionEnds.end`.

        Spec: OIDC Back-Channel Logout 1.0 §2.3, §2.7 (offline families live on)
        """
        async with self._database.transaction() as statements:
            ended_now = await statements.change(
                "INSERT INTO session_end (sid, subject_id, ended_at) VALUES ($1, $2, $3)"
                " ON CONFLICT DO NOTHING",
                sid,
                subject,
                now,
            )
            await statements.change(
                "UPDATE family SET revoked_at = $2, revoked_reason = 'session_ended'"
                " WHERE sid = $1 AND offline = 0 AND revoked_at IS NULL",
                sid,
                now,
            )
            taking_part = await statements.rows(_PARTICIPANTS, sid)
            if ended_now == 1:
                await self._tell_systems(statements, taking_part, sid, subject, now)
            return await self._write_notices(statements, taking_part, sid, now, notified)

    async def _tell_systems(
        self,
        statements: Statements,
        taking_part: Sequence[Row],
        sid: SessionId,
        subject: SubjectId,
        now: int,
    ) -> None:
        """Once for each system that took part, under however many names."""
        systems = {self._system_of.get(str(row["participant"])) for row in taking_part}
        for system in sorted(system for system in systems if system is not None):
            kind = Kind.SESSION_REVOKED
            await self._outbox.write(statements, system, kind, subject, now, sid=sid)

    async def end_all(self, subject: SubjectId, now: int, notified: frozenset[str]) -> int:
        """See `ports.SessionEnds.end_all`."""
        rows = await self._database.rows(_RUNNING, subject)
        for row in rows:
            await self.end(SessionId(str(row["sid"])), subject, now, notified)
        await self._database.change(
            "UPDATE family SET revoked_at = $2, revoked_reason = 'subject_ended'"
            " WHERE subject_id = $1 AND offline = 1 AND revoked_at IS NULL",
            subject,
            now,
        )
        return len(rows)

    async def _write_notices(
        self,
        statements: Statements,
        taking_part: Sequence[Row],
        sid: SessionId,
        now: int,
        notified: frozenset[str],
    ) -> list[Notice]:
        names: Counter[object] = Counter()
        for row in taking_part:
            names[row["participant"]] += 1
            if row["participant"] in notified and names[row["participant"]] <= MAX_NAMES:
                await statements.change(
                    "INSERT INTO notice (id, participant, sub, sid, created_at, due_at, known_as)"
                    " VALUES ($1, $2, $3, $4, $5, $5, $6)"
                    " ON CONFLICT (sid, participant, known_as) DO NOTHING",
                    self._new_id(),
                    row["participant"],
                    row["sub"],
                    sid,
                    now,
                    row["known_as"],
                )
        rows = await statements.rows(f"SELECT {_NOTICE} FROM notice WHERE sid = $1", sid)
        return [_notice(row) for row in rows]

    async def due(
        self, now: int, limit: int, lease_seconds: int, busy: frozenset[str] = frozenset()
    ) -> Sequence[Notice]:
        """See `ports.SessionEnds.due`: the lease moves `due_at`, so one node gets each notice."""
        places = ", ".join(f"${number}" for number in range(3, 3 + len(busy)))
        others = f" AND participant NOT IN ({places})" if busy else ""
        async with self._database.transaction() as statements:
            rows = await statements.rows(
                f"SELECT {_NOTICE} FROM notice WHERE due_at <= $1 AND delivered_at IS NULL"
                f" AND dead_at IS NULL{others} ORDER BY due_at LIMIT $2",
                now,
                limit,
                *sorted(busy),
            )
            leased = []
            for row in rows:
                taken = await statements.change(
                    "UPDATE notice SET due_at = $2 WHERE id = $1 AND due_at <= $3"
                    " AND delivered_at IS NULL AND dead_at IS NULL",
                    row["id"],
                    now + lease_seconds,
                    now,
                )
                if taken == 1:
                    leased.append(_notice(row))
            return leased

    async def delivered(self, notice_id: str, now: int) -> None:
        """See `ports.SessionEnds.delivered`."""
        sql = "UPDATE notice SET delivered_at = $2, attempts = attempts + 1 WHERE id = $1"
        await self._database.change(sql, notice_id, now)

    async def failed(self, notice_id: str, now: int, retry_at: int | None) -> None:
        """See `ports.SessionEnds.failed`."""
        if retry_at is None:
            sql = "UPDATE notice SET dead_at = $2, attempts = attempts + 1 WHERE id = $1"
            await self._database.change(sql, notice_id, now)
        else:
            sql = "UPDATE notice SET due_at = $2, attempts = attempts + 1 WHERE id = $1"
            await self._database.change(sql, notice_id, retry_at)

    async def sweep(self, now: int, before: int, limit: int) -> int:
        """See `ports.SessionEnds.sweep`."""
        return await self._forget_ended(now, before, limit) + await self._database.change(
            "DELETE FROM participation WHERE (sid, participant, known_as) IN"
            " (SELECT sid, participant, known_as FROM participation WHERE joined_at < $1 ORDER BY joined_at LIMIT $2)",
            before,
            limit,
        )

    async def _forget_ended(self, now: int, before: int, limit: int) -> int:
        """The end goes with its notices: without them, ending again would write new ones."""
        async with self._database.transaction() as statements:
            sids = [row["sid"] for row in await statements.rows(_OVER, before, now, limit)]
            if not sids:
                return 0
            places = ", ".join(f"${number}" for number in range(1, len(sids) + 1))
            for table in ("notice", "participation", "session_end"):
                await statements.change(f"DELETE FROM {table} WHERE sid IN ({places})", *sids)
            return len(sids)


def _notice(row: Row) -> Notice:
    return Notice(
        notice_id=str(row["id"]),
        participant=str(row["participant"]),
        sub=PairwiseSub(str(row["sub"])),
        sid=SessionId(str(row["sid"])),
        created_at=int(row["created_at"] or 0),
        attempts=int(row["attempts"] or 0),
        known_as=str(row["known_as"]),
    )

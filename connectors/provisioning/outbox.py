"""The outbox in SQL: messages in one order for each system, and a lease on each lane.

Why: see `writer` for the order. One lease on the row of a lane keeps two nodes out of one lane.
"""

from collections.abc import Iterable, Sequence

from connectors.contract import AccountId, SessionId, SubjectId, SystemId
from connectors.provisioning.messages import Kind, Message, Outcome, Refused, Settled
from keys.sql import Database, Row

COLUMNS = "system_id, number, kind, subject_id, account_id, sid, created_at, attempts"
WAITING = "settled_at IS NULL AND dead_at IS NULL"
"""Yet to be told."""


class Outbox:
    """What the delivering journey and the operator do with the outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take_lanes(
        self, systems: Iterable[SystemId], holder: str, now: int, lease_seconds: int
    ) -> list[SystemId]:
        """The lanes with something due that this call has taken; nobody else has them till then."""
        wanted, taken = frozenset(systems), []
        if not wanted:
            return []
        due = await self._database.rows(
            "SELECT l.system_id FROM outbox_lane l WHERE l.leased_until <= $1 AND l.due_at <= $1"
            f" AND EXISTS (SELECT 1 FROM outbox o WHERE o.system_id = l.system_id AND {WAITING})",
            now,
        )
        for system in wanted & {SystemId(str(row["system_id"])) for row in due}:
            changed = await self._database.change(
                "UPDATE outbox_lane SET leased_until = $3, holder = $2 WHERE system_id = $1"
                " AND leased_until <= $4 AND due_at <= $4 AND EXISTS (SELECT 1 FROM outbox o"
                f" WHERE o.system_id = $1 AND {WAITING})",
                system,
                holder,
                now + lease_seconds,
                now,
            )
            if changed == 1:
                taken.append(system)
        return taken

    async def waiting(self, system: SystemId, limit: int) -> Sequence[Message]:
        """The head of a lane, in order."""
        rows = await self._database.rows(
            f"SELECT {COLUMNS} FROM outbox WHERE system_id = $1 AND {WAITING}"
            " ORDER BY number LIMIT $2",
            system,
            limit,
        )
        return [message_of(row) for row in rows]

    async def settle(
        self,
        system: SystemId,
        holder: str,
        outcomes: Sequence[tuple[int, Outcome]],
        now: int,
        *,
        leased_until: int,
        due_at: int,
    ) -> bool:
        """Write down what came of it, and keep the lane or give it back (`leased_until` 0).

        False, and nothing is written, where the lease has gone to somebody else meanwhile.
        """
        async with self._database.transaction() as statements:
            kept = await statements.change(
                "UPDATE outbox_lane SET leased_until = $3, due_at = $4 WHERE system_id = $1"
                " AND holder = $2",
                system,
                holder,
                leased_until,
                due_at,
            )
            for number, outcome in outcomes if kept == 1 else ():
                settled = now if isinstance(outcome, Settled) else None
                dead = now if isinstance(outcome, Refused) else None
                reason = None if isinstance(outcome, Settled) else outcome.reason
                await statements.change(
                    "UPDATE outbox SET attempts = attempts + 1, settled_at = $3, dead_at = $4,"
                    " reason = $5 WHERE system_id = $1 AND number = $2",
                    system,
                    number,
                    settled,
                    dead,
                    reason,
                )
            return kept == 1

    async def listing(self, *, dead_only: bool, limit: int) -> Sequence[Row]:
        """What waits and what is dead, oldest first."""
        state = "settled_at IS NULL AND dead_at IS NOT NULL" if dead_only else "settled_at IS NULL"
        return await self._database.rows(
            f"SELECT {COLUMNS}, reason, settled_at, dead_at FROM outbox WHERE {state}"
            " ORDER BY created_at, system_id, number LIMIT $1",
            limit,
        )

    async def find(self, system: SystemId, number: int) -> Row | None:
        """One message, in whatever state."""
        return await self._database.one(
            f"SELECT {COLUMNS}, reason, settled_at, dead_at FROM outbox"
            " WHERE system_id = $1 AND number = $2",
            system,
            number,
        )

    async def replay(self, system: SystemId, number: int, now: int) -> int | None:
        """The new number of a dead message at the end of its lane; None where it is not dead.

        Why at the end: what came after it has been told. What is sent is how things stand then, so
        an old message cannot bring an old state back.
        """
        async with self._database.transaction() as statements:
            row = await statements.one(
                "UPDATE outbox_lane SET last = last + 1, due_at = $3 WHERE system_id = $1 AND EXISTS"
                " (SELECT 1 FROM outbox o WHERE o.system_id = $1 AND o.number = $2"
                " AND o.dead_at IS NOT NULL) RETURNING last",
                system,
                number,
                now,
            )
            if row is None:
                return None
            last = int(row["last"] or 0)
            await statements.change(
                "UPDATE outbox SET number = $3, attempts = 0, dead_at = NULL, settled_at = NULL,"
                " reason = NULL"
                " WHERE system_id = $1 AND number = $2",
                system,
                number,
                last,
            )
            return last

    async def discard(
        self, system: SystemId, number: int | None, now: int, *, waiting_too: bool
    ) -> Sequence[Message]:
        """Give up dead messages of a system for good; all of them where no number is given.

        They are listed no more, can be replayed until they are swept, and hold up nobody.
        `waiting_too` is for a system that nobody tells any more.
        """
        which = "settled_at IS NULL" + ("" if waiting_too else " AND dead_at IS NOT NULL")
        rows = await self._database.rows(
            "UPDATE outbox SET settled_at = $2, dead_at = COALESCE(dead_at, $2),"
            f" reason = 'discarded' WHERE system_id = $1 AND {which}"
            f" AND (number = $3 OR $3 = 0) RETURNING {COLUMNS}",
            system,
            now,
            number or 0,
        )
        return sorted((message_of(row) for row in rows), key=lambda message: message.number)

    async def sweep(self, before: int, limit: int) -> int:
        """Forget a little of what was settled long ago; dead letters stay for the operator."""
        return await self._database.change(
            "DELETE FROM outbox WHERE (system_id, number) IN (SELECT system_id, number"
            " FROM outbox WHERE settled_at < $1 ORDER BY settled_at LIMIT $2)",
            before,
            limit,
        )


def message_of(row: Row) -> Message:
    """The message of a row that holds `COLUMNS`."""
    account, sid = row["account_id"], row["sid"]
    return Message(
        system=SystemId(str(row["system_id"])),
        number=int(row["number"] or 0),
        kind=Kind(str(row["kind"])),
        subject=SubjectId(str(row["subject_id"])),
        account=None if account is None else AccountId(str(account)),
        sid=None if sid is None else SessionId(str(sid)),
        created_at=int(row["created_at"] or 0),
        attempts=int(row["attempts"] or 0),
    )

"""Writing messages: in the transaction of the change that they tell of, in one order for each system.

Why: the row of a lane is locked by whoever takes the next number until the change that the message
tells of has committed. Numbers of one system therefore become visible in their order, on every
database, however many nodes write.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from connectors.contract import AccountId, PersonAttributes, SessionId, SubjectId, SystemId
from connectors.mapping import Source, differing_sources
from connectors.provisioning.messages import Kind
from keys.sql import Row, Statements

_NOTHING: Mapping[SystemId, frozenset[Source]] = MappingProxyType({})


class OutboxWriter:
    """Writes messages inside the transaction of the change that they tell of."""

    def __init__(
        self,
        told: Mapping[SystemId, frozenset[Kind]],
        reads: Mapping[SystemId, frozenset[Source]] = _NOTHING,
    ) -> None:
        self._told = told
        self._reads = reads

    async def write(
        self,
        statements: Statements,
        system: SystemId,
        kind: Kind,
        subject: SubjectId,
        now: int,
        *,
        account: AccountId | None = None,
        sid: SessionId | None = None,
    ) -> None:
        """Put a message at the end of the system's lane, where the system wants to hear of it."""
        if kind not in self._told.get(system, ()):
            return
        row = await statements.one(
            "INSERT INTO outbox_lane (system_id, last) VALUES ($1, 1) ON CONFLICT (system_id)"
            " DO UPDATE SET last = outbox_lane.last + 1 RETURNING last",
            system,
        )
        await statements.change(
            "INSERT INTO outbox (system_id, number, kind, subject_id, account_id, sid, created_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            system,
            int((row and row["last"]) or 0),
            kind.value,
            subject,
            account,
            sid,
            now,
        )

    async def of_subject(
        self, statements: Statements, kind: Kind, subject: SubjectId, now: int
    ) -> None:
        """Tell every system in which the subject holds an account."""
        rows = await statements.rows(
            "SELECT system_id, account_id FROM link WHERE subject_id = $1"
            " AND state IN ('verified', 'active', 'disputed', 'suspended')"
            " ORDER BY system_id, account_id",  # one order of locks for everybody
            subject,
        )
        for system, account in _accounts(rows):
            await self.write(statements, system, kind, subject, now, account=account)

    async def of_attributes(
        self,
        statements: Statements,
        subject: SubjectId,
        before: PersonAttributes,
        after: PersonAttributes,
        now: int,
    ) -> None:
        """Tell every system whose records hold something that has changed."""
        differing = differing_sources(before, after)
        rows = await statements.rows(
            "SELECT system_id, account_id FROM link WHERE subject_id = $1 AND state = 'active'"
            " ORDER BY system_id, account_id",
            subject,
        )
        for system, account in _accounts(rows):
            if not differing & self._reads.get(system, frozenset()):
                continue
            if not await _will_be_told(statements, system, account):
                kind = Kind.ACCOUNT_CHANGED
                await self.write(statements, system, kind, subject, now, account=account)


async def _will_be_told(statements: Statements, system: SystemId, account: AccountId) -> bool:
    """Whether a message waits that will carry how the account stands once this has committed.

    Why the lease: a node in the lane may have read the record already, and what it sends is old.
    The update of nothing locks the lane, so that nobody enters it before this has committed.
    """
    lane = await statements.one(
        "UPDATE outbox_lane SET last = last WHERE system_id = $1 RETURNING leased_until", system
    )
    if lane is None or lane["leased_until"] != 0:
        return False
    sql = (
        "SELECT number FROM outbox WHERE system_id = $1 AND account_id = $2"
        " AND settled_at IS NULL AND dead_at IS NULL LIMIT 1"
    )
    return await statements.one(sql, system, account) is not None


def _accounts(rows: Sequence[Row]) -> list[tuple[SystemId, AccountId]]:
    return [(SystemId(str(row["system_id"])), AccountId(str(row["account_id"]))) for row in rows]

"""Links in SQL. The partial unique index `link_one_holder` is the fence."""

import json
import secrets
from collections.abc import Callable, Sequence

from connectors.contract import AccountId, SubjectId, SystemId
from connectors.links.model import (
    HOLDING,
    Evidence,
    Link,
    LinkState,
    PastLink,
    Transition,
    check_transition,
)
from connectors.links.store import AccountTaken, Opened, OpenOutcome
from connectors.provisioning.messages import Kind
from connectors.provisioning.told import told_of_a_move, told_of_an_opening
from connectors.provisioning.writer import OutboxWriter
from keys.sql import Database, Row, Statements

_COLUMNS = "id, subject_id, system_id, account_id, state, version, created_at"
_UNIQUE_VIOLATION = "23505"
"""SQLSTATE of the SQL standard, which drivers give under this one name."""
_HOLDING = "state IN ('verified', 'active', 'disputed', 'suspended')"


class SqlLinks:
    """Port `LinkStore`."""

    def __init__(
        self,
        database: Database,
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
        outbox: OutboxWriter | None = None,
    ) -> None:
        self._database = database
        self._new_id = new_id
        self._outbox = outbox or OutboxWriter({})

    async def of_subject(self, subject: SubjectId, system: SystemId) -> Sequence[Link]:
        """See `LinkStore.of_subject`."""
        rows = await self._database.rows(
            f"SELECT {_COLUMNS} FROM link WHERE subject_id = $1 AND system_id = $2"
            " AND state = 'active' ORDER BY created_at, account_id",
            subject,
            system,
        )
        return [_link(row) for row in rows]

    async def all_of(self, subject: SubjectId) -> Sequence[Link]:
        """Every link of a subject, in whatever state, oldest first: for an operator."""
        rows = await self._database.rows(
            f"SELECT {_COLUMNS} FROM link WHERE subject_id = $1"
            " ORDER BY created_at, system_id, account_id",
            subject,
        )
        return [_link(row) for row in rows]

    async def find(self, link_id: str) -> Link | None:
        """One link by its id, in whatever state."""
        row = await self._database.one(f"SELECT {_COLUMNS} FROM link WHERE id = $1", link_id)
        return None if row is None else _link(row)

    async def history(self, subject: SubjectId, system: SystemId) -> Sequence[PastLink]:
        """See `LinkStore.history`."""
        rows = await self._database.rows(
            "SELECT l.account_id, l.state, (SELECT count(*) FROM link_transition t"
            f" WHERE t.link_id = l.id AND t.to_{_HOLDING}) AS held"
            " FROM link l WHERE l.subject_id = $1 AND l.system_id = $2"
            " ORDER BY l.created_at, l.account_id",
            subject,
            system,
        )
        return [
            PastLink(
                account=AccountId(str(row["account_id"])),
                state=LinkState(str(row["state"])),
                has_held=bool(row["held"]),
            )
            for row in rows
        ]

    async def holder_of(self, system: SystemId, account: AccountId) -> Link | None:
        """See `LinkStore.holder_of`."""
        row = await self._database.one(
            f"SELECT {_COLUMNS} FROM link WHERE system_id = $1 AND account_id = $2 AND {_HOLDING}",
            system,
            account,
        )
        return None if row is None else _link(row)

    async def open(self, link: Link, transition: Transition) -> OpenOutcome:
        """See `LinkStore.open`."""
        async with self._database.transaction() as statements:
            changed = await statements.change(
                "INSERT INTO link (id, subject_id, system_id, account_id, state, evidence,"
                " version, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7)"
                " ON CONFLICT DO NOTHING",
                link.link_id,
                link.subject,
                link.system,
                link.account,
                link.state.value,
                _json(transition.evidence),
                transition.at,
            )
            if changed == 1:
                await self._note(statements, link.link_id, None, link.state, transition)
                kind = told_of_an_opening(link.state, transition.evidence)
                await self._tell(statements, link, kind, transition)
                return Opened()
        holder = await self.holder_of(link.system, link.account)
        return AccountTaken(by_same_subject=holder is not None and holder.subject == link.subject)

    async def move(self, link: Link, to_state: LinkState, transition: Transition) -> bool:
        """See `LinkStore.move`."""
        check_transition(link.state, to_state)
        try:
            return await self._swap(link, to_state, transition)
        except Exception as error:
            # A rival that had not committed yet was invisible to the statement; the index saw it.
            if getattr(error, "sqlstate", None) != _UNIQUE_VIOLATION:
                raise
            return False

    async def _swap(self, link: Link, to_state: LinkState, transition: Transition) -> bool:
        async with self._database.transaction() as statements:
            changed = await statements.change(
                "UPDATE link SET state = $1, version = version + 1, changed_at = $2,"
                " evidence = $3 WHERE id = $4 AND version = $5"
                f" AND ($6 = 0 OR NOT EXISTS (SELECT 1 FROM link AS held WHERE held.id <> $4"
                f" AND held.system_id = $7 AND held.account_id = $8 AND held.{_HOLDING}))",
                to_state.value,
                transition.at,
                _json(transition.evidence),
                link.link_id,
                link.version,
                int(to_state in HOLDING),
                link.system,
                link.account,
            )
            if changed == 1:
                await self._note(statements, link.link_id, link.state, to_state, transition)
                await self._tell(statements, link, told_of_a_move(link.state, to_state), transition)
            return changed == 1

    async def _tell(
        self, statements: Statements, link: Link, kind: Kind | None, transition: Transition
    ) -> None:
        if kind is not None:
            await self._outbox.write(
                statements, link.system, kind, link.subject, transition.at, account=link.account
            )

    async def _note(
        self,
        statements: Statements,
        link_id: str,
        from_state: LinkState | None,
        to_state: LinkState,
        transition: Transition,
    ) -> None:
        await statements.change(
            "INSERT INTO link_transition (id, link_id, at, actor, reason, from_state, to_state,"
            " evidence) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            self._new_id(),
            link_id,
            transition.at,
            transition.actor,
            transition.reason,
            None if from_state is None else from_state.value,
            to_state.value,
            _json(transition.evidence),
        )


def _json(evidence: Evidence) -> str:
    return json.dumps(
        {
            "rule": evidence.rule,
            "rule_version": evidence.rule_version,
            "digests": evidence.digests,
        }
    )


def _link(row: Row) -> Link:
    return Link(
        link_id=str(row["id"]),
        subject=SubjectId(str(row["subject_id"])),
        system=SystemId(str(row["system_id"])),
        account=AccountId(str(row["account_id"])),
        state=LinkState(str(row["state"])),
        version=int(row["version"] or 0),
        created_at=int(row["created_at"] or 0),
    )

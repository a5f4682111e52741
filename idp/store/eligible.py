"""Who may get an account in a system before coming there, in SQL."""

from connectors.contract import AccountKind, SubjectId, SystemId
from keys.sql import Database

_WHO = (
    "FROM subject s WHERE s.enabled = 1 AND s.kind = $2 AND NOT EXISTS"
    " (SELECT 1 FROM link l WHERE l.subject_id = s.id AND l.system_id = $1)"
)


class SqlEligible:
    """Enabled subjects of some kinds who never had a link in a system, not even one that ended."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self, system: SystemId, kinds: frozenset[AccountKind]) -> int:
        """How many there are now."""
        found = 0
        for kind in kinds:
            row = await self._database.one(f"SELECT COUNT(*) AS n {_WHO}", system, kind.value)
            found += int((row and row["n"]) or 0)
        return found

    async def page(
        self, system: SystemId, kinds: frozenset[AccountKind], after: SubjectId, limit: int
    ) -> list[SubjectId]:
        """The first of them behind `after`, in the order of their ids."""
        found: list[str] = []
        for kind in kinds:
            sql = f"SELECT s.id {_WHO} AND s.id > $3 ORDER BY s.id LIMIT $4"
            rows = await self._database.rows(sql, system, kind.value, after, limit)
            found += [str(row["id"]) for row in rows]
        return [SubjectId(subject) for subject in sorted(found)[:limit]]

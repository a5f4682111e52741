"""Single use in SQL: one row, one winner."""

from keys.sql import Database


class SqlFences:
    """Port `Fences`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def once(self, kind: str, digest: bytes, expires_at: int) -> bool:
        """See `ports.Fences.once`."""
        sql = "INSERT INTO fence (kind, digest, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
        return await self._database.change(sql, kind, digest, expires_at) == 1

    async def taken(self, kind: str, digest: bytes) -> bool:
        """See `ports.Fences.taken`."""
        sql = "SELECT 1 AS taken FROM fence WHERE kind = $1 AND digest = $2"
        return await self._database.one(sql, kind, digest) is not None

    async def sweep(self, now: int, limit: int) -> int:
        """See `ports.Fences.sweep`."""
        sql = (
            "DELETE FROM fence WHERE (kind, digest) IN"
            " (SELECT kind, digest FROM fence WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)"
        )
        return await self._database.change(sql, now, limit)

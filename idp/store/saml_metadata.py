"""The newest metadata of each service provider, in SQL: for all nodes, and for the next start."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.contract import SystemId
from keys.sql import Database, Row, Value

_COLUMNS = (
    "system_id, version, document, etag, last_modified, valid_until, fetched_at, due_at,"
    " failed_at, failure"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMetadata:
    """One row. A document that is kept was signed as it had to be when it came."""

    system: SystemId
    version: int
    """0 while nothing was ever kept."""
    document: bytes | None = field(default=None, repr=False)
    etag: str | None = None
    last_modified: str | None = None
    valid_until: int | None = None
    fetched_at: int | None = None
    due_at: int = 0
    failed_at: int | None = None
    failure: str | None = None


class SqlSamlMetadata:
    """Who asks next is one atomic step, and so is what takes the place of what."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[KeptMetadata]:
        """Every row."""
        rows = await self._database.rows(f"SELECT {_COLUMNS} FROM saml_metadata ORDER BY system_id")
        return [_made(row) for row in rows]

    async def versions(self) -> dict[SystemId, tuple[int, int]]:
        """Of each system the version that is kept, and when somebody asks next; no document."""
        rows = await self._database.rows("SELECT system_id, version, due_at FROM saml_metadata")
        return {
            SystemId(str(row["system_id"])): (
                _number(row["version"]) or 0,
                _number(row["due_at"]) or 0,
            )
            for row in rows
        }

    async def claim(self, system: SystemId, now: int, until: int) -> bool:
        """True for one caller of all nodes, where it is time; then not before `until` again."""
        changed = await self._database.change(
            "INSERT INTO saml_metadata (system_id, version, due_at) VALUES ($1, 0, $3)"
            " ON CONFLICT (system_id) DO UPDATE SET due_at = $3"
            " WHERE saml_metadata.due_at <= $2",
            system,
            now,
            until,
        )
        return changed == 1

    async def keep(self, newer: KeptMetadata) -> bool:
        """Put it in the place of the version that it was compared with; False where that is gone."""
        changed = await self._database.change(
            "UPDATE saml_metadata SET version = version + 1, document = $3, etag = $4,"
            " last_modified = $5, valid_until = $6, fetched_at = $7, due_at = $8,"
            " failed_at = NULL, failure = NULL WHERE system_id = $1 AND version = $2",
            newer.system,
            newer.version,
            newer.document,
            newer.etag,
            newer.last_modified,
            newer.valid_until,
            newer.fetched_at,
            newer.due_at,
        )
        return changed == 1

    async def unchanged(self, system: SystemId, due_at: int) -> None:
        """What is kept is still the newest."""
        await self._database.change(
            "UPDATE saml_metadata SET due_at = $2, failed_at = NULL, failure = NULL"
            " WHERE system_id = $1",
            system,
            due_at,
        )

    async def failed(self, system: SystemId, now: int, failure: str, due_at: int) -> None:
        """Nothing new came, for this reason; what is kept stays."""
        await self._database.change(
            "UPDATE saml_metadata SET failed_at = $2, failure = $3, due_at = $4"
            " WHERE system_id = $1",
            system,
            now,
            failure,
            due_at,
        )

    async def make_due(self, system: SystemId) -> None:
        """Whoever looks next asks at once."""
        await self._database.change(
            "INSERT INTO saml_metadata (system_id, version, due_at) VALUES ($1, 0, 0)"
            " ON CONFLICT (system_id) DO UPDATE SET due_at = 0",
            system,
        )


def _made(row: Row) -> KeptMetadata:
    document = row["document"]
    return KeptMetadata(
        system=SystemId(str(row["system_id"])),
        version=_number(row["version"]) or 0,
        document=bytes(document) if isinstance(document, bytes) else None,
        etag=_text(row["etag"]),
        last_modified=_text(row["last_modified"]),
        valid_until=_number(row["valid_until"]),
        fetched_at=_number(row["fetched_at"]),
        due_at=_number(row["due_at"]) or 0,
        failed_at=_number(row["failed_at"]),
        failure=_text(row["failure"]),
    )


def _number(value: Value) -> int | None:
    return value if isinstance(value, int) else None


def _text(value: Value) -> str | None:
    return None if value is None else str(value)

"""What connectors made: users and groups as sealed documents, each under its own connector.

No statement here goes without the connector: an account of another one, or of nobody, is not there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from connectors.contract import SubjectId
from idp.model import ConnectorId
from keys.blind import BlindIndex
from keys.seal import Sealer
from keys.sql import Database, Row, Statements

DOCUMENT = "scim.document"
_COLUMNS = "r.id, r.subject_id, r.document_sealed, r.version, r.created_at, r.changed_at"
_OWN = "r.connector = $1 AND r.kind = $2 AND r.deleted_at IS NULL"


class Kind(StrEnum):
    """The resource types, as SCIM names them."""

    USER = "User"
    GROUP = "Group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One resource as it stands; `version` counts its changes."""

    resource_id: str
    subject: SubjectId | None
    """Whose account it is; None for a group."""
    document: bytes = field(repr=False)
    version: int
    created_at: int
    changed_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a list, and how long the whole list is."""

    found: Sequence[Stored]
    total: int


class SqlScim:
    """Reads of both kinds, and the groups; what touches a subject is in `scim_users.py`."""

    def __init__(self, database: Database, sealer: Sealer, index: BlindIndex) -> None:
        self._database = database
        self._sealer = sealer
        self._index = index

    async def find(self, connector: ConnectorId, kind: Kind, resource_id: str) -> Stored | None:
        """The resource, where this connector made it."""
        sql = f"SELECT {_COLUMNS} FROM scim_resource r WHERE {_OWN} AND r.id = $3"
        row = await self._database.one(sql, connector, kind, resource_id)
        return None if row is None else self._stored(row)

    async def by_username(self, connector: ConnectorId, folded: str) -> Stored | None:
        """The user with this folded user name."""
        row = await self._database.one(
            f"SELECT {_COLUMNS} FROM subject s JOIN scim_resource r ON r.subject_id = s.id"
            f" WHERE s.username_digest = $3 AND {_OWN}",
            connector,
            Kind.USER,
            self._index.digest("username", folded),
        )
        return None if row is None else self._stored(row)

    async def by_external_id(
        self, connector: ConnectorId, kind: Kind, external_id: str, limit: int
    ) -> Sequence[Stored]:
        """The resources that the connector itself calls so."""
        rows = await self._database.rows(
            f"SELECT {_COLUMNS} FROM scim_resource r WHERE {_OWN} AND r.external_digest = $3"
            " ORDER BY r.created_at, r.id LIMIT $4",
            connector,
            kind,
            self._index.digest("scim external", external_id),
            limit,
        )
        return [self._stored(row) for row in rows]

    async def page(self, connector: ConnectorId, kind: Kind, skipped: int, limit: int) -> Page:
        """A part of all, the oldest first."""
        counted = await self._database.one(
            f"SELECT COUNT(*) AS total FROM scim_resource r WHERE {_OWN}", connector, kind
        )
        total = int(counted["total"] or 0) if counted else 0
        rows = await self._database.rows(
            f"SELECT {_COLUMNS} FROM scim_resource r WHERE {_OWN}"
            " ORDER BY r.created_at, r.id LIMIT $3 OFFSET $4",
            connector,
            kind,
            limit,
            skipped,
        )
        return Page(found=[self._stored(row) for row in rows], total=total)

    async def members_of(self, groups: Sequence[str]) -> dict[str, list[str]]:
        """The ids of the users in each group."""
        return await self._pairs("group_id", "user_id", groups)

    async def groups_of(self, users: Sequence[str]) -> dict[str, list[str]]:
        """The ids of the groups that each user is in."""
        return await self._pairs("user_id", "group_id", users)

    async def _pairs(self, of: str, wanted: str, ids: Sequence[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {each: [] for each in ids}
        if ids:
            places = ", ".join(f"${number}" for number in range(1, len(ids) + 1))
            sql = f"SELECT {of}, {wanted} FROM scim_member WHERE {of} IN ({places})"
            for row in await self._database.rows(f"{sql} ORDER BY {wanted}", *ids):
                found[str(row[of])].append(str(row[wanted]))
        return found

    async def own_users(self, connector: ConnectorId, ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids that are users of this connector."""
        if not ids:
            return frozenset()
        places = ", ".join(f"${number}" for number in range(3, len(ids) + 3))
        sql = f"SELECT r.id FROM scim_resource r WHERE {_OWN} AND r.id IN ({places})"
        rows = await self._database.rows(sql, connector, Kind.USER, *ids)
        return frozenset(str(row["id"]) for row in rows)

    async def add_group(
        self,
        connector: ConnectorId,
        group_id: str,
        document: bytes,
        external_id: str | None,
        members: Sequence[str],
        now: int,
    ) -> None:
        """A new group with its members."""
        async with self._database.transaction() as statements:
            await self.insert(
                statements, connector, Kind.GROUP, group_id, None, document, external_id, now
            )
            await _write_members(statements, group_id, members)

    async def change_group(
        self,
        connector: ConnectorId,
        group: Stored,
        document: bytes,
        external_id: str | None,
        members: Sequence[str],
        now: int,
    ) -> bool:
        """False where the group has changed since it was read, or is gone."""
        async with self._database.transaction() as statements:
            if not await self.update(
                statements, connector, Kind.GROUP, group, document, external_id, now
            ):
                return False
            await statements.change(
                "DELETE FROM scim_member WHERE group_id = $1", group.resource_id
            )
            await _write_members(statements, group.resource_id, members)
            return True

    async def remove_group(self, connector: ConnectorId, group: Stored, now: int) -> bool:
        """False where the group has changed since it was read, or is gone."""
        async with self._database.transaction() as statements:
            if not await bury(statements, connector, group, now):
                return False
            await statements.change(
                "DELETE FROM scim_member WHERE group_id = $1", group.resource_id
            )
            return True

    async def insert(
        self,
        statements: Statements,
        connector: ConnectorId,
        kind: Kind,
        resource_id: str,
        subject: SubjectId | None,
        document: bytes,
        external_id: str | None,
        now: int,
    ) -> None:
        """The row of a new resource."""
        await statements.change(
            "INSERT INTO scim_resource (id, connector, kind, subject_id, external_digest,"
            " document_sealed, version, created_at, changed_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7)",
            resource_id,
            connector,
            kind,
            subject,
            self._external(external_id),
            self._sealer.seal(DOCUMENT, document, resource_id.encode()),
            now,
        )

    async def update(
        self,
        statements: Statements,
        connector: ConnectorId,
        kind: Kind,
        was: Stored,
        document: bytes,
        external_id: str | None,
        now: int,
    ) -> bool:
        """Compare-and-swap on the version: false where somebody was faster."""
        changed = await statements.change(
            "UPDATE scim_resource SET document_sealed = $5, external_digest = $6,"
            " version = version + 1, changed_at = $7 WHERE id = $1 AND connector = $2"
            " AND kind = $3 AND version = $4 AND deleted_at IS NULL",
            was.resource_id,
            connector,
            kind,
            was.version,
            self._sealer.seal(DOCUMENT, document, was.resource_id.encode()),
            self._external(external_id),
            now,
        )
        return changed == 1

    def _external(self, external_id: str | None) -> bytes | None:
        return None if external_id is None else self._index.digest("scim external", external_id)

    def _stored(self, row: Row) -> Stored:
        resource_id, subject = str(row["id"]), row["subject_id"]
        sealed = row["document_sealed"]
        if not isinstance(sealed, bytes):
            raise TypeError("not a binary column")
        return Stored(
            resource_id=resource_id,
            subject=None if subject is None else SubjectId(str(subject)),
            document=self._sealer.open(DOCUMENT, sealed, resource_id.encode()),
            version=int(row["version"] or 0),
            created_at=int(row["created_at"] or 0),
            changed_at=int(row["changed_at"] or 0),
        )


async def bury(statements: Statements, connector: ConnectorId, was: Stored, now: int) -> bool:
    """Leave a tombstone: the id stays taken for ever, and nothing personal stays with it."""
    changed = await statements.change(
        "UPDATE scim_resource SET deleted_at = $4, changed_at = $4, version = version + 1,"
        " document_sealed = NULL, external_digest = NULL"
        " WHERE id = $1 AND connector = $2 AND version = $3 AND deleted_at IS NULL",
        was.resource_id,
        connector,
        was.version,
        now,
    )
    return changed == 1


async def _write_members(statements: Statements, group_id: str, members: Sequence[str]) -> None:
    for user_id in dict.fromkeys(members):
        await statements.change(
            "INSERT INTO scim_member (group_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            group_id,
            user_id,
        )

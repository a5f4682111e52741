"""Users that connectors made: the resource and its subject change in one transaction."""

import dataclasses
from dataclasses import dataclass, field
from enum import Enum

from connectors.contract import AccountKind, PersonAttributes, SubjectId
from connectors.provisioning.messages import Kind as Told
from connectors.provisioning.writer import OutboxWriter
from idp.model import ConnectorId
from idp.store.scim import Kind, SqlScim, Stored, bury
from idp.store.sealed_columns import USERNAME, open_attributes, seal_attributes
from keys.blind import BlindIndex
from keys.seal import Sealer
from keys.sql import Database, Statements

NOBODY = PersonAttributes(full_name="-")
"""What stays of a person whose account was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """A user as it is to be stored. Personal data; nothing of it is shown by `repr`."""

    document: bytes = field(repr=False)
    external_id: str | None = field(repr=False)
    username: str = field(repr=False)
    folded: str = field(repr=False)
    attributes: PersonAttributes = field(repr=False)
    enabled: bool | None
    """None leaves the gate as it is: whom an administrator disabled stays disabled."""
    password_hash: str | None = field(repr=False)
    """None leaves the password as it is."""


class Change(Enum):
    """What became of a change."""

    DONE = "done"
    STALE = "stale"
    """The user has changed since it was read, or is gone."""
    TAKEN = "taken"
    """Somebody has this user name; nothing was changed."""


class _Undone(Exception):
    """Rolls a transaction back."""


class SqlScimUsers:
    """Writes of users."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        index: BlindIndex,
        resources: SqlScim,
        outbox: OutboxWriter | None = None,
    ) -> None:
        self._outbox = outbox or OutboxWriter({})
        self._database = database
        self._sealer = sealer
        self._index = index
        self._resources = resources

    async def add(
        self, connector: ConnectorId, user_id: str, subject: SubjectId, staff: Staff, now: int
    ) -> bool:
        """False where somebody has the user name; nothing is changed then.

        The subject is a new one, whatever name it bears: links and subs hang on subjects alone.
        """
        async with self._database.transaction() as statements:
            changed = await statements.change(
                "INSERT INTO subject (id, kind, enabled, username_digest, username_sealed,"
                " password_hash, attributes_sealed, created_at, updated_at)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT DO NOTHING",
                subject,
                AccountKind.STAFF.value,
                int(staff.enabled is not False),
                self._index.digest("username", staff.folded),
                self._sealer.seal(USERNAME, staff.username.encode(), subject.encode()),
                staff.password_hash,
                seal_attributes(self._sealer, subject, staff.attributes),
                now,
            )
            if changed != 1:
                return False
            await self._resources.insert(
                statements, connector, Kind.USER, user_id, subject,
                staff.document, staff.external_id, now,
            )  # fmt: skip
            return True

    async def change(self, connector: ConnectorId, was: Stored, staff: Staff, now: int) -> Change:
        """The user as it is from now on, unless somebody was faster or has the name."""
        subject = was.subject
        if subject is None:
            return Change.STALE
        try:
            async with self._database.transaction() as statements:
                if not await self._resources.update(
                    statements, connector, Kind.USER, was, staff.document, staff.external_id, now
                ):
                    return Change.STALE
                await self._change_subject(statements, subject, staff, now)
        except _Undone:
            return Change.TAKEN
        return Change.DONE

    async def _change_subject(
        self, statements: Statements, subject: SubjectId, staff: Staff, now: int
    ) -> None:
        row = await statements.one(
            "SELECT enabled, username_digest, attributes_sealed FROM subject WHERE id = $1", subject
        )
        sealed = row["attributes_sealed"] if row else None
        if row is None or not isinstance(sealed, bytes):
            raise LookupError("a user without its subject")
        digest = self._index.digest("username", staff.folded)
        if row["username_digest"] != digest:
            await self._reserve(statements, digest, now)
        before = open_attributes(self._sealer, subject, sealed)
        after = merged(before, staff.attributes)
        await statements.change(
            "UPDATE subject SET username_digest = $2, username_sealed = $3,"
            " attributes_sealed = $4, updated_at = $5, enabled = COALESCE($6, enabled),"
            " password_hash = COALESCE($7, password_hash) WHERE id = $1",
            subject,
            digest,
            self._sealer.seal(USERNAME, staff.username.encode(), subject.encode()),
            seal_attributes(self._sealer, subject, after),
            now,
            None if staff.enabled is None else int(staff.enabled),
            staff.password_hash,
        )
        if staff.enabled is not None and staff.enabled != bool(row["enabled"]):
            kind = Told.ACCOUNT_ENABLED if staff.enabled else Told.ACCOUNT_DISABLED
            await self._outbox.of_subject(statements, kind, subject, now)
        await self._outbox.of_attributes(statements, subject, before, after, now)

    async def _reserve(self, statements: Statements, digest: bytes, now: int) -> None:
        """Make sure that nobody has the name, and that nobody takes it before we commit.

        Why: an UPDATE has no ON CONFLICT. Inserting the name waits for whoever else is about to
        take it; then it is free for this transaction alone.
        """
        place = f"reserve {digest.hex()}"
        changed = await statements.change(
            "INSERT INTO subject (id, kind, enabled, username_digest, attributes_sealed,"
            " created_at, updated_at) VALUES ($1, $2, 0, $3, $4, $5, $5) ON CONFLICT DO NOTHING",
            place,
            AccountKind.STAFF.value,
            digest,
            b"",
            now,
        )
        if changed != 1:
            raise _Undone
        await statements.change("DELETE FROM subject WHERE id = $1", place)

    async def close_gate(self, connector: ConnectorId, was: Stored, now: int) -> bool:
        """Nothing new begins under this user's subject; false where it has changed, or is gone."""
        if was.subject is None:
            return False
        async with self._database.transaction() as statements:
            changed = await statements.change(
                "UPDATE subject SET enabled = 0 WHERE id = (SELECT r.subject_id"
                " FROM scim_resource r WHERE r.id = $1 AND r.connector = $2 AND r.version = $3"
                " AND r.deleted_at IS NULL)",
                was.resource_id,
                connector,
                was.version,
            )
            if changed == 1:
                kind = Told.ACCOUNT_DISABLED
                await self._outbox.of_subject(statements, kind, was.subject, now)
            return changed == 1

    async def remove(self, connector: ConnectorId, was: Stored, now: int) -> bool:
        """False where the user has changed since it was read, or is gone.

        The subject stays as a tombstone: disabled, nameless, and never anybody's again.
        """
        subject = was.subject
        if subject is None:
            return False
        async with self._database.transaction() as statements:
            if not await bury(statements, connector, was, now):
                return False
            await statements.change("DELETE FROM scim_member WHERE user_id = $1", was.resource_id)
            await statements.change(
                "UPDATE subject SET enabled = 0, username_digest = NULL, username_sealed = NULL,"
                " password_hash = NULL, totp_sealed = NULL, attributes_sealed = $2,"
                " updated_at = $3 WHERE id = $1",
                subject,
                seal_attributes(self._sealer, subject, NOBODY),
                now,
            )
            return True


def merged(before: PersonAttributes, pushed: PersonAttributes) -> PersonAttributes:
    """What a register says of a person; what others proved of them stays, for the same value only."""
    return dataclasses.replace(
        before,
        full_name=pushed.full_name,
        email=pushed.email,
        email_verified=before.email_verified and before.email == pushed.email,
        phone=pushed.phone,
        phone_verified=before.phone_verified and before.phone == pushed.phone,
        agency_code=pushed.agency_code,
        updated_at=pushed.updated_at,
    )

"""Subjects and the provider's own accounts, in SQL."""

import time

from connectors.contract import AccountKind, SubjectId
from connectors.provisioning.messages import Kind
from connectors.provisioning.writer import OutboxWriter
from idp.model import Account
from idp.ports import Clock
from idp.store.sealed_columns import TOTP, USERNAME, open_attributes, seal_attributes
from keys.blind import BlindIndex
from keys.seal import Sealer
from keys.sql import Database, Row

_COLUMNS = "id, kind, enabled, username_sealed, password_hash, totp_sealed, attributes_sealed"


class SqlAccounts:
    """Port `Accounts`."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        index: BlindIndex,
        outbox: OutboxWriter | None = None,
        clock: Clock = time.time,
    ) -> None:
        self._outbox = outbox or OutboxWriter({})
        self._clock = clock
        self._database = database
        self._sealer = sealer
        self._index = index

    async def add(self, account: Account, folded_username: str, now: int) -> bool:
        """See `ports.Accounts.add`."""
        subject = account.subject
        context = subject.encode()
        totp = account.totp_secret
        changed = await self._database.change(
            "INSERT INTO subject (id, kind, enabled, username_digest, username_sealed,"
            " password_hash, totp_sealed, attributes_sealed, created_at, updated_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) ON CONFLICT DO NOTHING",
            subject,
            account.kind.value,
            int(account.enabled),
            self._index.digest("username", folded_username),
            self._sealer.seal(USERNAME, account.username.encode(), context),
            account.password_hash,
            None if totp is None else self._sealer.seal(TOTP, totp, context),
            seal_attributes(self._sealer, subject, account.attributes),
            now,
        )
        return changed == 1

    async def by_username(self, folded: str) -> Account | None:
        """See `ports.Accounts.by_username`."""
        digest = self._index.digest("username", folded)
        # Whoever has no password costs a sign-in what nobody does: the time tells nothing.
        sql = (
            f"SELECT {_COLUMNS} FROM subject WHERE username_digest = $1"
            " AND password_hash IS NOT NULL"
        )
        return self._account(await self._database.one(sql, digest))

    async def by_subject(self, subject: SubjectId) -> Account | None:
        """See `ports.Accounts.by_subject`."""
        sql = f"SELECT {_COLUMNS} FROM subject WHERE id = $1 AND password_hash IS NOT NULL"
        return self._account(await self._database.one(sql, subject))

    def _account(self, row: Row | None) -> Account | None:
        if row is None:
            return None
        subject = str(row["id"])
        context = subject.encode()
        totp = row["totp_sealed"]
        return Account(
            subject=SubjectId(subject),
            username=self._sealer.open(USERNAME, _raw(row["username_sealed"]), context).decode(),
            kind=AccountKind(str(row["kind"])),
            enabled=bool(row["enabled"]),
            password_hash=str(row["password_hash"]),
            totp_secret=None if totp is None else self._sealer.open(TOTP, _raw(totp), context),
            attributes=open_attributes(self._sealer, subject, _raw(row["attributes_sealed"])),
        )

    async def take_totp_step(self, subject: SubjectId, step: int) -> bool:
        """See `ports.Accounts.take_totp_step`."""
        sql = "UPDATE subject SET totp_last_step = $1 WHERE id = $2 AND totp_last_step < $1"
        return await self._database.change(sql, step, subject) == 1

    async def set_password_hash(self, subject: SubjectId, password_hash: str) -> None:
        """See `ports.Accounts.set_password_hash`."""
        sql = "UPDATE subject SET password_hash = $1 WHERE id = $2"
        await self._database.change(sql, password_hash, subject)

    async def set_enabled(self, subject: SubjectId, *, enabled: bool) -> bool:
        """See `ports.Accounts.set_enabled`; every system with an account of the subject is told."""
        kind = Kind.ACCOUNT_ENABLED if enabled else Kind.ACCOUNT_DISABLED
        async with self._database.transaction() as statements:
            sql = "UPDATE subject SET enabled = $1 WHERE id = $2"
            if await statements.change(sql, int(enabled), subject) != 1:
                return False
            await self._outbox.of_subject(statements, kind, subject, int(self._clock()))
            return True


def _raw(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    raise TypeError("not a binary column")

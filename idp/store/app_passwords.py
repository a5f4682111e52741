"""App passwords in SQL: known by a keyed digest, each good for one system."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.contract import AccountId, SubjectId, SystemId
from idp.protocol.app_passwords import read
from keys.blind import BlindIndex
from keys.seal import Sealer
from keys.sql import Database, Row, Value

LABEL = "app_password.label"
USED_EVERY_SECONDS = 3600
"""How exactly it is known when a password was last used: mail programs ask every minute."""
_PROVEN = (
    "SELECT a.id, a.subject_id, a.last_used_at FROM app_password a"
    " JOIN subject s ON s.id = a.subject_id AND s.enabled = 1"
    " JOIN link l ON l.subject_id = a.subject_id AND l.system_id = a.system_id"
    " AND l.state = 'active' AND l.account_id = $3"
    " WHERE a.digest = $1 AND a.system_id = $2 AND a.revoked_at IS NULL AND a.expires_at > $4"
)
_COLUMNS = (
    "id, subject_id, system_id, label_sealed, created_at, expires_at, last_used_at, revoked_at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppPassword:
    """What is kept of one, beside its digest."""

    app_password_id: str
    subject: SubjectId
    system: SystemId
    label: str = field(repr=False)
    """What the person calls the device; sealed at rest, as it may name them."""
    created_at: int
    expires_at: int
    last_used_at: int | None = None
    revoked_at: int | None = None


@dataclass(frozen=True, slots=True)
class ProvenBy:
    """The app password that fitted, and whose it is; only `prove` makes one."""

    app_password_id: str
    subject: SubjectId


class SqlAppPasswords:
    """The one place where app passwords are written, compared and ended.

    Why a keyed digest, and no slow hash: 128 random bits cannot be guessed from it, and mail
    programs prove themselves many times a minute.
    """

    def __init__(self, database: Database, sealer: Sealer, index: BlindIndex) -> None:
        self._database = database
        self._sealer = sealer
        self._index = index

    async def add(self, made: AppPassword, secret: str) -> bool:
        """Keep it; False where there is no such subject, or the secret is none of ours."""
        plain = read(secret.encode())
        if plain is None:
            return False
        changed = await self._database.change(
            "INSERT INTO app_password (id, subject_id, system_id, digest, label_sealed,"
            " created_at, expires_at) SELECT $1, s.id, $3, $4, $5, $6, $7 FROM subject s"
            " WHERE s.id = $2 ON CONFLICT DO NOTHING",
            made.app_password_id,
            made.subject,
            made.system,
            self._digest(made.system, plain),
            self._sealer.seal(LABEL, made.label.encode(), made.app_password_id.encode()),
            made.created_at,
            made.expires_at,
        )
        return changed == 1

    async def prove(
        self, system: SystemId, account: AccountId, typed: bytes, now: int
    ) -> ProvenBy | None:
        """Who proves to be the holder of this account of this system, if anybody.

        One statement sees the password, the person and the link: what was revoked, expired,
        disabled or ended a moment ago proves nothing.
        """
        plain = read(typed)
        if plain is None:
            return None
        digest = self._digest(system, plain)
        row = await self._database.one(_PROVEN, digest, system, account, now)
        if row is None:
            return None
        proven = ProvenBy(str(row["id"]), SubjectId(str(row["subject_id"])))
        await self._used(proven.app_password_id, row["last_used_at"], now)
        return proven

    async def _used(self, app_password_id: str, last: Value, now: int) -> None:
        if isinstance(last, int) and now - last < USED_EVERY_SECONDS:
            return
        sql = "UPDATE app_password SET last_used_at = $2 WHERE id = $1"
        await self._database.change(sql, app_password_id, now)

    async def of_subject(self, subject: SubjectId) -> Sequence[AppPassword]:
        """All that this person has or had, the oldest first."""
        rows = await self._database.rows(
            f"SELECT {_COLUMNS} FROM app_password WHERE subject_id = $1 ORDER BY created_at, id",
            subject,
        )
        return [self._made(row) for row in rows]

    async def revoke(self, app_password_id: str, now: int) -> SystemId | None:
        """End one at once; the system it was for, or None where nothing was to be ended."""
        async with self._database.transaction() as statements:
            sql = "UPDATE app_password SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL"
            if await statements.change(sql, app_password_id, now) != 1:
                return None
            row = await statements.one(
                "SELECT system_id FROM app_password WHERE id = $1", app_password_id
            )
            return None if row is None else SystemId(str(row["system_id"]))

    def _digest(self, system: SystemId, plain: str) -> bytes:
        return self._index.digest("app_password", f"{system}\0{plain}")

    def _made(self, row: Row) -> AppPassword:
        app_password_id, sealed = str(row["id"]), row["label_sealed"]
        raw = sealed if isinstance(sealed, bytes) else b""
        return AppPassword(
            app_password_id=app_password_id,
            subject=SubjectId(str(row["subject_id"])),
            system=SystemId(str(row["system_id"])),
            label=self._sealer.open(LABEL, raw, app_password_id.encode()).decode(),
            created_at=_time(row["created_at"]) or 0,
            expires_at=_time(row["expires_at"]) or 0,
            last_used_at=_time(row["last_used_at"]),
            revoked_at=_time(row["revoked_at"]),
        )


def _time(value: Value) -> int | None:
    return value if isinstance(value, int) else None

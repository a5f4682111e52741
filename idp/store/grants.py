"""Standings, families and consents in SQL: the statements of the hot path."""

from collections.abc import Sequence
from typing import cast

from connectors.contract import (
    AccountId,
    AccountKind,
    Assurance,
    PairwiseSub,
    PersonAttributes,
    SectorId,
    SessionId,
    SubjectId,
    SystemId,
)
from idp.model import (
    ClientId,
    Family,
    FamilyId,
    FamilyStanding,
    GateClosed,
    Redeemed,
    RedeemOutcome,
    Replayed,
    Standing,
)
from idp.protocol.handles import oldest_family_id
from idp.store.sealed_columns import open_attributes
from keys.seal import Sealer
from keys.sql import Database, Row

_STANDING = """
SELECT s.kind, s.enabled, p.sub, c.scopes, e.ended_at, l.account_id, l.created_at AS linked_at
FROM subject s
LEFT JOIN pairwise p ON p.subject_id = s.id AND p.sector_id = $2
LEFT JOIN consent c ON c.subject_id = s.id AND c.client_id = $3
LEFT JOIN session_end e ON e.sid = $4
LEFT JOIN link l ON l.subject_id = s.id AND l.system_id = $5 AND l.state = 'active'
WHERE s.id = $1
"""
_PRESENCE = _STANDING.replace("SELECT s.kind", "SELECT s.attributes_sealed, s.kind")
_REDEEM = """
INSERT INTO family (id, client_id, subject_id, sub, sid, scopes, claims_request,
  assurance, amr, authenticated_at, created_at, expires_at, refreshable, offline)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
FROM subject s
WHERE s.id = $3 AND s.enabled = 1
  AND NOT EXISTS (SELECT 1 FROM session_end e WHERE e.sid = $5)
ON CONFLICT (id) DO NOTHING
"""
_FAMILY = """
SELECT f.id, f.client_id, f.subject_id, f.sub, f.sid, f.scopes, f.claims_request, f.assurance,
  f.amr, f.authenticated_at, f.created_at, f.expires_at, f.refreshable, f.offline, f.generation,
  f.rotated_at_ms, f.revoked_at, s.kind, s.enabled, s.attributes_sealed, e.ended_at, r.expires_at,
  l.account_id, l.created_at AS linked_at
FROM family f
JOIN subject s ON s.id = f.subject_id
LEFT JOIN session_end e ON e.sid = f.sid
LEFT JOIN fence r ON r.kind = 'access_token' AND r.digest = $3
LEFT JOIN link l ON l.subject_id = f.subject_id AND l.system_id = $2 AND l.state = 'active'
WHERE f.id = $1
"""
_KINDS = {kind.value: kind for kind in AccountKind}
_LEVELS = {int(level): level for level in Assurance}

# The types of the columns, in the order of each SELECT: the schema promises them.
_StandingRow = tuple[str, int, str | None, str | None, int | None, str | None, int | None]
_FamilyRow = tuple[
    str, str, str, str, str, str, str, int, str, int, int, int, int, int, int, int,
    int | None, str, int, bytes, int | None, int | None, str | None, int | None,
]  # fmt: skip


class SqlGrants:
    """Port `Grants`."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def standing(
        self,
        subject: SubjectId,
        client_id: str,
        sector: SectorId,
        system: SystemId | None,
        sid: SessionId,
    ) -> Standing | None:
        """See `ports.Grants.standing`."""
        rows = await self._database.rows(_STANDING, subject, sector, client_id, sid, system)
        if not rows:
            return None
        return _standing(subject, cast("_StandingRow", tuple(rows[0])), _accounts(rows))

    async def presence(
        self,
        subject: SubjectId,
        participant: str,
        sector: SectorId,
        system: SystemId,
        sid: SessionId,
    ) -> tuple[Standing, PersonAttributes] | None:
        """See `ports.Grants.presence`."""
        rows = await self._database.rows(_PRESENCE, subject, sector, participant, sid, system)
        if not rows:
            return None
        sealed, *rest = tuple(rows[0])
        standing = _standing(subject, cast("_StandingRow", tuple(rest)), _accounts(rows))
        return standing, open_attributes(self._sealer, subject, _raw(sealed))

    async def pairwise(
        self, subject: SubjectId, sector: SectorId, candidate: PairwiseSub, now: int
    ) -> PairwiseSub:
        """See `ports.Grants.pairwise`.

        Spec: OIDC Core §8.1 (random and stored, never derived)
        """
        await self._database.change(
            "INSERT INTO pairwise (subject_id, sector_id, sub, created_at)"
            " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            subject,
            sector,
            candidate,
            now,
        )
        row = await self._database.one(
            "SELECT sub FROM pairwise WHERE subject_id = $1 AND sector_id = $2", subject, sector
        )
        if row is None:
            raise LookupError("a pairwise sub was stored and is gone")
        return PairwiseSub(str(row["sub"]))

    async def consent(
        self, subject: SubjectId, client_id: ClientId, scopes: frozenset[str], now: int
    ) -> None:
        """See `ports.Grants.consent`."""
        async with self._database.transaction() as statements:
            # This write locks the row: what is read next cannot change before it is replaced.
            await statements.change(
                "INSERT INTO consent (subject_id, client_id, scopes, granted_at)"
                " VALUES ($1, $2, '', $3) ON CONFLICT (subject_id, client_id)"
                " DO UPDATE SET granted_at = excluded.granted_at",
                subject,
                client_id,
                now,
            )
            where = " WHERE subject_id = $1 AND client_id = $2"
            row = await statements.one(f"SELECT scopes FROM consent{where}", subject, client_id)
            union = scopes | (_scopes(row["scopes"]) if row else frozenset())
            await statements.change(
                f"UPDATE consent SET scopes = $3{where}",
                subject,
                client_id,
                " ".join(sorted(union)),
            )

    async def redeem(self, family: Family) -> RedeemOutcome:
        """See `ports.Grants.redeem`.

        Spec: RFC 6749 §4.1.2 (a code is used once), RFC 9700 §2.1.1
        """
        changed = await self._database.change(
            _REDEEM,
            family.family_id,
            family.client_id,
            family.subject,
            family.sub,
            family.sid,
            " ".join(sorted(family.scopes)),
            family.claims_request,
            int(family.assurance),
            " ".join(family.amr),
            family.authenticated_at,
            family.created_at,
            family.expires_at,
            int(family.refreshable),
            int(family.offline),
        )
        if changed == 1:
            return Redeemed()
        row = await self._database.one("SELECT id FROM family WHERE id = $1", family.family_id)
        return GateClosed() if row is None else Replayed()

    async def family(
        self, family_id: FamilyId, system: SystemId | None, token_digest: bytes
    ) -> FamilyStanding | None:
        """See `ports.Grants.family`."""
        rows = await self._database.rows(_FAMILY, family_id, system, token_digest)
        if not rows:
            return None
        return self._family_standing(cast("_FamilyRow", tuple(rows[0])), _accounts(rows))

    def _family_standing(self, row: _FamilyRow, accounts: tuple[AccountId, ...]) -> FamilyStanding:
        (
            family_id, client_id, subject, sub, sid, scopes, claims_request, assurance, amr,
            authenticated_at, created_at, expires_at, refreshable, offline, generation,
            rotated_at_ms, revoked_at, kind, enabled, sealed, ended_at, token_revoked, *_,
        ) = row  # fmt: skip
        family = Family(
            family_id=FamilyId(family_id),
            client_id=ClientId(client_id),
            subject=SubjectId(subject),
            sub=PairwiseSub(sub),
            sid=SessionId(sid),
            scopes=_scopes(scopes),
            claims_request=claims_request,
            assurance=_LEVELS[assurance],
            amr=tuple(amr.split()),
            authenticated_at=authenticated_at,
            created_at=created_at,
            expires_at=expires_at,
            refreshable=bool(refreshable),
            offline=bool(offline),
        )
        return FamilyStanding(
            family=family,
            generation=generation,
            rotated_at_ms=rotated_at_ms,
            revoked=revoked_at is not None,
            token_revoked=token_revoked is not None,
            kind=_KINDS[kind],
            enabled=bool(enabled),
            session_ended=ended_at is not None,
            attributes=open_attributes(self._sealer, subject, sealed),
            accounts=accounts,
        )

    async def rotate(self, family_id: FamilyId, generation: int, now_ms: int) -> bool:
        """See `ports.Grants.rotate`."""
        sql = (
            "UPDATE family SET generation = generation + 1, rotated_at_ms = $3"
            " WHERE id = $1 AND generation = $2 AND revoked_at IS NULL"
        )
        return await self._database.change(sql, family_id, generation, now_ms) == 1

    async def revoke_family(self, family_id: FamilyId, reason: str, now: int) -> bool:
        """See `ports.Grants.revoke_family`."""
        sql = (
            "UPDATE family SET revoked_at = $2, revoked_reason = $3"
            " WHERE id = $1 AND revoked_at IS NULL"
        )
        return await self._database.change(sql, family_id, now, reason) == 1

    async def person(self, subject: SubjectId) -> tuple[AccountKind, bool, PersonAttributes] | None:
        """See `ports.Grants.person`."""
        row = await self._database.one(
            "SELECT kind, enabled, attributes_sealed FROM subject WHERE id = $1", subject
        )
        if row is None:
            return None
        attributes = open_attributes(self._sealer, subject, _raw(row["attributes_sealed"]))
        return AccountKind(str(row["kind"])), bool(row["enabled"]), attributes

    async def sweep(self, before: int, after: FamilyId, limit: int) -> FamilyId | None:
        """See `ports.Grants.sweep`.

        Why by the id: it stands in the order of time, so the key is the only index that is read,
        and an insert on the hot path pays for no further one.
        """
        looked_at = await self._database.one(
            "SELECT max(id) AS id FROM (SELECT id FROM family WHERE id > $1 AND id < $2"
            " ORDER BY id LIMIT $3) AS next",
            after,
            oldest_family_id(before),
            limit,
        )
        if looked_at is None or looked_at["id"] is None:
            return None
        last = FamilyId(str(looked_at["id"]))
        await self._database.change(
            "DELETE FROM family WHERE id > $1 AND id <= $2 AND expires_at < $3", after, last, before
        )
        return last


def _standing(subject: SubjectId, row: _StandingRow, accounts: tuple[AccountId, ...]) -> Standing:
    kind, enabled, sub, scopes, ended_at, *_ = row
    return Standing(
        subject=subject,
        kind=_KINDS[kind],
        enabled=bool(enabled),
        session_ended=ended_at is not None,
        sub=None if sub is None else PairwiseSub(sub),
        consented=_scopes(scopes),
        accounts=accounts,
    )


def _accounts(rows: Sequence[Row]) -> tuple[AccountId, ...]:
    """The linked accounts, the oldest link first.

    Why here: SQLite sets up a sort for one row too, and nearly everybody has one account or none.
    """
    if len(rows) > 1:
        rows = sorted(rows, key=lambda row: (row["linked_at"], row["account_id"]))
    return tuple(
        AccountId(str(account)) for row in rows if (account := row["account_id"]) is not None
    )


def _scopes(value: object) -> frozenset[str]:
    return frozenset(str(value).split()) if value else frozenset()


def _raw(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    raise TypeError("not a binary column")

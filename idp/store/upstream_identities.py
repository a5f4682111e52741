"""Identities from above, in SQL: (issuer, subject there) as bytes, and nothing else, is a person."""

from connectors.contract import AccountKind, SubjectId
from connectors.provisioning.writer import OutboxWriter
from connectors.sources.model import UpstreamIdentity, kept_current
from connectors.sources.outcomes import ClosedAccount, Differs, FirstSeen, Recognised, Recognition
from idp.store.sealed_columns import open_attributes, seal_attributes
from keys.blind import BlindIndex
from keys.seal import Sealer
from keys.sql import Database, Row

_FIND = """
SELECT u.subject_id, u.number_digest, s.kind, s.enabled, s.attributes_sealed
FROM upstream_identity u JOIN subject s ON s.id = u.subject_id
WHERE u.issuer = $1 AND u.sub_digest = $2
"""
_NEW_SUBJECT = """
INSERT INTO subject (id, kind, enabled, attributes_sealed, created_at, updated_at)
VALUES ($1, $2, 1, $3, $4, $4)
"""
_NEW_IDENTITY = """
INSERT INTO upstream_identity
(issuer, sub_digest, subject_id, number_digest, created_at, last_seen_at)
VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT DO NOTHING
"""
_SEEN = """
UPDATE upstream_identity SET last_seen_at = $3 WHERE issuer = $1 AND sub_digest = $2
"""
_SEEN_WITH_NUMBER = """
UPDATE upstream_identity SET last_seen_at = $3, number_digest = $4
WHERE issuer = $1 AND sub_digest = $2 AND (number_digest IS NULL OR number_digest = $4)
"""


class _SomebodyWasFaster(Exception):
    """Another request has just made this identity; ours is undone."""


class SqlUpstreamIdentities:
    """Finds the subject of an identity, and makes one at its first sign-in.

    Subjects there and personal numbers are kept as keyed digests: equal ones are found, and a dump
    tells nobody who came.
    """

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        index: BlindIndex,
        outbox: OutboxWriter | None = None,
    ) -> None:
        self._outbox = outbox or OutboxWriter({})
        self._database = database
        self._sealer = sealer
        self._index = index

    def digest(self, issuer: str, subject: str) -> bytes:
        """What is stored of a subject there."""
        return self._index.digest(f"upstream subject {issuer}", subject)

    async def recognise(
        self, identity: UpstreamIdentity, candidate: SubjectId, now: int
    ) -> Recognition:
        """The subject of this identity; `candidate` becomes it where there is none.

        Never found by name, e-mail, telephone or any other attribute.

        Spec: OIDC Core §5.7 (only `iss` and `sub` together identify)
        """
        digest = self.digest(identity.issuer, identity.subject)
        row = await self._database.one(_FIND, identity.issuer, digest)
        if row is None:
            try:
                await self._create(identity, digest, candidate, now)
            except _SomebodyWasFaster:
                row = await self._database.one(_FIND, identity.issuer, digest)
        if row is None:
            return FirstSeen(candidate)
        return await self._again(identity, digest, row, now)

    async def attach(
        self, issuer: str, subject_there: str, subject: SubjectId, number: str | None, now: int
    ) -> bool:
        """Make an identity one of a subject that exists; False where it is somebody's already.

        Nothing here proves that both are one person: the caller knows it.
        """
        digest = self.digest(issuer, subject_there)
        found = await self._database.change(
            _NEW_IDENTITY, issuer, digest, subject, self._number(number), now
        )
        return found == 1

    async def _create(
        self, identity: UpstreamIdentity, digest: bytes, candidate: SubjectId, now: int
    ) -> None:
        sealed = seal_attributes(self._sealer, candidate, identity.attributes)
        number = self._number(identity.attributes.personal_number)
        async with self._database.transaction() as statements:
            await statements.change(_NEW_SUBJECT, candidate, identity.kind.value, sealed, now)
            made = await statements.change(
                _NEW_IDENTITY, identity.issuer, digest, candidate, number, now
            )
            if made != 1:
                raise _SomebodyWasFaster

    async def _again(
        self, identity: UpstreamIdentity, digest: bytes, row: Row, now: int
    ) -> Recognition:
        if not row["enabled"]:
            return ClosedAccount()
        if AccountKind(str(row["kind"])) is not identity.kind:
            return Differs("kind")
        number = self._number(identity.attributes.personal_number)
        place = (identity.issuer, digest, now)
        subject = SubjectId(str(row["subject_id"]))
        known = open_attributes(self._sealer, subject, _raw(row["attributes_sealed"]))
        current = kept_current(known, identity.attributes, now)
        async with self._database.transaction() as statements:
            if number is None:
                seen = await statements.change(_SEEN, *place)
            else:
                seen = await statements.change(_SEEN_WITH_NUMBER, *place, number)
            if seen != 1:
                return Differs("personal_number")
            await statements.change(
                "UPDATE subject SET attributes_sealed = $2, updated_at = $3 WHERE id = $1",
                subject,
                seal_attributes(self._sealer, subject, current),
                now,
            )
            await self._outbox.of_attributes(statements, subject, known, current, now)
        return Recognised(subject)

    def _number(self, number: str | None) -> bytes | None:
        return None if number is None else self._index.digest("personal number", number)


def _raw(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    raise TypeError("not a binary column")

"""How an account should stand in a system at this moment, and what the system may know of it."""

from collections.abc import Mapping

from connectors.contract import (
    AccountId,
    AccountKind,
    Assurance,
    LocalAccount,
    PairwiseSub,
    SubjectId,
    SystemId,
    VerifiedIdentity,
)
from connectors.mapping import Claim, claims_for
from connectors.provisioning.messages import Message, Record
from connectors.registry import CsvPush, RestPush, ScimPush, System
from idp.store.sealed_columns import open_attributes
from keys.seal import Sealer
from keys.sql import Database, Row

_HOLDER = (
    "SELECT s.id, s.kind, s.attributes_sealed, l.account_id, p.sub FROM link l"
    " JOIN subject s ON s.id = l.subject_id"
    " LEFT JOIN pairwise p ON p.subject_id = s.id AND p.sector_id = $2"
    " WHERE l.system_id = $1 AND l.state = 'active' AND s.enabled = 1"
)


class SqlRecords:
    """Reads records afresh at each attempt.

    Why not in the outbox: nothing personal lies there, a late message tells how things stand now,
    and who has lost the account is not told of any more.
    """

    def __init__(
        self, database: Database, sealer: Sealer, systems: Mapping[SystemId, System]
    ) -> None:
        self._database = database
        self._sealer = sealer
        self._systems = systems

    async def of(self, message: Message) -> Record:
        """The record that the message is about.

        Raises: RequiredClaimMissing, SealBroken, StoreUnavailableError.
        """
        system = self._systems[message.system]
        if message.account is not None:
            sql = _HOLDER + " AND l.account_id = $3"
            row = await self._database.one(sql, system.system_id, system.sector, message.account)
        else:
            sql = _HOLDER + " AND s.id = $3 ORDER BY l.created_at, l.account_id"
            row = await self._database.one(sql, system.system_id, system.sector, message.subject)
        sub = await self._sub(message.subject, system)
        if row is None:
            return Record(account=message.account, active=False, sub=sub)
        account = AccountId(str(row["account_id"]))
        claims = self._claims(system, row)
        named = frozenset(rule.claim for rule in system.claims)
        return Record(
            account=account, active=True, sub=sub, claims=claims, withdrawn=named - claims.keys()
        )

    async def _sub(self, subject: SubjectId, system: System) -> PairwiseSub | None:
        """Of whom the message tells, who may have lost the account since."""
        sql = "SELECT sub FROM pairwise WHERE subject_id = $1 AND sector_id = $2"
        row = await self._database.one(sql, subject, system.sector)
        return None if row is None else PairwiseSub(str(row["sub"]))

    def _claims(self, system: System, row: Row) -> Mapping[str, Claim]:
        """What the rules of the system name, all scopes open; only for ways that carry records."""
        if not isinstance(system.push, ScimPush | RestPush | CsvPush):
            return {}
        subject, sealed = str(row["id"]), row["attributes_sealed"]
        identity = VerifiedIdentity(
            subject=SubjectId(subject),
            sub=PairwiseSub(str(row["sub"] or "")),
            kind=AccountKind(str(row["kind"])),
            assurance=Assurance.LEVEL_1,
            amr=(),
            authenticated_at=0,
            attributes=open_attributes(
                self._sealer, subject, sealed if isinstance(sealed, bytes) else b""
            ),
        )
        account = LocalAccount(system=system.system_id, account=AccountId(str(row["account_id"])))
        scopes = frozenset(rule.scope for rule in system.claims)
        return claims_for(system.claims, identity, account, scopes, frozenset())

"""What the journeys need from the outside. Each port has two adapters and one contract suite.

Ports over SQL have one class each, written against `keys.sql.Database`, and that runs on
SQLite and on PostgreSQL; ports of short-lived state have a memory and a Redis adapter.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from connectors.contract import (
    AccountKind,
    PairwiseSub,
    PersonAttributes,
    SectorId,
    SessionId,
    SubjectId,
    SystemId,
)
from idp.model import (
    Account,
    ClientId,
    Family,
    FamilyId,
    FamilyStanding,
    Notice,
    RedeemOutcome,
    Session,
    Standing,
)


class Clock(Protocol):
    """The one source of time."""

    def __call__(self) -> float:
        """Epoch seconds."""
        ...


class Entropy(Protocol):
    """The one source of randomness."""

    def __call__(self, size: int, /) -> bytes:
        """`size` unpredictable bytes."""
        ...


# --- short-lived state: memory | redis ---------------------------------------------------------


class Sessions(Protocol):
    """Live sessions by the digest of their cookie. Losing them only asks people to sign in again."""

    async def put(self, digest: bytes, session: Session, idle_seconds: int) -> None:
        """Store or renew; forgotten after `idle_seconds` without another `put`."""
        ...

    async def get(self, digest: bytes) -> Session | None:
        """One read (hot path)."""
        ...

    async def drop(self, digest: bytes) -> None:
        """Forget one cookie."""
        ...


class Counters(Protocol):
    """Counts of failures in a fixed window that starts with the first one."""

    async def hit(self, key: str, window_seconds: int) -> int:
        """Add one and return the count in the running window."""
        ...

    async def hit_below(self, key: str, limit: int, window_seconds: int) -> int:
        """Add one where the count is below the limit, in one step: 0 then.

        Else nothing is added: the seconds until the window ends.
        """
        ...

    async def give_back(self, key: str) -> None:
        """Take one off a running window; never below zero."""
        ...

    async def count(self, key: str) -> tuple[int, int]:
        """The count, and the seconds until the window ends (0, 0 where there is none)."""
        ...

    async def reset(self, key: str) -> None:
        """Forget."""
        ...


# --- durable truth: sqlite | postgres ----------------------------------------------------------


class Accounts(Protocol):
    """Subjects, and the provider's own accounts."""

    async def add(self, account: Account, folded_username: str, now: int) -> bool:
        """False where the folded user name is taken; nothing is changed then."""
        ...

    async def by_username(self, folded: str) -> Account | None:
        """The account with this folded user name."""
        ...

    async def by_subject(self, subject: SubjectId) -> Account | None:
        """The account of this subject."""
        ...

    async def take_totp_step(self, subject: SubjectId, step: int) -> bool:
        """Atomically use up a TOTP time step: true once, and never again for it or an older one."""
        ...

    async def set_password_hash(self, subject: SubjectId, password_hash: str) -> None:
        """Replace the hash (after a re-hash with newer parameters)."""
        ...

    async def set_enabled(self, subject: SubjectId, *, enabled: bool) -> bool:
        """False where there is no such subject. Takes effect at the next read, on every node."""
        ...


class Grants(Protocol):
    """Standings, families and consents: the statements of the hot path."""

    async def standing(
        self,
        subject: SubjectId,
        client_id: str,
        sector: SectorId,
        system: SystemId | None,
        sid: SessionId,
    ) -> Standing | None:
        """One read: the gate, the consent, the pairwise sub and the links of one system."""
        ...

    async def presence(
        self,
        subject: SubjectId,
        participant: str,
        sector: SectorId,
        system: SystemId,
        sid: SessionId,
    ) -> tuple[Standing, PersonAttributes] | None:
        """The same one read, and what is known of the person: for whoever asks at every request."""
        ...

    async def pairwise(
        self, subject: SubjectId, sector: SectorId, candidate: PairwiseSub, now: int
    ) -> PairwiseSub:
        """The stored sub of this subject in this sector; stores `candidate` where there is none."""
        ...

    async def consent(
        self, subject: SubjectId, client_id: ClientId, scopes: frozenset[str], now: int
    ) -> None:
        """Remember consent, added to what was consented before."""
        ...

    async def redeem(self, family: Family) -> RedeemOutcome:
        """Insert the family: the single use of its code, behind the gate, in one statement."""
        ...

    async def family(
        self, family_id: FamilyId, system: SystemId | None, token_digest: bytes
    ) -> FamilyStanding | None:
        """One read: the family, the gate, the person's attributes, the links in `system`."""
        ...

    async def rotate(self, family_id: FamilyId, generation: int, now_ms: int) -> bool:
        """Compare-and-swap `generation` to `generation + 1`: true for exactly one caller."""
        ...

    async def revoke_family(self, family_id: FamilyId, reason: str, now: int) -> bool:
        """True where this call revoked it."""
        ...

    async def person(self, subject: SubjectId) -> tuple[AccountKind, bool, PersonAttributes] | None:
        """Kind, enabled, attributes of a subject (used where a page or a ticket names the person)."""
        ...

    async def sweep(self, before: int, after: FamilyId, limit: int) -> FamilyId | None:
        """Look at the next `limit` families behind `after`, and delete those that had expired at
        `before`; the last one looked at, or None where there is none so old any more.
        """
        ...


class Fences(Protocol):
    """Single use that survives the loss of every cache: one row, one winner."""

    async def once(self, kind: str, digest: bytes, expires_at: int) -> bool:
        """True for exactly one caller per (kind, digest)."""
        ...

    async def taken(self, kind: str, digest: bytes) -> bool:
        """Whether somebody has taken it."""
        ...

    async def sweep(self, now: int, limit: int) -> int:
        """Delete at most `limit` fences that have expired; the number deleted."""
        ...


class SessionEnds(Protocol):
    """The durable end of sessions, and the outbox of logout notices."""

    async def join(
        self,
        sid: SessionId,
        subject: SubjectId,
        participant: str,
        sub: PairwiseSub,
        now: int,
        known_as: str = "",
    ) -> bool:
        """Record a participant that has no family (a ticket system). False if the session ended.

        `known_as`: what the participant knows the session by, where that is not our own `sid`. It
        joins once for each, and is sent a notice for each.
        """
        ...

    async def named(
        self, participant: str, sub: PairwiseSub, sids: Sequence[SessionId]
    ) -> Sequence[tuple[SessionId, SubjectId]]:
        """Which of these sessions the participant joined under this name, and whose they are; an
        ended one too, for as long as it is remembered.
        """
        ...

    async def end(
        self, sid: SessionId, subject: SubjectId, now: int, notified: frozenset[str]
    ) -> Sequence[Notice]:
        """In one transaction: end the session, revoke its families except offline ones,
        and write one notice for each participant named in `notified`, or for each name that it
        knows the session by. Idempotent.
        """
        ...

    async def end_all(self, subject: SubjectId, now: int, notified: frozenset[str]) -> int:
        """End every session of this subject as `end` does, and revoke its offline families too;
        the number of sessions that this call ended.
        """
        ...

    async def due(
        self, now: int, limit: int, lease_seconds: int, busy: frozenset[str] = frozenset()
    ) -> Sequence[Notice]:
        """Lease notices whose time has come, but none of a `busy` participant; a lease that is
        not settled becomes due again.
        """
        ...

    async def delivered(self, notice_id: str, now: int) -> None:
        """Settle a notice."""
        ...

    async def failed(self, notice_id: str, now: int, retry_at: int | None) -> None:
        """Count an attempt; due again at `retry_at`, or a dead letter where that is None."""
        ...

    async def sweep(self, now: int, before: int, limit: int) -> int:
        """Forget at most `limit` sessions that ended before `before`, with their notices, and as
        many participations that are older; the number of both.

        Kept, however old: a session with a notice that is still to be delivered, or with a family
        that has not expired at `now`.
        """
        ...


class Audit(Protocol):
    """The hash-chained record of what was decided. No field may be personal data."""

    def record(self, event: str, fields: Mapping[str, str | int]) -> None:
        """Queue one event; written in batches. Keys and values are ours or opaque ids."""
        ...

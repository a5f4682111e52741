"""What a system can be told of, and what came of telling it. Pure values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from connectors.contract import AccountId, PairwiseSub, SessionId, SubjectId, SystemId
from connectors.mapping import Claim


class Mode(StrEnum):
    """What a system wants of us beside sign-ins. On the wire of the configuration: `mode`."""

    MATCH_ONLY = "match-only"
    JUST_IN_TIME = "just-in-time"
    PRE_PROVISION = "pre-provision"
    DISABLE = "disable"
    NOTIFY = "notify"


class Kind(StrEnum):
    """What has changed: a closed list."""

    ACCOUNT_CREATED = "account_created"
    ACCOUNT_CHANGED = "account_changed"
    """Something that the records of the system hold of the person."""
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_ENABLED = "account_enabled"
    IDENTIFIER_CHANGED = "identifier_changed"
    LINK_ENDED = "link_ended"
    SESSION_REVOKED = "session_revoked"


CREATING = frozenset({Mode.JUST_IN_TIME, Mode.PRE_PROVISION})
"""Modes in which an account that the system does not have is made there."""
_OF_ACCOUNTS = frozenset(
    {Kind.ACCOUNT_DISABLED, Kind.ACCOUNT_ENABLED, Kind.IDENTIFIER_CHANGED, Kind.LINK_ENDED}
)
TOLD: Mapping[Mode, frozenset[Kind]] = {
    Mode.MATCH_ONLY: frozenset(),
    Mode.JUST_IN_TIME: _OF_ACCOUNTS | {Kind.ACCOUNT_CREATED, Kind.ACCOUNT_CHANGED},
    Mode.PRE_PROVISION: _OF_ACCOUNTS | {Kind.ACCOUNT_CREATED, Kind.ACCOUNT_CHANGED},
    Mode.DISABLE: _OF_ACCOUNTS,
    Mode.NOTIFY: _OF_ACCOUNTS | {Kind.SESSION_REVOKED},
}
"""What each mode wants to hear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One line of the outbox. It names whom it is about, and holds nothing else of the person."""

    system: SystemId
    number: int
    """The place in the order of this system, from 1, without twins."""
    kind: Kind
    subject: SubjectId
    account: AccountId | None = field(default=None, repr=False)
    sid: SessionId | None = None
    created_at: int
    attempts: int = 0

    @property
    def message_id(self) -> str:
        """The same at every attempt, so that a receiver can see a twin. Shape: `system:number`."""
        return f"{self.system}:{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How an account should stand in a system at this moment."""

    account: AccountId | None = field(repr=False)
    active: bool
    """Whether somebody who is not disabled holds the account by an active link."""
    sub: PairwiseSub | None = None
    """What the system's sector calls the person; None where nobody ever signed in there."""
    claims: Mapping[str, Claim] = field(default_factory=dict, repr=False)
    """Exactly what the system's rules name of who holds the account; empty where nobody does."""
    withdrawn: frozenset[str] = frozenset()
    """Claims that the rules name and that the holder does not have, or has no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A message, and how things stand now that it is sent."""

    message: Message
    record: Record


@dataclass(frozen=True, slots=True)
class Settled:
    """The system has it."""


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: to be tried again, and until then everything behind it waits. No personal data."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Never like this: an operator has to look. No personal data in the reason."""

    reason: str


Outcome = Settled | Later | Refused


class Deliverer(Protocol):
    """One way to one system."""

    @property
    def batch(self) -> int:
        """How many parcels may be handed over at once."""
        ...

    async def deliver(self, parcels: Sequence[Parcel]) -> Sequence[Outcome]:
        """One outcome for each parcel, from the first one on; none after one that is not settled.

        Sending a parcel a second time leaves the system as sending it once. Never raises for what
        the system does.
        """
        ...

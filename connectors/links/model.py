"""The life of a link: its states, its legal transitions, its evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from connectors.contract import AccountId, SubjectId, SystemId
from connectors.errors import IllegalTransition


class LinkState(StrEnum):
    """From proposal to end."""

    PROPOSED = "proposed"
    VERIFIED = "verified"
    ACTIVE = "active"
    DISPUTED = "disputed"
    SUSPENDED = "suspended"
    ENDED = "ended"
    SUPERSEDED = "superseded"


HOLDING = frozenset(
    {
        LinkState.VERIFIED,
        LinkState.ACTIVE,
        LinkState.DISPUTED,
        LinkState.SUSPENDED,
    }
)
"""In these states an account has a holder, and nobody else can have it."""

LEGAL: Mapping[LinkState, frozenset[LinkState]] = {
    LinkState.PROPOSED: frozenset({LinkState.VERIFIED, LinkState.ENDED}),
    LinkState.VERIFIED: frozenset({LinkState.ACTIVE, LinkState.ENDED}),
    LinkState.ACTIVE: frozenset(
        {
            LinkState.DISPUTED,
            LinkState.SUSPENDED,
            LinkState.ENDED,
            LinkState.SUPERSEDED,
        }
    ),
    LinkState.DISPUTED: frozenset({LinkState.ACTIVE, LinkState.SUSPENDED, LinkState.ENDED}),
    LinkState.SUSPENDED: frozenset({LinkState.ACTIVE, LinkState.ENDED}),
    LinkState.ENDED: frozenset(),
    LinkState.SUPERSEDED: frozenset(),
}


def check_transition(from_state: LinkState, to_state: LinkState) -> None:
    """The table permits the step.

    Raises: IllegalTransition.
    """
    if to_state not in LEGAL[from_state]:
        raise IllegalTransition(f"{from_state} to {to_state}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Why a link is believed: which rule, in which version; digests, never values."""

    rule: str
    rule_version: int
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Subject ↔ account."""

    link_id: str
    subject: SubjectId
    system: SystemId
    account: AccountId = field(repr=False)
    state: LinkState
    version: int
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """Who did it, why, on what evidence, when."""

    actor: str
    reason: str
    evidence: Evidence
    at: int

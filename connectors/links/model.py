"""The life of a link: its states, its legal transitions, its evidence."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum

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
class PastLink:
    """One link that a person has, or had, in a system."""

    account: AccountId = field(repr=False)
    state: LinkState
    has_held: bool
    """Whether the account was ever the person's: a proposal that was turned down never held."""


class LinkPast(Enum):
    """What stands behind the absence of an active link."""

    NONE = "none"
    """There never was more than a proposal."""
    HELD_BACK = "held_back"
    """There is a link, and it may not be used now."""
    ENDED = "ended"
    """There was a link, and somebody ended it."""


def past_of(links: Iterable[PastLink]) -> LinkPast:
    """What a person without an active link is to be told.

    Why: a proposal is somebody's guess, and holds nobody up. Where there is an active link, a
    request that raced has opened it since the absence was seen: whoever asks again will find it.
    """
    known = list(links)
    if any(link.state is LinkState.ACTIVE for link in known):
        return LinkPast.NONE
    if any(link.state in HOLDING for link in known):
        return LinkPast.HELD_BACK
    return LinkPast.ENDED if any(link.has_held for link in known) else LinkPast.NONE


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

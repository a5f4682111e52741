"""The port of links, and the outcomes of opening one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from connectors.contract import AccountId, SubjectId, SystemId
from connectors.links.model import Link, LinkState, PastLink, Transition


@dataclass(frozen=True, slots=True)
class Opened:
    """The link was stored by this call."""


@dataclass(frozen=True, slots=True)
class AccountTaken:
    """The account has a holder already; nothing was stored."""

    by_same_subject: bool


OpenOutcome = Opened | AccountTaken


class LinkStore(Protocol):
    """Holds links. One account never has two holders."""

    async def of_subject(self, subject: SubjectId, system: SystemId) -> Sequence[Link]:
        """The active links of a subject in a system, oldest first."""
        ...

    async def history(self, subject: SubjectId, system: SystemId) -> Sequence[PastLink]:
        """Every link of a subject in a system, in whatever state, oldest first."""
        ...

    async def holder_of(self, system: SystemId, account: AccountId) -> Link | None:
        """The link that holds an account."""
        ...

    async def open(self, link: Link, transition: Transition) -> OpenOutcome:
        """Store a link and its first transition, or neither."""
        ...

    async def move(self, link: Link, to_state: LinkState, transition: Transition) -> bool:
        """Change the state if the version still is `link.version`: true for one caller.

        False too where the new state would hold an account that somebody holds already.

        Raises: IllegalTransition.
        """
        ...

"""How a person comes to an account in a system: opened without a question, or claimed once."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connectors.contract import (
    AccountId,
    AccountVerifier,
    CannotCheck,
    NotProven,
    Proven,
    SubjectId,
    SystemId,
)
from connectors.links.model import Evidence, Link, LinkState, Transition
from connectors.links.store import AccountTaken, LinkStore, Opened
from connectors.registry import System

CREATED = Evidence(rule="created_by_policy", rule_version=1)
PROVED_BY_PERSON = Evidence(rule="P.old_password", rule_version=1)
_ACCOUNT_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Claimed:
    """The account is the person's from now on."""

    account: AccountId = field(repr=False)


@dataclass(frozen=True, slots=True)
class WrongProof:
    """Unknown account, wrong password, or an account that somebody holds: one answer for all,
    so that nobody can learn which accounts exist.
    """


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The system could not be asked; nothing was changed."""


ClaimOutcome = Claimed | WrongProof | Unavailable


class AccountOpening:
    """Opens links with the only two kinds of evidence that link by themselves at sign-in."""

    def __init__(
        self,
        *,
        links: LinkStore,
        systems: Mapping[SystemId, System],
        verifiers: Mapping[SystemId, AccountVerifier],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._links = links
        self._systems = systems
        self._verifiers = verifiers
        self._entropy = entropy

    async def create(self, subject: SubjectId, system: SystemId, now: int) -> None:
        """Give the person a new account where they have none, however many calls race.

        Why: the account's id follows from the subject and the system alone, so that racing calls
        meet at one row of the link table, and a suspended link is not evaded by a second account.
        The subject is random and never sent out, so the id tells nothing about the person.
        """
        if await self._links.of_subject(subject, system):
            return
        prefix = self._systems[system].new_account_prefix
        digest = hashlib.sha256(f"account\0{system}\0{subject}".encode()).hexdigest()
        account = AccountId(prefix + digest[:_ACCOUNT_DIGITS])
        reason = "opened at first sign-in"
        await self._open(subject, system, account, Transition(
            actor="policy", reason=reason, evidence=CREATED, at=now
        ))  # fmt: skip

    async def claim(
        self, subject: SubjectId, system: SystemId, account_name: str, password: str, now: int
    ) -> ClaimOutcome:
        """The old password proves the old account, once: a held account is never claimed again."""
        match await self._verifiers[system].prove(account_name, password):
            case CannotCheck():
                return Unavailable()
            case NotProven():
                return WrongProof()
            case Proven(account):
                transition = Transition(
                    actor="person",
                    reason="claimed with the old password",
                    evidence=PROVED_BY_PERSON,
                    at=now,
                )
                return await self._open(subject, system, account, transition)

    async def _open(
        self, subject: SubjectId, system: SystemId, account: AccountId, transition: Transition
    ) -> Claimed | WrongProof:
        link = Link(
            link_id=self._entropy(16).hex(),
            subject=subject,
            system=system,
            account=account,
            state=LinkState.ACTIVE,
            version=1,
            created_at=transition.at,
        )
        match await self._links.open(link, transition):
            case Opened():
                return Claimed(account)
            case AccountTaken(by_same_subject=True) if await self._active(link):
                return Claimed(account)
            case AccountTaken():
                return WrongProof()

    async def _active(self, link: Link) -> bool:
        """Whether the person can use the account: a suspended link is not revived by a proof."""
        links = await self._links.of_subject(link.subject, link.system)
        return any(held.account == link.account for held in links)

"""How a person comes to an account in a system: opened without a question, or claimed once."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connectors.contract import (
    AccountId,
    AccountVerifier,
    CannotCheck,
    NotProven,
    ProofOutcome,
    Proven,
    SubjectId,
    SystemId,
)
from connectors.links.model import Evidence, Link, LinkPast, LinkState, Transition, past_of
from connectors.links.store import AccountTaken, LinkStore, Opened, OpenOutcome
from connectors.provisioning.told import CREATED_RULE
from connectors.registry import System
from connectors.verifiers.trust import believed

CREATED = Evidence(rule=CREATED_RULE, rule_version=1)
PROVED_BY_PERSON = Evidence(rule="P.old_password", rule_version=1)
_REASONS = {CREATED: "opened at first sign-in", PROVED_BY_PERSON: "claimed with the old password"}
_ACCOUNT_DIGITS = 20
PATIENCE_SECONDS = 10.0
"""For any verifier, whatever it promises of its own; one that asks over HTTP gives up far sooner."""
logger = logging.getLogger("lienthong.links")


@dataclass(frozen=True, slots=True)
class Created:
    """A new account is the person's from now on, by this very call."""

    account: AccountId = field(repr=False)


@dataclass(frozen=True, slots=True)
class AlreadyLinked:
    """The person has an account that may be used; nothing was changed."""


@dataclass(frozen=True, slots=True)
class NotCreated:
    """Policy may not open an account here: people decide. Nothing was changed."""

    past: LinkPast


CreateOutcome = Created | AlreadyLinked | NotCreated


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
class Withheld:
    """The password fits, and this person's link to this account was held back or ended before.

    What people decided about one link is not undone by the proof that made it.
    """


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The system could not be asked; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Distrusted:
    """The system proved another account than it was asked about; nothing was changed (ADR 0018)."""


ClaimOutcome = Claimed | WrongProof | Withheld | Unavailable | Distrusted


class AccountOpening:
    """Opens links with the only two kinds of evidence that link by themselves at sign-in.

    Neither opens a link between one person and one account a second time.
    """

    def __init__(
        self,
        *,
        links: LinkStore,
        systems: Mapping[SystemId, System],
        verifiers: Mapping[SystemId, AccountVerifier],
        entropy: Callable[[int], bytes],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._links = links
        self._systems = systems
        self._verifiers = verifiers
        self._entropy = entropy
        self._patience_seconds = patience_seconds

    async def past(self, subject: SubjectId, system: SystemId) -> LinkPast:
        """What stands behind the absence of an active link."""
        return past_of(await self._links.history(subject, system))

    async def create(self, subject: SubjectId, system: SystemId, now: int) -> CreateOutcome:
        """Give the person a new account where they never had one, however many calls race.

        Why: the account's id follows from the subject and the system alone, so that racing calls
        meet at one row of the link table. The subject is random and never sent out, so the id
        tells nothing about the person.
        """
        history = await self._links.history(subject, system)
        if any(link.state is LinkState.ACTIVE for link in history):
            return AlreadyLinked()
        if (past := past_of(history)) is not LinkPast.NONE:
            return NotCreated(past)
        account = new_account_id(subject, system, self._systems[system].new_account_prefix)
        match await self._open(subject, system, account, "policy", CREATED, now):
            case Opened():
                return Created(account)
            case AccountTaken(by_same_subject=True):
                return AlreadyLinked()
            case AccountTaken():
                return NotCreated(LinkPast.NONE)

    async def claim(
        self, subject: SubjectId, system: SystemId, account_name: str, password: str, now: int
    ) -> ClaimOutcome:
        """The old password proves the old account, once: a held account is never claimed again.

        The link is to the account that the person named, in the system that was asked, or to none.
        """
        match await self._prove(system, account_name, password):
            case NotProven():
                return WrongProof()
            case Proven(answered):
                account = believed(account_name, answered, self._systems[system].account_names)
                if account is None:
                    return Distrusted()
                return await self._claim_proven(subject, system, account, now)
            case _:  # CannotCheck, or no outcome at all: a verifier is not ours to trust
                return Unavailable()

    async def _prove(self, system: SystemId, account_name: str, password: str) -> ProofOutcome:
        """What the verifier says in time. No fault of its own comes through, and no late answer.

        Why not `asyncio.timeout`: a verifier that catches its cancellation could still answer.
        """

        async def ask() -> ProofOutcome:
            return await self._verifiers[system].prove(account_name, password)

        asking = asyncio.create_task(ask())
        asking.add_done_callback(_look_at)
        try:
            done, _ = await asyncio.wait({asking}, timeout=self._patience_seconds)
        finally:
            asking.cancel()
        if not done or asking.cancelled() or asking.exception() is not None:
            return CannotCheck("no answer in time, or a fault")
        return asking.result()

    async def _claim_proven(
        self, subject: SubjectId, system: SystemId, account: AccountId, now: int
    ) -> ClaimOutcome:
        history = await self._links.history(subject, system)
        own = [link for link in history if link.account == account]
        if any(link.state is LinkState.ACTIVE for link in own):
            return Claimed(account)
        if past_of(own) is not LinkPast.NONE:
            return Withheld()
        match await self._open(subject, system, account, "person", PROVED_BY_PERSON, now):
            case Opened() | AccountTaken(by_same_subject=True):
                return Claimed(account)
            case AccountTaken():
                return WrongProof()

    async def _open(
        self,
        subject: SubjectId,
        system: SystemId,
        account: AccountId,
        actor: str,
        evidence: Evidence,
        now: int,
    ) -> OpenOutcome:
        link = Link(
            link_id=self._entropy(16).hex(),
            subject=subject,
            system=system,
            account=account,
            state=LinkState.ACTIVE,
            version=1,
            created_at=now,
        )
        reason = _REASONS[evidence]
        transition = Transition(actor=actor, reason=reason, evidence=evidence, at=now)
        return await self._links.open(link, transition)


def _look_at(asked: asyncio.Task[ProofOutcome]) -> None:
    """A fault of a verifier is told by its type: its text may hold what was typed."""
    if not asked.cancelled() and (fault := asked.exception()) is not None:
        logger.warning("a verifier failed: %s", type(fault).__name__)


def new_account_id(subject: SubjectId, system: SystemId, prefix: str) -> AccountId:
    """The account that policy opens for a subject in a system: one, and no two subjects the same.

    Shape: the system's prefix and 20 hexadecimal digits (80 bits).
    """
    digest = hashlib.sha256(f"account\0{system}\0{subject}".encode()).hexdigest()
    return AccountId(prefix + digest[:_ACCOUNT_DIGITS])

"""Accounts that stand ready before their people come: opened by an operator, for declared kinds."""

from collections.abc import Callable

from connectors.contract import SubjectId, SystemId
from connectors.links.account_opening import AccountOpening, Created
from connectors.registry import System
from idp.ports import Clock
from idp.store.eligible import SqlEligible

PAGE = 200


class PreProvisioning:
    """Opens an account for everybody eligible who never had one in the system.

    It may be stopped anywhere and run again: who has an account, or whose link people have ended,
    is passed by. The account is the one that a first visit would have opened.
    """

    def __init__(self, eligible: SqlEligible, opening: AccountOpening, clock: Clock) -> None:
        self._eligible = eligible
        self._opening = opening
        self._clock = clock

    async def count(self, system: System) -> int:
        """How many accounts a run would open now. Changes nothing."""
        return await self._eligible.count(system.system_id, system.eligible)

    async def run(self, system: System, advance: Callable[[int], object]) -> int:
        """How many accounts this run has opened; each is told to the system by the outbox."""
        opened, after = 0, SubjectId("")
        while page := await self._page(system, after):
            for subject in page:
                opened += await self._open(subject, system.system_id)
                advance(1)
            after = page[-1]
        return opened

    async def _page(self, system: System, after: SubjectId) -> list[SubjectId]:
        return await self._eligible.page(system.system_id, system.eligible, after, PAGE)

    async def _open(self, subject: SubjectId, system: SystemId) -> bool:
        outcome = await self._opening.create(subject, system, int(self._clock()))
        return isinstance(outcome, Created)

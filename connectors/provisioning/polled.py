"""The lane of a system that fetches its messages: handed out, and settled by the system's own word.

Why no lease: nothing is sent by us. Two polls at once are handed the same messages, and a word is
taken for each message once.
"""

from collections.abc import Iterable

from connectors.contract import SystemId
from connectors.provisioning.messages import Message, Refused, Settled
from connectors.provisioning.outbox import COLUMNS, WAITING, Outbox, message_of
from keys.sql import Database


class PolledLanes(Outbox):
    """What a fetching system does with its own lane, and with no other."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._polled = database

    async def hand_out(self, system: SystemId, numbers: Iterable[int]) -> None:
        """From now on the system may say what became of them."""
        async with self._polled.transaction() as statements:
            for number in numbers:
                await statements.change(
                    "UPDATE outbox SET attempts = attempts + 1"
                    f" WHERE system_id = $1 AND number = $2 AND {WAITING}",
                    system,
                    number,
                )

    async def said(
        self, system: SystemId, number: int, outcome: Settled | Refused, now: int
    ) -> Message | None:
        """Take the system's word for a message that it was handed; None for any other number.

        One word counts: a message that is settled or dead is not moved again.
        """
        settled = now if isinstance(outcome, Settled) else None
        dead = now if isinstance(outcome, Refused) else None
        reason = outcome.reason if isinstance(outcome, Refused) else None
        rows = await self._polled.rows(
            "UPDATE outbox SET settled_at = $3, dead_at = $4, reason = $5"
            f" WHERE system_id = $1 AND number = $2 AND {WAITING} AND attempts > 0"
            f" RETURNING {COLUMNS}",
            system,
            number,
            settled,
            dead,
            reason,
        )
        return message_of(rows[0]) if rows else None

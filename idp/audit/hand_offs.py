"""What became of the hand-offs of the National Portal, as the audit tells."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from idp.audit.reading import fields_of
from keys.sql import Database

BEGUN, FINISHED = "hand_off_begun", "handed_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOffs:
    """Counts by system."""

    begun: Counter[str] = field(default_factory=Counter)
    silent: Counter[str] = field(default_factory=Counter)
    prompted: Counter[str] = field(default_factory=Counter)

    def by_system(self) -> Mapping[str, Mapping[str, int | float | None]]:
        """A row for each system; the rate is None where nothing was finished."""
        return {name: self._row(name) for name in sorted(self.begun | self.silent | self.prompted)}

    def _row(self, system: str) -> Mapping[str, int | float | None]:
        silent, prompted = self.silent[system], self.prompted[system]
        finished = silent + prompted
        # A record of the beginning may be in a crowd's count under `other`: never less than none.
        begun = max(self.begun[system], finished)
        return {
            "begun": begun,
            "finished": finished,
            "unfinished": begun - finished,
            "silent": silent,
            "prompted": prompted,
            "re_prompt_rate": round(prompted / finished, 4) if finished else None,
        }


async def counted_hand_offs(database: Database) -> HandOffs:
    """Every hand-off that was recorded, one by one or in the count of a crowded minute.

    Raises: StoreUnavailableError.
    """
    counts = HandOffs()
    async for fields in fields_of(database, BEGUN):
        counts.begun[str(fields["system"])] += 1
    async for fields in fields_of(database, "refusals_counted"):
        if fields["event"] == BEGUN:
            counts.begun[str(fields["client"])] += int(fields["count"])
    async for fields in fields_of(database, FINISHED):
        ended = counts.prompted if fields["prompted"] else counts.silent
        ended[str(fields["system"])] += 1
    return counts

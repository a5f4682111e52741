"""How many refusals are written one by one, and how the rest is counted. Pure.

Why: whoever asks in vain costs us a record; a flood of such requests must fill neither the disk nor
the queue of the chain, and must not hide which refusals there were.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping

from idp.audit.events import REFUSALS

SINGLE_PER_MINUTE = 120
"""Records of one event that are written whole in a minute; a node's own budget."""
GROUPS_PER_MINUTE = 60
"""Different counts of a minute; what does not fit any more is counted under `other`."""
OTHER = "other"
Fields = Mapping[str, str | int]
_GROUPED_BY = (("endpoint",), ("reason",), ("client", "system"))
"""What the counts tell apart; a hand-off that begins names a system where others name a client."""


class RefusalBudget:
    """Admits a refusal to the chain, or counts it. Decisions are never held back."""

    def __init__(self) -> None:
        self._minute = 0
        self._single: dict[str, int] = defaultdict(int)
        self._counts: Counter[tuple[str, ...]] = Counter()

    def admits(self, event: str, fields: Fields, now: int, *, crowded: bool) -> bool:
        """Whether this record is written whole; a refusal that is not has been counted."""
        if event not in REFUSALS:
            return True
        if now // 60 != self._minute:
            self._minute = now // 60
            self._single.clear()
        if not crowded and self._single[event] < SINGLE_PER_MINUTE:
            self._single[event] += 1
            return True
        group = (event, *(_first(fields, names) for names in _GROUPED_BY))
        if group not in self._counts and len(self._counts) >= GROUPS_PER_MINUTE:
            group = (event, OTHER, OTHER, OTHER)
        self._counts[group] += 1
        return False

    def settled(self, now: int, *, ending: bool = False) -> list[Fields]:
        """The counts of a minute that is over (at the end, of this one too), each once."""
        if not self._counts or (now // 60 == self._minute and not ending):
            return []
        counts, self._counts = self._counts, Counter()
        return [
            {"event": event, "endpoint": endpoint, "reason": reason, "client": client, "count": n}
            for (event, endpoint, reason, client), n in counts.items()
        ]


def _first(fields: Fields, names: tuple[str, ...]) -> str:
    return str(next((fields[name] for name in names if name in fields), ""))

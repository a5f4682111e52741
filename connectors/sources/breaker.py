"""When a source is left alone: a circuit breaker as a value. Pure; the clock is the caller's."""

from dataclasses import dataclass, replace
from enum import Enum

FAILURES = 3
"""In a row, before the source is taken to be down."""
OPEN_SECONDS = 30
"""Then it is left alone for so long; after that, one person tries for all."""
PROBE_SECONDS = 10


class Health(Enum):
    """How a source does, as far as this node has seen."""

    WELL = "well"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What this node remembers of one source."""

    failures: int = 0
    open_until: int = 0

    def health(self, now: int) -> Health:
        """Whether people are sent there."""
        return Health.DOWN if now < self.open_until else Health.WELL

    def failed(self, now: int) -> "Breaker":
        """After a call that got no answer, or one that only a broken server gives."""
        failures = self.failures + 1
        down = failures >= FAILURES
        return Breaker(failures=failures, open_until=now + OPEN_SECONDS if down else 0)

    def answered(self) -> "Breaker":
        """After any answer, a refusal too: it is there."""
        return Breaker() if self.failures else self

    def probing(self, now: int) -> "Breaker":
        """After the time is over, one goes and the others wait for what comes of it."""
        if self.failures < FAILURES:
            return self
        return replace(self, open_until=now + PROBE_SECONDS)

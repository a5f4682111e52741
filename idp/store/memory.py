"""Short-lived state in this process: the embedded default."""

from idp.errors import Overloaded
from idp.model import Session
from idp.ports import Clock

MAX_ENTRIES = 1_000_000
_SWEEP_EVERY = 4096


class MemorySessions:
    """Port `Sessions`."""

    def __init__(self, clock: Clock, max_entries: int = MAX_ENTRIES) -> None:
        self._clock = clock
        self._max = max_entries
        self._sessions: dict[bytes, tuple[float, Session]] = {}
        self._puts = 0

    async def put(self, digest: bytes, session: Session, idle_seconds: int) -> None:
        """See `ports.Sessions.put`.

        Raises: Overloaded rather than forget somebody else's session.
        """
        self._puts += 1
        if self._puts % _SWEEP_EVERY == 0 or len(self._sessions) >= self._max:
            now = self._clock()
            self._sessions = {k: v for k, v in self._sessions.items() if v[0] > now}
            if len(self._sessions) >= self._max:
                raise Overloaded("too many sessions")
        self._sessions[digest] = (self._clock() + idle_seconds, session)

    async def get(self, digest: bytes) -> Session | None:
        """See `ports.Sessions.get`."""
        entry = self._sessions.get(digest)
        return entry[1] if entry is not None and entry[0] > self._clock() else None

    async def drop(self, digest: bytes) -> None:
        """See `ports.Sessions.drop`."""
        self._sessions.pop(digest, None)


class MemoryCounters:
    """Port `Counters`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}
        self._hits = 0

    async def hit(self, key: str, window_seconds: int) -> int:
        """See `ports.Counters.hit`."""
        now = self._clock()
        self._hits += 1
        if self._hits % _SWEEP_EVERY == 0:
            self._windows = {k: v for k, v in self._windows.items() if v[0] > now}
        ends_at, count = self._windows.get(key, (0.0, 0))
        if ends_at <= now:
            ends_at, count = now + window_seconds, 0
        self._windows[key] = (ends_at, count + 1)
        return count + 1

    async def hit_below(self, key: str, limit: int, window_seconds: int) -> int:
        """See `ports.Counters.hit_below`; no step of it waits, so none can come between."""
        count, left = await self.count(key)
        if count >= limit:
            return left
        await self.hit(key, window_seconds)
        return 0

    async def give_back(self, key: str) -> None:
        """See `ports.Counters.give_back`."""
        ends_at, count = self._windows.get(key, (0.0, 0))
        if count > 0:
            self._windows[key] = (ends_at, count - 1)

    async def count(self, key: str) -> tuple[int, int]:
        """See `ports.Counters.count`."""
        ends_at, count = self._windows.get(key, (0.0, 0))
        left = ends_at - self._clock()
        return (count, int(left) + 1) if left > 0 else (0, 0)

    async def reset(self, key: str) -> None:
        """See `ports.Counters.reset`."""
        self._windows.pop(key, None)

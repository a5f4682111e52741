"""Short-lived state in this process: the embedded default."""

from idp.errors import Overloaded
from idp.model import Session
from idp.ports import Clock

MAX_SESSIONS = 1_000_000
MAX_WINDOWS = 200_000
KEPT_COUNT = 5
"""A window with so many hits is never forgotten early: it is close to a limit, or beyond it."""
_SWEEP_EVERY = 4096
_FULL_SECONDS = 1.0


class MemorySessions:
    """Port `Sessions`, bounded: where there is no room it refuses new sign-ins."""

    def __init__(self, clock: Clock, max_entries: int = MAX_SESSIONS) -> None:
        self._clock = clock
        self._max = max_entries
        self._sessions: dict[bytes, tuple[float, Session]] = {}
        self._puts = 0
        self._full_until = 0.0

    async def put(self, digest: bytes, session: Session, idle_seconds: int) -> None:
        """See `ports.Sessions.put`.

        Raises: Overloaded rather than forget somebody else's session; a session that is known is
        always renewed.
        """
        now = self._clock()
        self._puts += 1
        if self._puts % _SWEEP_EVERY == 0:
            self._sweep(now)
        if digest not in self._sessions and len(self._sessions) >= self._max:
            self._make_room(now)
        self._sessions[digest] = (now + idle_seconds, session)

    def _make_room(self, now: float) -> None:
        if now >= self._full_until:  # looking through everything is too dear for each request
            self._sweep(now)
        if len(self._sessions) >= self._max:
            self._full_until = _looked_at(self._full_until, now)
            raise Overloaded("too many sessions")

    def _sweep(self, now: float) -> None:
        self._sessions = {k: v for k, v in self._sessions.items() if v[0] > now}

    async def get(self, digest: bytes) -> Session | None:
        """See `ports.Sessions.get`."""
        entry = self._sessions.get(digest)
        return entry[1] if entry is not None and entry[0] > self._clock() else None

    async def drop(self, digest: bytes) -> None:
        """See `ports.Sessions.drop`."""
        self._sessions.pop(digest, None)


class MemoryCounters:
    """Port `Counters`, bounded.

    Why: a stranger can make up as many keys as he likes. When there is no room, the windows with
    the fewest hits are forgotten, down to half: to lose one hit of his own he has to make tens of
    thousands of others. Windows near a limit stay; where only such are left, new keys are refused.
    """

    def __init__(self, clock: Clock, max_entries: int = MAX_WINDOWS) -> None:
        self._clock = clock
        self._max = max_entries
        self._windows: dict[str, tuple[float, int]] = {}
        self._hits = 0
        self._full_until = 0.0

    async def hit(self, key: str, window_seconds: int) -> int:
        """See `ports.Counters.hit`.

        Raises: Overloaded where all room is taken by windows that must be kept.
        """
        now = self._clock()
        self._hits += 1
        if self._hits % _SWEEP_EVERY == 0:
            self._windows = {k: v for k, v in self._windows.items() if v[0] > now}
        if key not in self._windows and len(self._windows) >= self._max:
            self._make_room(now)
        ends_at, count = self._windows.get(key, (0.0, 0))
        if ends_at <= now:
            ends_at, count = now + window_seconds, 0
        self._windows[key] = (ends_at, count + 1)
        return count + 1

    def _make_room(self, now: float) -> None:
        if now >= self._full_until:
            live = [(k, v) for k, v in self._windows.items() if v[0] > now]
            live.sort(key=lambda item: (item[1][1], item[1][0]), reverse=True)
            self._windows = {
                k: v for n, (k, v) in enumerate(live) if n < self._max // 2 or v[1] >= KEPT_COUNT
            }
        if len(self._windows) >= self._max:
            self._full_until = _looked_at(self._full_until, now)
            raise Overloaded("too many counters")

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


def _looked_at(full_until: float, now: float) -> float:
    """When to look for room again, after none was found."""
    return full_until if now < full_until else now + _FULL_SECONDS

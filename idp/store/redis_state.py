"""Short-lived state in Redis, shared by all nodes."""

from idp.model import Session
from idp.store.redis_pipeline import RedisPipeline
from idp.store.session_bytes import decode_session, encode_session
from keys.sql import StoreUnavailableError

_HIT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return count
"""
_HIT_BELOW = """
if tonumber(redis.call('GET', KEYS[1]) or '0') >= tonumber(ARGV[1]) then
  return math.max(redis.call('TTL', KEYS[1]), 1)
end
if redis.call('INCR', KEYS[1]) == 1 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return 0
"""
_GIVE_BACK = """
if tonumber(redis.call('GET', KEYS[1]) or '0') > 1 then return redis.call('DECR', KEYS[1]) end
return redis.call('DEL', KEYS[1])
"""


class RedisSessions:
    """Port `Sessions`."""

    def __init__(self, pipeline: RedisPipeline) -> None:
        self._pipeline = pipeline

    async def put(self, digest: bytes, session: Session, idle_seconds: int) -> None:
        """See `ports.Sessions.put`."""
        await self._pipeline.run(
            "SET", b"lt:s:" + digest, encode_session(session), "EX", idle_seconds
        )

    async def get(self, digest: bytes) -> Session | None:
        """See `ports.Sessions.get`; what is not a session of ours is none."""
        raw = await self._pipeline.run("GET", b"lt:s:" + digest)
        try:
            return decode_session(raw) if isinstance(raw, bytes) else None
        except (ValueError, TypeError, LookupError):
            return None

    async def drop(self, digest: bytes) -> None:
        """See `ports.Sessions.drop`."""
        await self._pipeline.run("DEL", b"lt:s:" + digest)


class RedisCounters:
    """Port `Counters`."""

    def __init__(self, pipeline: RedisPipeline) -> None:
        self._pipeline = pipeline

    async def hit(self, key: str, window_seconds: int) -> int:
        """See `ports.Counters.hit`.

        Raises: StoreUnavailableError, also where no number came back: a limit is never off.
        """
        count = await self._pipeline.run("EVAL", _HIT, 1, "lt:c:" + key, window_seconds)
        if not isinstance(count, int) or count < 1:
            raise StoreUnavailableError("redis: a counter is not a number")
        return count

    async def hit_below(self, key: str, limit: int, window_seconds: int) -> int:
        """See `ports.Counters.hit_below`."""
        left = await self._pipeline.run("EVAL", _HIT_BELOW, 1, "lt:c:" + key, limit, window_seconds)
        return left if isinstance(left, int) else window_seconds

    async def give_back(self, key: str) -> None:
        """See `ports.Counters.give_back`."""
        await self._pipeline.run("EVAL", _GIVE_BACK, 1, "lt:c:" + key)

    async def count(self, key: str) -> tuple[int, int]:
        """See `ports.Counters.count`.

        Raises: StoreUnavailableError, also where what is stored is no number.
        """
        raw = await self._pipeline.run("GET", "lt:c:" + key)
        if raw is None:
            return 0, 0
        left = await self._pipeline.run("TTL", "lt:c:" + key)
        if not isinstance(raw, bytes) or not raw.isdigit():
            raise StoreUnavailableError("redis: a counter is not a number")
        return int(raw), max(left if isinstance(left, int) else 0, 1)

    async def reset(self, key: str) -> None:
        """See `ports.Counters.reset`."""
        await self._pipeline.run("DEL", "lt:c:" + key)

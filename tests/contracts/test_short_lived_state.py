"""What every store of short-lived state promises, in memory and in Redis."""

import asyncio
import secrets

import pytest

from connectors.contract import Assurance, SessionId, SubjectId
from idp.errors import Overloaded
from idp.model import Session
from idp.ports import Counters, Sessions
from idp.store.memory import MemoryCounters, MemorySessions
from idp.store.redis_pipeline import RedisPipeline
from idp.store.redis_state import RedisSessions
from keys.sql import StoreUnavailableError
from tests.services import PrivateRedis


def a_session(subject: str = "s") -> Session:
    return Session(
        sid=SessionId("sid"),
        subject=SubjectId(subject),
        assurance=Assurance.LEVEL_2,
        amr=("pwd", "otp"),
        authenticated_at=10,
        created_at=10,
        expires_at=20,
        touched_at=10,
    )


async def test_a_session_comes_back_as_it_was_put(sessions: Sessions) -> None:
    digest = secrets.token_bytes(32)
    assert await sessions.get(digest) is None
    await sessions.put(digest, a_session(), 60)
    assert await sessions.get(digest) == a_session()
    await sessions.drop(digest)
    assert await sessions.get(digest) is None


async def test_a_counter_counts_every_hit_in_its_window(counters: Counters) -> None:
    hits = await asyncio.gather(*(counters.hit("k", 60) for _ in range(50)))
    assert sorted(hits) == list(range(1, 51))
    count, left = await counters.count("k")
    assert count == 50
    assert 0 < left <= 61
    await counters.reset("k")
    assert await counters.count("k") == (0, 0)
    assert await counters.hit("k", 60) == 1


async def test_of_hits_below_a_limit_no_more_than_the_limit_count(counters: Counters) -> None:
    waits = await asyncio.gather(*(counters.hit_below("below", 7, 60) for _ in range(50)))
    assert waits.count(0) == 7
    assert all(1 <= wait <= 61 for wait in waits if wait)
    assert (await counters.count("below"))[0] == 7
    await counters.give_back("below")
    assert await counters.hit_below("below", 7, 60) == 0
    assert await counters.hit_below("below", 7, 60) > 0


async def test_no_more_is_given_back_than_was_counted(counters: Counters) -> None:
    for _ in range(3):
        await counters.give_back("none")
    assert (await counters.count("none"))[0] == 0
    assert await counters.hit("none", 60) == 1


async def test_memory_forgets_idle_sessions_and_old_windows() -> None:
    now = [100.0]
    sessions, counters = MemorySessions(lambda: now[0]), MemoryCounters(lambda: now[0])
    await sessions.put(b"d", a_session(), 60)
    await counters.hit("k", 60)
    now[0] += 61
    assert await sessions.get(b"d") is None
    assert await counters.count("k") == (0, 0)
    assert await counters.hit("k", 60) == 1
    for number in range(5000):
        await counters.hit(f"k{number}", 1)
    now[0] += 10
    for number in range(4200):
        await counters.hit(f"n{number}", 60)


async def test_memory_refuses_rather_than_forget_somebody() -> None:
    sessions = MemorySessions(lambda: 0.0, max_entries=2)
    for number in range(2):
        await sessions.put(bytes([number]), a_session(), 60)
    with pytest.raises(Overloaded):
        await sessions.put(b"third", a_session(), 60)
    assert await sessions.get(bytes([0])) is not None


async def test_redis_that_is_away_fails_closed_and_comes_back() -> None:
    server = PrivateRedis()
    server.start()
    pipeline = RedisPipeline(server.url)
    sessions = RedisSessions(pipeline)
    try:
        await sessions.put(b"d", a_session(), 60)
        server.stop()
        with pytest.raises(StoreUnavailableError):
            await sessions.get(b"d")
        with pytest.raises(StoreUnavailableError):
            await sessions.get(b"d")
        server.start()
        await asyncio.sleep(0.3)
        assert await sessions.get(b"d") is None, "an empty Redis knows nobody"
    finally:
        await pipeline.close()
        server.remove()


async def test_cancelled_commands_never_get_anothers_answer(pipeline: RedisPipeline) -> None:
    """X07 for the shared connection."""

    async def ask(number: int) -> object:
        return await pipeline.run("ECHO", str(number))

    storm = [asyncio.create_task(ask(n)) for n in range(1000)]
    await asyncio.sleep(0)
    for task in storm[::2]:
        task.cancel()
    await asyncio.gather(*storm, return_exceptions=True)
    answers = await asyncio.gather(*(ask(n) for n in range(1000)))
    assert answers == [str(n).encode() for n in range(1000)]


async def test_a_refused_command_is_an_error_and_the_connection_lives(
    pipeline: RedisPipeline,
) -> None:
    with pytest.raises(StoreUnavailableError):
        await pipeline.run("NOSUCHCOMMAND")
    assert await pipeline.run("ECHO", "x") == b"x"

"""A node that is stopped before each line by which it changes the ring, and never wakes up again.

Run by `test_ring_under_attack.py` in a process of its own, since it forks:
`python -m tests.keys.stopped_at_each_line KIND DEED ADDRESS FATE`. Prints how often it stopped.

FATE is what befalls the node then: `killed` at once; `overtaken`, killed once another node has
rotated the ring; `late`, the same but it goes on with what it was about to do.
"""

import asyncio
import os
import secrets
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import asyncpg

from idp.store.postgres import PostgresDatabase
from idp.store.sql_migrate import migrate
from idp.store.sqlite import SqliteDatabase
from keys.errors import RingConflict
from keys.jose import JWT_OR_NONE, Expectation, VerificationKeys, verify
from keys.keyring import KeyRing
from keys.rotation import RotationPolicy
from keys.seal import Sealer
from keys.store import FileKeyStore, KeyStore, SqlKeyStore

POLICY = RotationPolicy(
    algorithms=("ES256",), publish_ahead_seconds=100, max_token_seconds=300,
    rotate_after_seconds=1000,
)  # fmt: skip
SEALER = Sealer([b"k" * 32], entropy=secrets.token_bytes)
NOW = 10_000
ROOMS = (
    "keys/store.py", "keys/keyring.py", "keys/rotation.py",
    "idp/store/sqlite.py", "idp/store/postgres.py",
)  # fmt: skip
EXPECTED = Expectation(algorithms=frozenset({"ES256"}), typ=JWT_OR_NONE, issuer="i", audience="a")
CLAIMS = b'{"iss":"i","aud":"a","exp":1000000}'


class Place(Protocol):
    """Where the ring is kept, and how it is put back to what it was."""

    def make(self) -> None: ...
    def opened(self) -> Any: ...
    def keep(self) -> None: ...
    def put_back(self) -> None: ...


class OnDisk:
    """A folder with a file, or with a SQLite database."""

    def __init__(self, kind: str, folder: str) -> None:
        self._folder = Path(folder)
        self._kept = self._folder.with_name("kept")
        self._sqlite = self._folder / "ring.sqlite" if kind == "sqlite" else None

    def make(self) -> None:
        self._folder.mkdir()
        if self._sqlite:
            migrate(f"sqlite:///{self._sqlite}")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[KeyStore]:
        if self._sqlite is None:
            yield FileKeyStore(self._folder / "ring.json")
            return
        database = SqliteDatabase(self._sqlite)
        yield SqlKeyStore(database)
        await database.close()

    def keep(self) -> None:
        shutil.copytree(self._folder, self._kept)

    def put_back(self) -> None:
        shutil.rmtree(self._folder)
        shutil.copytree(self._kept, self._folder)


class OnPostgres:
    """A database of its own; whatever the dead have left in it ends before the ring is put back."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._runner = asyncio.Runner()
        self._admin: Any = None
        self._row: Any = None

    def make(self) -> None:
        migrate(self._url)
        self._admin = self._runner.run(asyncpg.connect(self._url))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[KeyStore]:
        database = await PostgresDatabase.connect(self._url)
        yield SqlKeyStore(database)
        await database.close()

    def keep(self) -> None:
        self._row = self._run("SELECT version, body FROM key_ring")

    def put_back(self) -> None:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        end = f"SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE {others}"
        self._run(end)
        restore = "UPDATE key_ring SET version = $1, body = $2"
        self._run(restore, self._row["version"], self._row["body"])

    def _run(self, sql: str, *values: Any) -> Any:
        return self._runner.run(self._admin.fetchrow(sql, *values))


class Stops:
    """Stops this process before the so-manieth line of the rooms that take part."""

    def __init__(self, at: int) -> None:
        self._left = at

    def __call__(self, frame: FrameType, event: str, _argument: object) -> "Stops | None":
        inside_a_line = frame.f_code.co_name.startswith("<")  # a comprehension
        if inside_a_line or not frame.f_code.co_filename.endswith(ROOMS):
            return None
        if event == "line":
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGSTOP)
        return self


class Node:
    """A node that knows the ring already; it lives until its process ends."""

    def __init__(self, place: Place, now: int) -> None:
        self._runner = asyncio.Runner()
        self._opened = place.opened()
        self.keyring: KeyRing = self._runner.run(self._load(now))

    async def _load(self, now: int) -> KeyRing:
        return await KeyRing.load(await self._opened.__aenter__(), SEALER, POLICY, now)

    def close(self) -> None:
        self._runner.run(self._opened.__aexit__(None, None, None))
        self._runner.close()

    def token(self) -> str:
        return self.keyring.signer("ES256").sign("JWT", CLAIMS)

    @property
    def kid(self) -> str:
        return self.keyring.signer("ES256").kid

    @property
    def published(self) -> set[str]:
        return {record.kid for record in self.keyring.listing()}

    @property
    def keys(self) -> VerificationKeys:
        return self.keyring.verification_keys()

    def act(self, deed: str, stops: Stops | None = None) -> None:
        """Do the deed; to come second is no fault."""
        self._runner.run(self._act(deed, stops))

    async def _act(self, deed: str, stops: Stops | None) -> None:
        sys.settrace(stops)
        try:
            if deed == "rotate":
                await self.keyring.rotate("ES256", NOW + 100)
            elif deed == "revoke":
                await self.keyring.revoke(self.kid, NOW + 100)
            else:
                await self.keyring.refresh(NOW + 1000)
        except RingConflict:
            pass
        finally:
            sys.settrace(None)

    def look_again(self, now: int) -> None:
        self._runner.run(self.keyring.refresh(now))


def in_a_child(place: Place, deed: str, at: int) -> tuple[int, int]:
    """A process that stops before its line `at`, or ends; and where what it signed can be read."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        node = Node(place, NOW + 50)
        node.act(deed, Stops(at))
        os.write(writing, f"{node.kid} {node.token()}".encode())
        os._exit(0)
    os.close(writing)
    return pid, reading


def main(kind: str, deed: str, address: str, fate: str) -> int:
    """How often the node was stopped, when all is well."""
    place: Place = OnPostgres(address) if kind == "postgres" else OnDisk(kind, address)
    place.make()
    first = Node(place, NOW)
    old, fetched, token = first.kid, first.published, first.token()
    first.close()
    place.keep()
    at = 0
    while True:
        at += 1
        place.put_back()
        other = Node(place, NOW + 50) if fate != "killed" else None
        signed, told = [(old, token)], set()
        pid, reading = in_a_child(place, deed, at)
        _, status = os.waitpid(pid, os.WUNTRACED)
        stopped = os.WIFSTOPPED(status)
        if other:
            signed.append((other.kid, other.token()))
            other.act(deed)
            told = other.published
            signed.append((other.kid, other.token()))
        if stopped:
            os.kill(pid, signal.SIGCONT if fate == "late" else signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, f"line {at}: {status}"
        with os.fdopen(reading, "rb") as pipe:
            signed += [tuple(pipe.read().decode().split())] if os.WIFEXITED(status) else []
        fresh = Node(place, NOW + 100)
        signed.append((fresh.kid, fresh.token()))
        fresh.look_again(NOW + 101)
        nodes = [fresh]
        if other:
            other.look_again(NOW + 101)
            nodes.append(other)
            assert len(fresh.published) == 3, f"line {at}: rotated more than once, or not at all"
            assert told <= fresh.published, f"line {at}: a key that was published is gone"
        for kid, made in signed:
            assert kid in fetched, f"line {at}: signed with a key that nobody could have fetched"
            if kid == old and deed == "revoke" and fresh.kid != old:
                assert old not in fresh.published
                continue
            for node in nodes:
                assert verify(made, node.keys, EXPECTED, NOW + 101), f"line {at}"
        for node in nodes:
            node.close()
        if not stopped:
            assert fresh.kid != old, "the deed was done in the end"
            return at - 1


if __name__ == "__main__":
    sys.stdout.write(str(main(*sys.argv[1:])))

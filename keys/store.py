"""Where the ring is kept: a file, or one row of SQL. Both swap, never overwrite."""

import errno
import fcntl
import json
import os
import stat
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from keys.errors import RingUnreadable, RingUnwritable
from keys.ring import ALGORITHMS, KeyRecord, KeyState, Ring
from keys.sql import Database


class KeyStore(Protocol):
    """Holds one ring."""

    async def load(self) -> Ring | None:
        """The stored ring, or None where there has never been one.

        Raises: RingUnreadable.
        """
        ...

    async def swap(self, expected_version: int | None, ring: Ring) -> bool:
        """Store `ring` if the stored version still is the expected one: true for one caller."""
        ...


def encode_ring(ring: Ring) -> str:
    """JSON; private keys stay sealed."""
    return json.dumps(
        {
            "version": ring.version,
            "keys": [
                {
                    "kid": record.kid,
                    "alg": record.alg,
                    "state": record.state.value,
                    "published_at": record.published_at,
                    "active_from": record.active_from,
                    "retired_at": record.retired_at,
                    "public_jwk": record.public_jwk,
                    "sealed_private": b64encode(record.sealed_private).decode("ascii"),
                }
                for record in ring.records
            ],
        }
    )


def decode_ring(text: str) -> Ring:
    """The ring that `encode_ring` wrote.

    Raises: RingUnreadable.
    """
    try:
        return _ring(json.loads(text))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RingUnreadable("the stored key ring is damaged") from None


def _ring(document: dict[str, Any]) -> Ring:
    records = tuple(_record(entry) for entry in document["keys"])
    if len({record.kid for record in records}) != len(records):
        raise ValueError("doubled key")
    return Ring(version=int(document["version"]), records=records)


def _record(entry: dict[str, Any]) -> KeyRecord:
    times = [entry[name] for name in ("published_at", "active_from", "retired_at")]
    known = isinstance(times[0], int) and all(isinstance(t, int | None) for t in times)
    if entry["alg"] not in ALGORITHMS or not known:
        raise ValueError("not a key of ours")
    return KeyRecord(
        kid=entry["kid"],
        alg=entry["alg"],
        state=KeyState(entry["state"]),
        published_at=entry["published_at"],
        active_from=entry["active_from"],
        retired_at=entry["retired_at"],
        public_jwk=entry["public_jwk"],
        sealed_private=b64decode(entry["sealed_private"], validate=True),
    )


class FileKeyStore:
    """One file, readable by its owner alone; replaced whole, never torn.

    Why no links are followed: the new file replaces the name, so a link would silently become a
    file, and a planted one would lead our keys elsewhere.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = path.with_name(path.name + ".lock")
        self._draft = path.with_name(path.name + ".draft")

    async def load(self) -> Ring | None:
        """See `KeyStore.load`."""
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RingUnreadable(f"the key file cannot be opened: {_name(error)}") from None
        try:
            mode = os.fstat(handle).st_mode
            if not stat.S_ISREG(mode) or stat.S_IMODE(mode) & 0o077:
                raise RingUnreadable("the key file must be readable by its owner alone (0600)")
            with os.fdopen(handle, "rb", closefd=False) as file:
                return decode_ring(file.read().decode("utf-8", "replace"))
        finally:
            os.close(handle)

    async def swap(self, expected_version: int | None, ring: Ring) -> bool:
        """See `KeyStore.swap`.

        Raises: RingUnwritable; then the former ring is whole.
        """
        try:
            with self._locked():
                stored = await self.load()
                if (stored.version if stored else None) != expected_version:
                    return False
                self._replace(encode_ring(ring))
                return True
        except OSError as error:
            raise RingUnwritable(f"the key file cannot be written: {_name(error)}") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _replace(self, text: str) -> None:
        self._draft.unlink(missing_ok=True)  # of a writer that was killed: we hold the lock
        handle = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            self._draft.replace(self._path)
        finally:
            self._draft.unlink(missing_ok=True)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _name(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "unknown")


class SqlKeyStore:
    """One row in table `key_ring`; the version in the condition makes the swap atomic."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> Ring | None:
        """See `KeyStore.load`."""
        row = await self._database.one("SELECT body FROM key_ring WHERE id = 1")
        return None if row is None else decode_ring(str(row["body"]))

    async def swap(self, expected_version: int | None, ring: Ring) -> bool:
        """See `KeyStore.swap`."""
        body = encode_ring(ring)
        if expected_version is None:
            statement = (
                "INSERT INTO key_ring (id, version, body) VALUES (1, $1, $2)"
                " ON CONFLICT (id) DO NOTHING"
            )
            return await self._database.change(statement, ring.version, body) == 1
        statement = "UPDATE key_ring SET version = $1, body = $2 WHERE id = 1 AND version = $3"
        return await self._database.change(statement, ring.version, body, expected_version) == 1

"""Where the ring is kept: a file, or one row of SQL. Both swap, never overwrite."""

import fcntl
import json
import os
import stat
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from keys.errors import RingUnreadable
from keys.ring import KeyRecord, KeyState, Ring
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
        document = json.loads(text)
        records = tuple(
            KeyRecord(
                kid=entry["kid"],
                alg=entry["alg"],
                state=KeyState(entry["state"]),
                published_at=entry["published_at"],
                active_from=entry["active_from"],
                retired_at=entry["retired_at"],
                public_jwk=entry["public_jwk"],
                sealed_private=b64decode(entry["sealed_private"], validate=True),
            )
            for entry in document["keys"]
        )
        return Ring(version=document["version"], records=records)
    except (ValueError, KeyError, TypeError):
        raise RingUnreadable("the stored key ring is damaged") from None


class FileKeyStore:
    """One file, readable by its owner alone; replaced whole, never torn."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def load(self) -> Ring | None:
        """See `KeyStore.load`."""
        try:
            mode = stat.S_IMODE(self._path.stat().st_mode)
            if mode & 0o077:
                raise RingUnreadable("the key file must be readable by its owner alone (0600)")
            return decode_ring(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return None

    async def swap(self, expected_version: int | None, ring: Ring) -> bool:
        """See `KeyStore.swap`."""
        with self._locked():
            stored = await self.load()
            if (stored.version if stored else None) != expected_version:
                return False
            self._replace(encode_ring(ring))
            return True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _replace(self, text: str) -> None:
        draft = self._path.with_suffix(".draft")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


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

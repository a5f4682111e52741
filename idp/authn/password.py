"""Password hashing that cannot occupy more than its own threads."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from idp.errors import Overloaded

MAX_CHARACTERS = 1024
_Result = TypeVar("_Result")


class PasswordRefused(ValueError):
    """The text cannot be a password. Says why, never repeats the text."""


class Fit(Enum):
    """What a comparison found."""

    FITS = "fits"
    DOES_NOT_FIT = "does_not_fit"
    FITS_AND_NEEDS_REHASH = "fits_and_needs_rehash"


def prepare(password: str) -> bytes:
    """The bytes that are hashed: same for NFC and NFD, spaces kept, nothing cut off.

    Spec: RFC 8265 §4.2 (non-ASCII spaces become U+0020, then NFC).
    Raises: PasswordRefused when empty, over the limit or not encodable.
    """
    if not password or len(password) > MAX_CHARACTERS:
        raise PasswordRefused("empty or too long")
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password)
    try:
        return unicodedata.normalize("NFC", spaced).encode()
    except UnicodeEncodeError:
        raise PasswordRefused("not encodable") from None


class PasswordHasher:
    """Argon2id in a bounded pool; past the queue limit it refuses instead of waiting."""

    def __init__(self, *, workers: int, queue_limit: int) -> None:
        self._argon2 = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="argon2")
        self._limit = workers + queue_limit
        self._taken = 0
        self._nobody = self._argon2.hash(b"no account has this password hash")

    async def hash(self, password: str) -> str:
        """A new salted hash.

        Raises: PasswordRefused, Overloaded.
        """
        prepared = prepare(password)
        return await self._run(lambda: self._argon2.hash(prepared))

    async def verify(self, password_hash: str, password: str) -> Fit:
        """Whether the password belongs to the hash; an unreadable hash never fits.

        Raises: PasswordRefused, Overloaded.
        """
        prepared = prepare(password)
        return await self._run(lambda: self._compare(password_hash, prepared))

    async def verify_nobody(self, password: str) -> None:
        """Costs what `verify` costs, for an account that does not exist.

        Raises: PasswordRefused, Overloaded.
        """
        await self.verify(self._nobody, password)

    def close(self) -> None:
        """Stop the threads once what is queued has ended."""
        self._pool.shutdown(wait=True)

    async def _run(self, work: Callable[[], _Result]) -> _Result:
        if self._taken >= self._limit:
            raise Overloaded("password queue is full")
        # The place is given back when the thread ends, not when a client hangs up.
        self._taken += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        future.add_done_callback(self._give_back)
        return await asyncio.shield(future)

    def _give_back(self, _ended: object) -> None:
        self._taken -= 1

    def _compare(self, password_hash: str, prepared: bytes) -> Fit:
        try:
            self._argon2.verify(password_hash, prepared)
        except (VerificationError, InvalidHashError):
            return Fit.DOES_NOT_FIT
        if self._argon2.check_needs_rehash(password_hash):
            return Fit.FITS_AND_NEEDS_REHASH
        return Fit.FITS

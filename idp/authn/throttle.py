"""Limits on guessing that a stranger cannot use to lock somebody out.

Three counts: per address, per (user name, address), and per user name over all strangers.
A device that signed in before has a count of its own and is not held by the strangers' counts.
Unknown user names are counted exactly as known ones.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.contract import SubjectId
from idp.errors import TooManyAttempts
from idp.ports import Counters

_QUARTER_HOUR = 900
_DAY = 86400
ADDRESS_FAILURES = 30
PAIR_FAILURES = 5
ACCOUNT_FAILURES = 100
DEVICE_FAILURES = 10
_FIRST_WAIT_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDevice:
    """A browser that has signed in as this subject, proved by its sealed cookie."""

    device_id: str
    subject: SubjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One guess. `device` is set only where it belongs to the account that is tried."""

    folded_username: str = field(repr=False)
    address: str = field(repr=False)
    device: KnownDevice | None = None
    factor: str = "password"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A guess that may be made, and that counts as wrong until it is told to have been right."""

    attempt: Attempt
    by_device: bool


class Throttle:
    """Admits or refuses guesses; counter keys hold keyed digests, never names or addresses.

    Every guess is counted when it is admitted, in one step with the comparison to the limit: of
    any number of guesses that are made at once, no more than the limit reach a password.
    """

    def __init__(self, counters: Counters, *, key: bytes) -> None:
        self._counters = counters
        self._key = key

    async def admit(self, attempt: Attempt) -> Admission:
        """Return where the guess may be made. A refused guess counts for nobody.

        Raises: TooManyAttempts.
        """
        if attempt.device is not None and await self._device_admitted(attempt):
            return Admission(attempt=attempt, by_device=True)
        taken: list[str] = []
        try:
            for key, limit, window in self._shared(attempt):
                await self._take(key, limit, window)
                taken.append(key)
            await self._pair_admitted(attempt)
        except TooManyAttempts:
            await self._give_back(taken)
            raise
        return Admission(attempt=attempt, by_device=False)

    async def succeeded(self, admission: Admission) -> None:
        """The guess was right: forget the failures of this pair and device.

        Of the shared counts, only this guess is taken off.
        """
        attempt = admission.attempt
        await self._counters.reset(self._pair_key(attempt))
        await self._counters.reset(self._wait_key(attempt))
        if admission.by_device:
            await self._counters.reset(self._device_key(attempt))
        else:
            await self._give_back(key for key, _, _ in self._shared(attempt))

    async def unjudged(self, admission: Admission) -> None:
        """Nobody looked at the guess: it counts for nothing."""
        if admission.by_device:
            await self._counters.give_back(self._device_key(admission.attempt))
            return
        await self._counters.give_back(self._pair_key(admission.attempt))
        await self._give_back(key for key, _, _ in self._shared(admission.attempt))

    async def _take(self, key: str, limit: int, window_seconds: int) -> None:
        if wait := await self._counters.hit_below(key, limit, window_seconds):
            raise TooManyAttempts(wait)

    async def _device_admitted(self, attempt: Attempt) -> bool:
        wait = await self._counters.hit_below(self._device_key(attempt), DEVICE_FAILURES, _DAY)
        return wait == 0

    def _shared(self, attempt: Attempt) -> tuple[tuple[str, int, int], ...]:
        """The counts that a guess shares with guesses at other names, and from other addresses."""
        return (
            (self._address_key(attempt), ADDRESS_FAILURES, _QUARTER_HOUR),
            (self._account_key(attempt), ACCOUNT_FAILURES, _DAY),
        )

    async def _give_back(self, keys: Iterable[str]) -> None:
        for key in keys:
            await self._counters.give_back(key)

    async def _pair_admitted(self, attempt: Attempt) -> None:
        wait_key = self._wait_key(attempt)
        waiting, left = await self._counters.count(wait_key)
        if waiting:
            raise TooManyAttempts(left)
        tried = await self._counters.hit(self._pair_key(attempt), _DAY)
        if tried < PAIR_FAILURES:
            return
        wait = min(_FIRST_WAIT_SECONDS << min(tried - PAIR_FAILURES, 5), _QUARTER_HOUR)
        if await self._counters.hit(wait_key, wait) > 1:
            raise TooManyAttempts(wait)

    def _address_key(self, attempt: Attempt) -> str:
        return self._digest("address", group(attempt.address))

    def _account_key(self, attempt: Attempt) -> str:
        return self._digest("account", attempt.folded_username)

    def _pair_key(self, attempt: Attempt) -> str:
        return self._digest("pair", attempt.factor, attempt.folded_username, group(attempt.address))

    def _wait_key(self, attempt: Attempt) -> str:
        return self._digest("wait", attempt.factor, attempt.folded_username, group(attempt.address))

    def _device_key(self, attempt: Attempt) -> str:
        device_id = attempt.device.device_id if attempt.device else ""
        # Per factor: a right password must not buy fresh guesses at the code.
        return self._digest("device", attempt.factor, attempt.folded_username, device_id)

    def _digest(self, *parts: str) -> str:
        framed = b"".join(
            len(raw).to_bytes(4, "big") + raw
            for raw in (part.encode("utf-8", "surrogatepass") for part in parts)
        )
        return f"throttle:{hmac.new(self._key, framed, hashlib.sha256).hexdigest()}"


def group(address: str) -> str:
    """What counts as one address: an IPv4 address, or an IPv6 /64; unreadable ones share one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unreadable"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))

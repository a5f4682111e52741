"""Limits on guessing that a stranger cannot use to lock somebody out.

Three counts: per address, per (user name, address), and per user name over all strangers.
A device that signed in before has a count of its own and is not held by the strangers' counts.
Unknown user names are counted exactly as known ones.
"""

import hashlib
import hmac
import ipaddress
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


class Throttle:
    """Admits or refuses guesses; counter keys hold keyed digests, never names or addresses."""

    def __init__(self, counters: Counters, *, key: bytes) -> None:
        self._counters = counters
        self._key = key

    async def admit(self, attempt: Attempt) -> None:
        """Return where the guess may be made. Counts it, so parallel guesses gain nothing.

        Raises: TooManyAttempts.
        """
        if attempt.device is not None and await self._device_admitted(attempt):
            return
        await self._below(self._address_key(attempt), ADDRESS_FAILURES)
        await self._below(self._account_key(attempt), ACCOUNT_FAILURES)
        await self._pair_admitted(attempt)

    async def failed(self, attempt: Attempt) -> None:
        """Record that the guess was wrong."""
        if attempt.device is not None and await self._trusted(attempt):
            return
        await self._counters.hit(self._address_key(attempt), _QUARTER_HOUR)
        await self._counters.hit(self._account_key(attempt), _DAY)

    async def succeeded(self, attempt: Attempt) -> None:
        """Forget the failures of this pair and device; the shared counts stay."""
        await self._counters.reset(self._pair_key(attempt))
        await self._counters.reset(self._wait_key(attempt))
        if attempt.device is not None and await self._trusted(attempt):
            await self._counters.reset(self._device_key(attempt))

    async def _device_admitted(self, attempt: Attempt) -> bool:
        count = await self._counters.hit(self._device_key(attempt), _DAY)
        return count <= DEVICE_FAILURES

    async def _trusted(self, attempt: Attempt) -> bool:
        count, _ = await self._counters.count(self._device_key(attempt))
        return count <= DEVICE_FAILURES

    async def _below(self, key: str, limit: int) -> None:
        count, left = await self._counters.count(key)
        if count >= limit:
            raise TooManyAttempts(max(left, 1))

    async def _pair_admitted(self, attempt: Attempt) -> None:
        wait_key = self._wait_key(attempt)
        await self._below(wait_key, 1)
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

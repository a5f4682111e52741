"""Which service a CAS address belongs to: the one place where an address is believed."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote_plus, urlsplit

from connectors.contract import SystemId
from connectors.errors import ReturnAddressRefused
from connectors.registry import System

MAX_SERVICE = 2000
_ADDRESS = re.compile(r"https?://[a-z0-9.:\[\]-]+(/[\x21-\x7e]*)", re.ASCII)
_MISLEADING = re.compile(r'[#\\"<>^`{|}]|%(?![0-9A-Fa-f]{2})', re.ASCII)
_HIDDEN_IN_A_PATH = re.compile(r"%(2[eEfF5]|5[cC]|3[bB]|[01][0-9A-Fa-f]|7[fF])", re.ASCII)
"""An encoded dot, slash, percent sign, backslash, semicolon or control character."""


@dataclass(frozen=True, slots=True)
class VerifiedService:
    """The proof that an address belongs to a system; only this module makes one."""

    url: str
    system: System

    def with_ticket(self, ticket: str) -> str:
        """The address that brings a ticket. Its characters need no escaping.

        Spec: CAS Protocol 3.0 §2.2.4
        """
        return f"{self.url}{'&' if '?' in self.url else '?'}ticket={ticket}"


def verify_service(systems: Mapping[SystemId, System], asked: str | None) -> VerifiedService:
    """The address is registered, or lies under a registered one.

    Shape: a registered address that ends in `/` stands for all that lies under it, with any query;
    every other one for itself alone, byte for byte. Scheme, host and port are compared byte by
    byte, and the path is taken as it is written: whatever could be read in two ways is refused.

    Spec: CAS Protocol 3.0 §2.1.1
    Raises: ReturnAddressRefused.
    """
    if asked is not None and plainly_written(asked):
        for system in systems.values():
            if system.cas is not None and any(covers(own, asked) for own in system.cas.services):
                return VerifiedService(asked, system)
    raise ReturnAddressRefused("not a registered service")


def plainly_written(url: str) -> bool:
    """Whether everybody reads this address in the same way."""
    if len(url) > MAX_SERVICE or not _ADDRESS.fullmatch(url) or _MISLEADING.search(url):
        return False
    parts = _split(url)
    if parts is None or "ticket" in _names(parts.query):
        return False
    if _HIDDEN_IN_A_PATH.search(parts.path) or "//" in parts.path:
        return False
    return not any(segment.partition(";")[0] in (".", "..") for segment in parts.path.split("/"))


def covers(registered: str, url: str) -> bool:
    """Whether a plainly written address is this registered one, or lies under it."""
    if url == registered:
        return True
    return registered.endswith("/") and "?" not in registered and url.startswith(registered)


def overlapping(systems: Iterable[System]) -> Iterator[tuple[SystemId, SystemId]]:
    """Pairs of systems that claim the same address: the second one of each is the mistake.

    Why: a ticket for one system would be a ticket for the other.
    """
    seen: list[tuple[SystemId, str]] = []
    for system in systems:
        for service in system.cas.services if system.cas else ():
            for other, known in seen:
                if other != system.system_id and (covers(known, service) or covers(service, known)):
                    yield other, system.system_id
            seen.append((system.system_id, service))


def _names(query: str) -> set[str]:
    """The parameters of a query: ours must stay the only one of its name."""
    return {unquote_plus(pair.partition("=")[0]).lower() for pair in query.split("&")}


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.hostname and "@" not in parts.netloc else None

"""Which system a protected host belongs to, and the addresses of ours on it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from connectors.errors import ReturnAddressRefused
from connectors.registry import ForwardAuthSettings, System

OWN_PLACE = "/.lienthong/"
"""What lies under it on every protected host, the proxy hands to us."""
START_PATH = f"{OWN_PLACE}start"
CALLBACK_PATH = f"{OWN_PLACE}callback"
SIGN_OUT_PATH = f"{OWN_PLACE}sign-out"


@dataclass(frozen=True, slots=True)
class ProtectedHost:
    """The proof that a host was registered by this system; only this module makes one."""

    host: str
    """With its port, where that is not the scheme's own."""
    origin: str
    system: System
    settings: ForwardAuthSettings

    @property
    def callback(self) -> str:
        """The one address to which a signed-in browser is sent."""
        return self.origin + CALLBACK_PATH


ProtectedHosts = Mapping[str, ProtectedHost]


def protected_hosts(systems: Iterable[System]) -> ProtectedHosts:
    """Every registered host; the configuration has seen to it that none is there twice."""
    return {
        host: ProtectedHost(host, origin, system, system.forward_auth)
        for system in systems
        if system.forward_auth is not None
        for origin in system.forward_auth.origins
        if (host := urlsplit(origin).netloc)
    }


def verify_host(hosts: ProtectedHosts, named: str) -> ProtectedHost:
    """The host as it was registered; host names have no case.

    Spec: RFC 9110 §4.2.3
    Raises: ReturnAddressRefused.
    """
    found = hosts.get(named.lower())
    if found is None:
        raise ReturnAddressRefused("not a registered host")
    return found

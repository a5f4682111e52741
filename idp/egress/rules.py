"""Which addresses may be called: pure rules, asked at the start and again at every call."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_address

from idp.egress.ranges import Number, Range, range_of

PORTS = {
    "https": frozenset({443, 8443}),
    "http": frozenset({80}),
    "ldaps": frozenset({636, 3269}),
    "ldap": frozenset({389, 3268}),
}
_DEFAULT_PORT = {"https": 443, "http": 80, "ldaps": 636, "ldap": 389}
_UNDER_TLS = frozenset({"https", "ldaps", "ldap"})
"""`ldap` is never spoken without StartTLS (`ldap.py`)."""


class Refused(Enum):
    """Why an address is not called. The value is what an administrator should write instead."""

    SCHEME = "an https address (plain http only to a host of network.allowed_hosts with plain_http)"
    USER = "an address without a user in it"
    SPELLING = "a host name, or a number in its usual spelling"
    PORT = "port 443 or 8443; 636 for ldaps, 389 for ldap (another one only for a host of network.allowed_hosts that has it)"
    PRIVATE = "an address of the open Internet, or a host that network.allowed_hosts names"
    CLOSED = "an address of a host (link-local, multicast and reserved numbers are never called)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What of an address the rules look at."""

    scheme: str
    host: str
    """In ASCII, an IPv6 number without brackets."""
    port: int | None = None
    has_user: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedHost:
    """What a host may that the deployment names, beside standing in a private network."""

    ports: Container[int] = ()
    """Beside the usual ones."""
    plain_http: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressRules:
    """The rules of one deployment; `allowed_hosts` by their `canonical` names."""

    allowed_hosts: Mapping[str, AllowedHost] = field(default_factory=dict)

    def refusal_of(self, address: Address) -> Refused | None:
        """Why an address can never be called whatever its name resolves to; None where it can.

        Spec: OWASP ASVS 5.0 1.3.6 (protocols, hosts and ports from a list)
        """
        host = canonical(address.host)
        if host is None:
            return Refused.SPELLING
        allowed = self.allowed_hosts.get(host)
        plain = allowed is not None and allowed.plain_http
        if address.scheme not in _UNDER_TLS and not (address.scheme == "http" and plain):
            return Refused.SCHEME
        if address.has_user:
            return Refused.USER
        port = _DEFAULT_PORT[address.scheme] if address.port is None else address.port
        if port not in PORTS[address.scheme] and (allowed is None or port not in allowed.ports):
            return Refused.PORT
        number = number_of(host)
        if number is not None:
            return self.refusal_of_number(host, number)
        return Refused.PRIVATE if allowed is None and _means_this_machine(host) else None

    def refusal_of_number(self, host: str, number: Number) -> Refused | None:
        """Why the host may not be called at this number; None where it may."""
        match range_of(number):
            case Range.PUBLIC:
                return None
            case Range.PRIVATE:
                return None if canonical(host) in self.allowed_hosts else Refused.PRIVATE
            case Range.CLOSED:
                return Refused.CLOSED


THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
EVERYTHING_HERE = EgressRules(
    allowed_hosts=dict.fromkeys(THIS_MACHINE, AllowedHost(ports=range(1, 65536), plain_http=True))
)
"""For the demo, where everything runs on this machine and without TLS."""


def canonical(host: str) -> str | None:
    """The one spelling of a host that is compared; None for a number that is spelled oddly.

    Why: `0x7f.1`, `017700000001` and `2130706433` all reach 127.0.0.1, by a resolver that obliges.
    """
    lower = host.lower()
    number = number_of(lower)
    if number is not None:
        return str(number)
    last = lower.removesuffix(".").rpartition(".")[2]
    counts = not last or last.isdigit() or last.startswith("0x")
    return None if counts or ":" in lower or "%" in lower else lower


def number_of(host: str) -> Number | None:
    """The number that a host is, where it is one in its usual spelling."""
    try:
        return ip_address(host) if "%" not in host else None
    except ValueError:
        return None


def _means_this_machine(host: str) -> bool:
    """Spec: RFC 6761 §6.3 (`localhost` and all names under it)."""
    name = host.removesuffix(".")
    return name == "localhost" or name.endswith(".localhost")

"""Whose a number is: the open Internet's, a private network's, or nobody's whom we would call."""

from enum import Enum, auto
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network

Number = IPv4Address | IPv6Address
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_PRIVATE = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8",
        "::1/128", "fc00::/7",
    )
)  # fmt: skip
_CLOSED = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
        # Inside 2000::/3. Teredo and 6to4 lead to an IPv4 number that nobody sees in them.
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
)  # fmt: skip
"""Written out, since what `ipaddress` calls global changes with the patch release of Python."""


class Range(Enum):
    """What may be called: `PUBLIC` always, `PRIVATE` where the host is named, `CLOSED` never."""

    PUBLIC = auto()
    PRIVATE = auto()
    CLOSED = auto()


def range_of(number: Number) -> Range:
    """The range of a number; one that carries an IPv4 number inside has the range of that one.

    Spec: RFC 6890 §2.2 (special-purpose numbers), RFC 4291 §2.5.5.2 (IPv4-mapped), RFC 6052 §2.1
    (NAT64)
    Why: closed are link-local (where clouds keep their metadata), multicast, `0.0.0.0`,
    documentation and everything reserved: no system of an agency stands there.
    """
    hidden = _hidden(number)
    if hidden is not None:
        return range_of(hidden)
    if any(number in network for network in _PRIVATE):
        return Range.PRIVATE
    known = isinstance(number, IPv4Address) or number in _GLOBAL_UNICAST
    closed = any(number in network for network in _CLOSED)
    return Range.PUBLIC if known and not closed else Range.CLOSED


def _hidden(number: Number) -> IPv4Address | None:
    if isinstance(number, IPv4Address):
        return None
    if number in _NAT64:
        return IPv4Address(int(number) & 0xFFFFFFFF)
    return number.ipv4_mapped

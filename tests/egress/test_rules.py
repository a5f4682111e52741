"""Rule 7, the pure part: which addresses may be called, and at which numbers."""

from ipaddress import ip_address

import pytest

from idp.egress.ranges import Range, range_of
from idp.egress.rules import (
    EVERYTHING_HERE,
    Address,
    AllowedHost,
    EgressRules,
    Refused,
    canonical,
)

STRICT = EgressRules()
NAMED = EgressRules(
    allowed_hosts={
        "onestop.agency.test": AllowedHost(),
        "10.0.0.7": AllowedHost(ports=(8080,), plain_http=True),
        "fd00::7": AllowedHost(),
        "169.254.169.254": AllowedHost(),
    }
)


@pytest.mark.parametrize(
    "number",
    [
        "1.1.1.1", "203.113.131.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1",
        "2606:4700::1111", "2405:4800::1", "::ffff:1.1.1.1", "64:ff9b::101:101",
    ],
)  # fmt: skip
def test_numbers_of_the_open_internet(number: str) -> None:
    assert range_of(ip_address(number)) is Range.PUBLIC


@pytest.mark.parametrize(
    "number",
    [
        "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "100.64.0.1", "100.127.255.255", "::1", "fc00::1", "fdff::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "::ffff:a00:1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1",
    ],
)  # fmt: skip
def test_numbers_of_private_networks_also_behind_an_ipv6_spelling(number: str) -> None:
    assert range_of(ip_address(number)) is Range.PRIVATE


@pytest.mark.parametrize(
    "number",
    [
        "0.0.0.0", "0.1.2.3", "169.254.169.254", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1",  # noqa: S104
        "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::10.0.0.1", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1", "64:ff9b:1::a00:1",
        "2002:a00:1::", "2002:101:101::1", "2001:0:101:101::1", "4000::1", "5f00::1", "3fff::1",
        "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "::ffff:0.0.0.0",
    ],
)  # fmt: skip
def test_numbers_that_are_never_called(number: str) -> None:
    assert range_of(ip_address(number)) is Range.CLOSED


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "017700000001", "0x7f000001", "0x7f.1", "127.1", "127.0.1", "0177.0.0.1",
        "127.0.0.01", "0", "0x", "1.2.3.4.5", "10.0.0.1.", "256.0.0.1", "example.0x1", "example.7",
        "", ".", "::g", "fe80::1%eth0", "::1%lo", "%31%30.0.0.1", "1.1.1.1%00",
    ],
)  # fmt: skip
def test_a_number_in_an_odd_spelling_is_no_host(host: str) -> None:
    """A resolver would take most of them, and say where they lead; nobody means them honestly."""
    assert canonical(host) is None
    assert STRICT.refusal_of(Address(scheme="https", host=host)) is Refused.SPELLING


def test_a_host_has_one_spelling() -> None:
    assert canonical("OneStop.Agency.TEST") == "onestop.agency.test"
    assert canonical("0:0:0:0:0:0:0:1") == "::1"
    assert canonical("FD00:0::7") == "fd00::7"


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        (Address(scheme="https", host="rp.test"), None),
        (Address(scheme="https", host="rp.test", port=8443), None),
        (Address(scheme="https", host="1.1.1.1"), None),
        (Address(scheme="http", host="rp.test"), Refused.SCHEME),
        (Address(scheme="file", host="rp.test"), Refused.SCHEME),
        (Address(scheme="gopher", host="rp.test", port=443), Refused.SCHEME),
        (Address(scheme="", host="rp.test"), Refused.SCHEME),
        (Address(scheme="https", host="rp.test", has_user=True), Refused.USER),
        (Address(scheme="https", host="rp.test", port=22), Refused.PORT),
        (Address(scheme="https", host="rp.test", port=80), Refused.PORT),
        (Address(scheme="https", host="rp.test", port=6379), Refused.PORT),
        (Address(scheme="https", host="rp.test", port=0), Refused.PORT),
        (Address(scheme="https", host="10.0.0.1"), Refused.PRIVATE),
        (Address(scheme="https", host="::ffff:10.0.0.1"), Refused.PRIVATE),
        (Address(scheme="https", host="::1"), Refused.PRIVATE),
        (Address(scheme="https", host="localhost"), Refused.PRIVATE),
        (Address(scheme="https", host="LocalHost."), Refused.PRIVATE),
        (Address(scheme="https", host="a.localhost"), Refused.PRIVATE),
        (Address(scheme="https", host="169.254.169.254"), Refused.CLOSED),
        (Address(scheme="https", host="::ffff:169.254.169.254"), Refused.CLOSED),
        (Address(scheme="https", host="0.0.0.0"), Refused.CLOSED),  # noqa: S104
    ],
)
def test_an_address_is_judged_by_its_text_first(address: Address, refused: Refused | None) -> None:
    assert STRICT.refusal_of(address) is refused


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        (Address(scheme="https", host="ONESTOP.agency.test"), None),
        (Address(scheme="https", host="FD00:0::7"), None),
        (Address(scheme="http", host="10.0.0.7"), None),
        (Address(scheme="http", host="10.0.0.7", port=8080), None),
        (Address(scheme="https", host="10.0.0.7", port=8080), None),
        (Address(scheme="http", host="onestop.agency.test"), Refused.SCHEME),
        (Address(scheme="https", host="onestop.agency.test", port=8080), Refused.PORT),
        (Address(scheme="http", host="10.0.0.7", port=22), Refused.PORT),
        (Address(scheme="ftp", host="10.0.0.7"), Refused.SCHEME),
        (Address(scheme="https", host="10.0.0.7", has_user=True), Refused.USER),
        (Address(scheme="https", host="::ffff:10.0.0.7"), Refused.PRIVATE),
        (Address(scheme="https", host="10.0.0.8"), Refused.PRIVATE),
        (Address(scheme="https", host="a.onestop.agency.test", port=8080), Refused.PORT),
        (Address(scheme="https", host="169.254.169.254"), Refused.CLOSED),
    ],
)
def test_a_named_host_may_what_its_entry_says_and_no_more(
    address: Address, refused: Refused | None
) -> None:
    assert NAMED.refusal_of(address) is refused


@pytest.mark.parametrize(
    ("host", "number", "refused"),
    [
        ("rp.test", "1.1.1.1", None),
        ("rp.test", "10.0.0.1", Refused.PRIVATE),
        ("rp.test", "127.0.0.1", Refused.PRIVATE),
        ("rp.test", "169.254.169.254", Refused.CLOSED),
        ("onestop.agency.test", "10.0.0.1", None),
        ("onestop.agency.test", "::ffff:10.0.0.1", None),
        ("onestop.agency.test", "169.254.169.254", Refused.CLOSED),
        ("onestop.agency.test", "fe80::1", Refused.CLOSED),
        ("a.onestop.agency.test", "10.0.0.1", Refused.PRIVATE),
    ],
)
def test_a_name_is_judged_by_each_number_that_it_has(
    host: str, number: str, refused: Refused | None
) -> None:
    assert NAMED.refusal_of_number(host, ip_address(number)) is refused


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        (Address(scheme="http", host="127.0.0.1", port=8400), None),
        (Address(scheme="http", host="localhost", port=8400), None),
        (Address(scheme="http", host="::1", port=8400), None),
        (Address(scheme="http", host="rp.test", port=8400), Refused.SCHEME),
        (Address(scheme="https", host="10.0.0.1"), Refused.PRIVATE),
    ],
)
def test_the_demo_reaches_its_own_machine_and_nothing_else(
    address: Address, refused: Refused | None
) -> None:
    assert EVERYTHING_HERE.refusal_of(address) is refused

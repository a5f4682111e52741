"""The outermost wall: whose forwarding headers are believed."""

from typing import Any

import httpx
import pytest

from connectors.contract import Proven
from connectors.verifiers.http import HttpVerifier
from idp.authn.password_policy import refusal
from idp.web.edge import caller_address, trusted_networks

TRUSTED = trusted_networks(["10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", ("203.0.113.9",), "192.0.2.1"),
        ("10.0.0.1", ("203.0.113.9",), "203.0.113.9"),
        ("10.0.0.1", ("198.51.100.1, 203.0.113.9",), "203.0.113.9"),
        ("10.0.0.1", ("198.51.100.1", "203.0.113.9, 10.1.1.1"), "203.0.113.9"),
        ("10.0.0.1", ("garbage",), "10.0.0.1"),
        ("10.0.0.1", ("203.0.113.9, garbage",), "10.0.0.1"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("fd00::1", ("2001:db8::1",), "2001:db8::1"),
        ("unix", ("203.0.113.9",), "unix"),
        ("", ("203.0.113.9",), ""),
    ],
)
def test_only_what_a_listed_peer_says_counts(
    peer: str, forwarded: tuple[str, ...], address: str
) -> None:
    fields = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    assert caller_address(peer, fields, TRUSTED) == address
    assert caller_address(peer, fields, ()) == peer


def client(handler: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(handler))


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        (httpx.Response(200, json={"account": "a1"}), "Proven"),
        (httpx.Response(403), "NotProven"),
        (httpx.Response(401), "CannotCheck"),
        (httpx.Response(302, headers={"location": "http://x/"}), "CannotCheck"),
        (httpx.Response(200, json={}), "CannotCheck"),
        (httpx.Response(200, json=[]), "CannotCheck"),
        (httpx.Response(200, content=b"no json"), "CannotCheck"),
        (httpx.Response(200, json={"account": "a" * 300}), "CannotCheck"),
        (httpx.Response(200, content=b"x" * 70_000), "CannotCheck"),
        (None, "CannotCheck"),
    ],
)
async def test_a_system_that_answers_nonsense_proves_nothing(
    response: httpx.Response | None, outcome: str
) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer secret"
        if response is None:
            raise httpx.ReadTimeout("late")
        return response

    found = await HttpVerifier(client(handler), "https://old.test/verify", "secret").prove("a", "p")
    assert type(found).__name__ == outcome
    if outcome == "Proven":
        assert found == Proven("a1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("password", "second", "reason"),
    [
        ("x" * 14, False, "at least 15"),
        ("x" * 7, True, "at least 8"),
        ("x" * 1025, True, "at most"),
        ("password1", True, "most common"),
        ("MatKhau@123", True, "most common"),
        ("anh.tuyet-2026", True, "user name"),
        ("LienThong-2026", True, "name of this service"),
    ],
)
def test_a_weak_password_is_refused_with_its_reason(
    password: str, reason: str, *, second: bool
) -> None:
    told = refusal(password, username="anh.tuyet", second_factor=second)
    assert told is not None
    assert reason in told


@pytest.mark.parametrize("password", ["con bo vang 17", "🐃🐃🐃🐃🐃🐃🐃🐃", "        spaces  "])
def test_no_composition_is_asked_for(password: str) -> None:
    assert refusal(password, username="anh.tuyet", second_factor=True) is None

"""Verifies a signed one-time ticket with Python's standard library alone (3.8 and newer).

As a program: one ticket on each line of the standard input; it prints `ok <sub>` or `refused`.
    TICKET_SECRET=… python3 ticket.py https://id.example onestop STATE
"""

from __future__ import annotations

import hmac
import json
import os
import sys
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any


def verify_ticket(
    ticket: str,
    *,
    secret: str,
    issuer: str,
    system: str,
    state: str,
    first_time: Callable[[str, int], bool],
    now: float | None = None,
) -> dict[str, Any] | None:
    """The claims of the ticket, or None. `state` is what this browser's cookie holds.

    `first_time(jti, exp)` remembers `jti` until `exp` and is true only once for it: an INSERT into
    a table with a unique key, shared by all processes.
    """
    now = time.time() if now is None else now
    try:
        head, payload, signature = ticket.split(".")
        mac = hmac.new(secret.encode(), f"{head}.{payload}".encode("ascii"), "sha256").digest()
        expected = urlsafe_b64encode(mac).rstrip(b"=")
        if not secret or not hmac.compare_digest(expected, signature.encode("ascii")):
            return None  # nothing unsigned is ever parsed
        header, claims = _json(head), _json(payload)
        if header["alg"] != "HS256" or header["typ"] != "ticket+jwt":
            return None
        if claims["iss"] != issuer or claims["aud"] != system:
            return None
        if type(claims["exp"]) is not int or now >= claims["exp"]:
            return None
        if not state or not hmac.compare_digest(claims["state"].encode(), state.encode()):
            return None
        if not isinstance(claims["jti"], str) or not first_time(claims["jti"], claims["exp"]):
            return None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return claims


def _json(part: str) -> dict[str, Any]:
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def main() -> None:
    issuer, system, state = sys.argv[1:4]
    seen = set()

    def first_time(jti: str, _exp: int) -> bool:
        new = jti not in seen
        seen.add(jti)
        return new

    for line in sys.stdin:
        claims = verify_ticket(
            line.strip(),
            secret=os.environ["TICKET_SECRET"],
            issuer=issuer,
            system=system,
            state=state,
            first_time=first_time,
        )
        print("refused" if claims is None else "ok " + claims["sub"])


if __name__ == "__main__":
    main()

"""What a receiver says when it fetches its events. Pure.

Spec: RFC 8936 §2.2, §2.3
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from idp.errors import InvalidRequest

MOST_EVENTS = 100
MOST_WORDS = 500
"""How many events one request may acknowledge or complain of."""
_ERRORS = frozenset(
    {"invalid_request", "invalid_key", "invalid_issuer", "invalid_audience"}
    | {"authentication_failed", "access_denied"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PollRequest:
    """One poll, within bounds."""

    max_events: int = MOST_EVENTS
    return_immediately: bool = False
    acked: tuple[str, ...] = ()
    errors: Mapping[str, str]
    """The name of an event, and a code of the RFC or `other`: never the receiver's own words."""


def read_poll(body: bytes) -> PollRequest:
    """The poll in a body.

    Spec: RFC 8936 §2.2, RFC 8935 §2.4 (codes)
    Raises: InvalidRequest.
    """
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidRequest("the body is no JSON") from None
    if not isinstance(given, dict):
        raise InvalidRequest("the body is no JSON object")
    acked, errors = given.get("ack", []), given.get("setErrs", {})
    if not isinstance(acked, list) or not all(isinstance(jti, str) for jti in acked):
        raise InvalidRequest("ack is no list of names")
    if not isinstance(errors, dict):
        raise InvalidRequest("setErrs is no object")
    if len(acked) + len(errors) > MOST_WORDS:
        raise InvalidRequest(f"more than {MOST_WORDS} events in ack and setErrs")
    if errors.keys() & set(acked):
        raise InvalidRequest("one event in both ack and setErrs")
    return PollRequest(
        max_events=_number(given.get("maxEvents", MOST_EVENTS)),
        return_immediately=_switch(given.get("returnImmediately", False)),
        acked=tuple(dict.fromkeys(acked)),
        errors={jti: _code(told) for jti, told in errors.items()},
    )


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidRequest("maxEvents is no number from 0")
    return min(value, MOST_EVENTS)


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidRequest("returnImmediately is neither true nor false")
    return value


def _code(told: object) -> str:
    code = told.get("err") if isinstance(told, dict) else None
    if not isinstance(code, str):
        raise InvalidRequest("an entry of setErrs has no err")
    return code if code in _ERRORS else "other"

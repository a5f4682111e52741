"""Time-based one-time passwords: SHA-1, six digits, thirty seconds."""

import hashlib
import hmac

STEP_SECONDS = 30
_DIGITS = 6


def code_at(secret: bytes, step: int, digits: int = _DIGITS) -> str:
    """The code of one time step.

    Spec: RFC 6238 §4, RFC 4226 §5.3.
    """
    digest = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step_of(now: int) -> int:
    """The time step of a moment.

    Spec: RFC 6238 §4.2.
    """
    return now // STEP_SECONDS


def matching_step(secret: bytes, code: str, now: int) -> int | None:
    """The time step that `code` belongs to, at most one step from `now`; else None.

    Spec: RFC 6238 §5.2.
    Why: every candidate is compared, so that time does not tell which one matched.
    """
    if len(code) != _DIGITS or not code.isascii() or not code.isdigit():
        return None
    current = step_of(now)
    found: int | None = None
    for step in range(max(current - 1, 0), current + 2):
        if hmac.compare_digest(code_at(secret, step), code):
            found = step
    return found

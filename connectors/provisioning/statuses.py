"""What the status of an answer means for a message: one table for every way over HTTP."""

import logging
from collections.abc import Mapping

import httpx

from connectors.provisioning.messages import Later, Outcome, Refused, Settled

logger = logging.getLogger("lienthong.provisioning")
_PASSING = frozenset({401, 403, 408, 425, 429})
"""Refusals that somebody mends at the system, or time does: the message itself is not at fault."""


def outcome_of(status: int) -> Outcome:
    """Settled, later or refused. No redirect is followed: an address that moved is a mistake."""
    if 200 <= status < 300:
        return Settled()
    if status in _PASSING or status >= 500:
        return Later(f"status {status}")
    return Refused(f"status {status}")


async def posted(
    client: httpx.AsyncClient,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    method: str = "POST",
) -> Outcome:
    """Send a body; nothing of the answer is kept but its status."""
    try:
        response = await client.request(method, url, content=body, headers=dict(headers))
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        return Later(type(fault).__name__)
    return outcome_of(response.status_code)

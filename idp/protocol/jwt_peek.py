"""A look at a JWT before it is verified: only to choose whose keys and audience to verify with."""

import json
from base64 import urlsafe_b64decode

MAX_LENGTH = 16384


def unverified_member(token: str, name: str) -> str | None:
    """The text member `name` of the payload, or None. Proves nothing; never raises."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_LENGTH:
        return None
    try:
        payload = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    value = payload.get(name) if isinstance(payload, dict) else None
    return value if isinstance(value, str) else None

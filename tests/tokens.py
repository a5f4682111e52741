"""Looking into tokens, as a relying party's developer would."""

import json
from base64 import urlsafe_b64decode
from typing import Any


def _part(token: str, index: int) -> dict[str, Any]:
    part = token.split(".")[index]
    return dict(json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def header_of(token: str) -> dict[str, Any]:
    return _part(token, 0)


def claims_of(token: str) -> dict[str, Any]:
    return _part(token, 1)

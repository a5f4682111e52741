"""What an operation came to, before it is an answer of HTTP or a line of a bulk response."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A success; refusals are raised."""

    status: int
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    location: str = ""
    version: str = ""

"""What the files of one demo are written from: who, where, and the secrets that both sides know."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from idp.demo.province import Resident


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where everything of the demo listens."""

    issuer: str
    systems: Mapping[str, str]
    vneid: str | None = None
    """The citizens' source; None: citizens sign in with their pilot accounts alone."""

    def everywhere(self) -> tuple[str, ...]:
        """All of these addresses."""
        source = () if self.vneid is None else (self.vneid,)
        return self.issuer, *source, *self.systems.values()


def secret() -> str:
    """A fresh secret."""
    return secrets.token_urlsafe(36)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the files of one demo are written from."""

    folder: Path
    addresses: Addresses
    people: tuple[Resident, ...]
    secrets: dict[str, str] = field(default_factory=dict, repr=False)

    def secret(self, name: str) -> str:
        """The secret of this name: made once, the same for both sides."""
        return self.secrets.setdefault(name, secret())

    def address(self, system: str) -> str:
        """Where a system listens."""
        return self.addresses.systems[system]

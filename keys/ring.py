"""The key ring: what keys there are and what each may do. Pure values."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, get_args

Algorithm = Literal["ES256", "RS256", "EdDSA", "PS256", "ES384"]
ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)


class KeyState(StrEnum):
    """A key is published in every state; it signs only while it is active."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRING = "retiring"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """One key pair. Times are epoch seconds."""

    kid: str
    alg: Algorithm
    state: KeyState
    published_at: int
    active_from: int | None = None
    retired_at: int | None = None
    public_jwk: dict[str, str]
    sealed_private: bytes = field(repr=False)
    """PKCS #8, sealed with purpose `signing key` and the kid as context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """All keys of the provider, at one version."""

    version: int
    records: tuple[KeyRecord, ...]

    def of(self, alg: Algorithm, state: KeyState) -> KeyRecord | None:
        """The key of an algorithm in a state (of retiring ones, the newest)."""
        found = [r for r in self.records if r.alg == alg and r.state is state]
        return max(found, key=lambda record: record.published_at, default=None)

    def algorithms(self) -> tuple[Algorithm, ...]:
        """The algorithms that can sign now, in the house's order."""
        active = {record.alg for record in self.records if record.state is KeyState.ACTIVE}
        return tuple(alg for alg in ALGORITHMS if alg in active)

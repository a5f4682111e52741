"""Rotation: publish before signing, keep until the last token has died. Pure rules."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from keys.ring import Algorithm, KeyRecord, KeyState, Ring

CACHE_SECONDS = 600
"""How long others may keep our JWK set."""
SKEW_SECONDS = 2 * 600 + 60
"""How far apart two nodes may be: clocks ten minutes off either way, and a late look at the ring."""

MakeKey = Callable[[Algorithm, int], KeyRecord]
"""Makes a key in state `next`, published at the time given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationPolicy:
    """How long each stage lasts, in seconds."""

    algorithms: tuple[Algorithm, ...] = ("ES256", "RS256")
    publish_ahead_seconds: int = CACHE_SECONDS + SKEW_SECONDS
    """JWKS cache time and skew: a key signs only after every cache can hold it."""
    max_token_seconds: int = 3600 + SKEW_SECONDS
    """The longest life of anything signed, and skew."""
    rotate_after_seconds: int = 90 * 86400


@dataclass(frozen=True, slots=True)
class Rotated:
    """The next key signs now."""

    ring: Ring


@dataclass(frozen=True, slots=True)
class NotYet:
    """The next key has not been published long enough; `permitted_at` is when it will have been."""

    permitted_at: int


def first_ring(policy: RotationPolicy, make: MakeKey, now: int) -> Ring:
    """A ring for an empty store: nothing was signed before, so its first keys sign at once."""
    records: list[KeyRecord] = []
    for alg in policy.algorithms:
        records.append(replace(make(alg, now), state=KeyState.ACTIVE, active_from=now))
        records.append(make(alg, now))
    return Ring(version=1, records=tuple(records))


def plan(ring: Ring, policy: RotationPolicy, make: MakeKey, now: int) -> Ring | None:
    """What time alone asks for: scheduled rotations, missing next keys, dead keys gone.

    None where nothing is to be done.
    """
    records = [r for r in ring.records if not _dead(r, policy, now)]
    for alg in policy.algorithms:
        current = Ring(version=0, records=tuple(records))
        active, following = current.of(alg, KeyState.ACTIVE), current.of(alg, KeyState.NEXT)
        if active is None and following is None:
            records += [replace(make(alg, now), state=KeyState.ACTIVE, active_from=now)]
        elif following is not None and _due(active, following, policy, now):
            records = _promoted(records, active, following, now)
            following = None
        if following is None:
            records.append(make(alg, now))
    if tuple(records) == ring.records:
        return None
    return Ring(version=ring.version + 1, records=tuple(records))


def rotate(
    ring: Ring, alg: Algorithm, policy: RotationPolicy, make: MakeKey, now: int
) -> Rotated | NotYet | None:
    """Let the next key sign now, if it has been published long enough. None: no such algorithm."""
    following = ring.of(alg, KeyState.NEXT)
    if following is None:
        return None
    permitted_at = following.published_at + policy.publish_ahead_seconds
    if now < permitted_at:
        return NotYet(permitted_at)
    records = _promoted(list(ring.records), ring.of(alg, KeyState.ACTIVE), following, now)
    records.append(make(alg, now))
    return Rotated(Ring(version=ring.version + 1, records=tuple(records)))


def revoke(ring: Ring, kid: str, make: MakeKey, now: int) -> Ring | None:
    """Take a key out at once: what it signed is refused from now on. None: no such key.

    Why: for a leaked key, refused logins are better than forged ones; so a replacement signs
    even where caches may not hold it yet.
    """
    victim = next((r for r in ring.records if r.kid == kid), None)
    if victim is None:
        return None
    records = [r for r in ring.records if r.kid != kid]
    following = ring.of(victim.alg, KeyState.NEXT)
    if victim.state is KeyState.ACTIVE:
        replacement = following or make(victim.alg, now)
        records = [r for r in records if r.kid != replacement.kid]
        records.append(replace(replacement, state=KeyState.ACTIVE, active_from=now))
    if victim.state is not KeyState.RETIRING:
        records.append(make(victim.alg, now))
    return Ring(version=ring.version + 1, records=tuple(records))


def _due(active: KeyRecord | None, following: KeyRecord, policy: RotationPolicy, now: int) -> bool:
    if active is None or active.active_from is None:
        return True
    old_enough = now >= active.active_from + policy.rotate_after_seconds
    return old_enough and now >= following.published_at + policy.publish_ahead_seconds


def _promoted(
    records: list[KeyRecord], active: KeyRecord | None, following: KeyRecord, now: int
) -> list[KeyRecord]:
    changed = []
    for record in records:
        if active is not None and record.kid == active.kid:
            changed.append(replace(record, state=KeyState.RETIRING, retired_at=now))
        elif record.kid == following.kid:
            changed.append(replace(record, state=KeyState.ACTIVE, active_from=now))
        else:
            changed.append(record)
    return changed


def _dead(record: KeyRecord, policy: RotationPolicy, now: int) -> bool:
    return (
        record.state is KeyState.RETIRING
        and record.retired_at is not None
        and now >= record.retired_at + policy.max_token_seconds
    )

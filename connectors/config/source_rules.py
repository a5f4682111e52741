"""What is checked of every kind of source: keys that are right by themselves, and not together."""

from collections.abc import Collection, Iterable, Mapping

from connectors.config.problems import Place, Problem

Check = tuple[bool, str, str]
"""Whether it holds, the key, and what is expected there."""


def levels_named(levels: Mapping[str, object], otherwise: object | None) -> Check:
    """The source says what some level is called there, or what all of its answers are worth."""
    named = bool(levels) or otherwise is not None
    return named, "assurance", "what the levels are called there, or assurance_otherwise"


def systems_declared(allowed: Collection[str] | None, systems: Collection[str]) -> Check:
    """The source leads into systems that exist."""
    declared = set(allowed or ()) <= set(systems)
    return declared, "allowed_systems", "ids of systems that are declared"


def broken(checks: Iterable[Check], place: Place) -> list[Problem]:
    """A problem for each check that does not hold."""
    return [place.at(key).problem(wanted) for holds, key, wanted in checks if not holds]

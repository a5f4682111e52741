"""Which language a page speaks."""

import re

from connectors.contract import LOCALES, Locale

_RANGE = re.compile(
    r"(\*|[a-z]{1,8})(?:-[a-z0-9-]+)?[ \t]*(?:;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?", re.ASCII
)
_MAX_HEADER = 1000


def language_for(*, ui_locales: str | None, remembered: str | None, accepted: str) -> Locale:
    """One of our languages, always: the first of four that names one.

    What the application asks for, since the person was reading it a moment ago; what the person
    once chose on our pages; what the browser accepts, by weight; Vietnamese.

    Spec: OIDC Core §3.1.2.1; RFC 9110 §12.5.4
    """
    return (
        _first_named((ui_locales or "").split())
        or _first_named([remembered or ""])
        or _accepted(accepted)
        or LOCALES[0]
    )


def named(tag: str | None) -> Locale | None:
    """The language of ours that a tag names, whatever its region: `en-GB` is English.

    Spec: RFC 4647 §3.4
    """
    primary = (tag or "").partition("-")[0].lower()
    return next((locale for locale in LOCALES if locale == primary), None)


def _first_named(tags: list[str]) -> Locale | None:
    return next((locale for locale in map(named, tags) if locale), None)


def _accepted(header: str) -> Locale | None:
    """The heaviest language of ours; among equals the one that was listed first."""
    weights = _weights(header)
    rest = weights.get("*", 0.0)
    listed = [locale for locale in map(named, weights) if locale]
    candidates = listed + [locale for locale in LOCALES if locale not in listed]
    best = max(candidates, key=lambda locale: weights.get(locale, rest))
    return best if weights.get(best, rest) > 0 else None


def _weights(header: str) -> dict[str, float]:
    """Primary language to weight, in the order of the list; what is malformed is left out."""
    weights: dict[str, float] = {}
    if len(header) > _MAX_HEADER:
        return weights
    for part in header.lower().split(","):
        found = _RANGE.fullmatch(part.strip())
        if found is not None:
            primary, weight = found[1], float(found[2] or 1)
            weights[primary] = max(weight, weights.get(primary, 0.0))
    return weights

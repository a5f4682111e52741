"""How this service provider is called at one source, and where it is reached."""

from dataclasses import dataclass

from connectors.sources.model import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class SpPlace:
    """An entity of its own for each source: what one source says is never for another."""

    entity_id: str
    acs: str
    slo: str


def place_at(source: Source, issuer: str) -> SpPlace:
    """Our addresses for this source."""
    below = issuer + source.place
    return SpPlace(entity_id=f"{below}/metadata", acs=f"{below}/acs", slo=f"{below}/slo")

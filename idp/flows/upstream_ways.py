"""Which ways of signing in are open now, to which system, and at which level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.contract import Assurance, LocalText, SystemId
from connectors.sources.ldap.directory import Directory
from connectors.sources.model import Source, SourceId
from idp.authn.upstream_health import UpstreamHealth


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One source that serves a system, and whether it is there now."""

    source_id: SourceId
    name: LocalText
    level: Assurance
    """The highest that anybody can have from there."""
    down: bool


class UpstreamWays:
    """Reads the tables and the breakers; decides nothing about a person."""

    def __init__(
        self,
        sources: Mapping[SourceId, Source | Directory],
        health: UpstreamHealth,
        *,
        password: bool,
    ) -> None:
        self._sources = sources
        self._health = health
        self.password = password
        """Whether a user name and a password of ours are a way in, too."""

    def to(self, system: SystemId | None, required: Assurance) -> Sequence[Way]:
        """Every source that may lead into this system at this level, in the order of the tables."""
        return [
            Way(
                source_id=source.source_id,
                name=source.name,
                level=source.highest,
                down=self._health.is_down(source.source_id),
            )
            for source in self._sources.values()
            if source.serves(system, required)
        ]

    def is_down(self, source_id: SourceId) -> bool:
        """Whether nobody is sent there now."""
        return self._health.is_down(source_id)

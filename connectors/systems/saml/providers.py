"""The service providers as they stand now: what every door asks, without a question to a store."""

from collections.abc import Iterator, Mapping

from connectors.contract import SystemId
from connectors.registry import SamlSettings, System


class ServiceProviders:
    """The settings of each system that speaks SAML: those of the start, or newer ones.

    Shape: one for a process; whoever keeps settings of its own beside it would miss a new key.
    """

    def __init__(self, systems: Mapping[SystemId, System]) -> None:
        self._first = {
            name: system.saml for name, system in systems.items() if system.saml is not None
        }
        self._now = dict(self._first)

    def of(self, system: SystemId) -> SamlSettings | None:
        """What counts now."""
        return self._now.get(system)

    def first(self, system: SystemId) -> SamlSettings | None:
        """What the configuration says, whatever was fetched since."""
        return self._first.get(system)

    def renewable(self) -> Iterator[SystemId]:
        """Those whose newer metadata may be fetched."""
        return (name for name, saml in self._first.items() if saml.source is not None)

    def renew(self, system: SystemId, settings: SamlSettings) -> None:
        """From the next message on, these count. The name of a provider never changes."""
        if self._first[system].entity_id != settings.entity_id:
            raise ValueError("another service provider")
        self._now[system] = settings

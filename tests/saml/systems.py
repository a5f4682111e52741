"""A school as a registered system, without a file."""

from dataclasses import replace

from connectors.contract import Assurance, Dialect, LocalText, SectorId, SystemId, WhenUnlinked
from connectors.registry import MetadataSource, SamlSettings, System


def school_of(settings: SamlSettings, source: MetadataSource) -> System:
    return System(
        system_id=SystemId("school"),
        name=LocalText(vi="Trường", en="School"),
        owners=(),
        level="province",
        dialect=Dialect.SAML,
        sector=SectorId("school"),
        required_assurance=Assurance.LEVEL_1,
        when_unlinked=WhenUnlinked.CREATE,
        saml=replace(settings, source=source),
    )

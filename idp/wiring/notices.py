"""Who is told that a session has ended, and by which writer."""

from collections.abc import Mapping

from connectors.systems.saml.providers import ServiceProviders
from idp.adapters import Stores
from idp.config import Settings
from idp.flows.notices import CasNotices, NoticeWriter, OidcNotices, TicketNotices, by_participant
from idp.flows.saml_notices import SamlNotices
from idp.ports import Entropy
from idp.store.session_ends import SqlSessionEnds
from idp.web.dialects.saml.place import SamlPlace
from idp.wiring.provisioning import systems_of_participants
from keys.keyring import KeyRing


def session_ends(settings: Settings, stores: Stores) -> SqlSessionEnds:
    """Ends sessions, and writes what is to be told of it."""
    return SqlSessionEnds(
        stores.database, outbox=stores.outbox, system_of=systems_of_participants(settings)
    )


def saml_place(
    settings: Settings, keyring: KeyRing, providers: ServiceProviders | None = None
) -> SamlPlace:
    """Ourselves as SAML systems see us; without fetched metadata, what the configuration says."""
    return SamlPlace(
        issuer=settings.issuer,
        systems=settings.systems,
        providers=providers or ServiceProviders(settings.systems),
        keyring=keyring,
    )


def notice_writers(
    settings: Settings, keyring: KeyRing, saml: SamlPlace, entropy: Entropy
) -> Mapping[str, NoticeWriter]:
    """A further dialect is one more writer here."""
    return by_participant(
        (
            OidcNotices(issuer=settings.issuer, clients=settings.clients, keyring=keyring),
            TicketNotices(issuer=settings.issuer, systems=settings.systems),
            CasNotices(systems=settings.systems),
            SamlNotices(
                voice=saml.voice,
                systems=settings.systems,
                providers=saml.providers,
                entropy=entropy,
            ),
        )
    )

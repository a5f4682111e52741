"""The doors: how each dialect reads its requests, and answers them."""

from connectors.contract import Dialect, SystemId
from connectors.systems.hand_off import DeepLink
from idp.web.dialects.forward_auth.door import ForwardAuthDoor
from idp.web.dialects.hand_off import HandOffDoor
from idp.web.dialects.oidc import OidcDoor
from idp.web.dialects.saml.door import SamlDoor
from idp.web.dialects.saml.kept import KeptRequests
from idp.web.dialects.saml.posted import Posting
from idp.web.dialects.ticket import TicketDoor
from idp.web.doors import Door
from idp.wiring.parts import Parts


def doors_of(parts: Parts) -> dict[Dialect, Door]:
    """A door for each dialect: a further dialect is one entry more."""
    return {
        Dialect.OIDC: _oidc_door(parts, Dialect.OIDC),
        Dialect.VNCONNECT: _oidc_door(parts, Dialect.VNCONNECT),
        Dialect.HAND_OFF: HandOffDoor(
            links={
                code: DeepLink(system=SystemId(link.system), start=link.start)
                for code, link in parts.settings.tables.deep_links.items()
            },
            systems=parts.settings.systems,
            audit=parts.audit,
        ),
        Dialect.CAS: parts.cas.door,
        Dialect.FORWARD_AUTH: ForwardAuthDoor(
            hosts=parts.hosts,
            handles=parts.handles,
            sign_in=parts.sign_in,
            ends=parts.ends,
            errors=parts.errors,
            audit=parts.audit,
        ),
        Dialect.SAML: SamlDoor(
            place=parts.saml,
            kept=KeptRequests(parts.settings.systems, parts.saml.providers, parts.stores.sealer),
            sign_in=parts.sign_in,
            ends=parts.ends,
            posting=Posting(parts.pages),
            audit=parts.audit,
            entropy=parts.entropy,
        ),
        Dialect.SIGNED_TICKET: TicketDoor(
            issuer=parts.settings.issuer,
            systems=parts.settings.systems,
            sign_in=parts.sign_in,
            ends=parts.ends,
            pages=parts.pages,
            audit=parts.audit,
            entropy=parts.entropy,
        ),
    }


def _oidc_door(parts: Parts, dialect: Dialect) -> OidcDoor:
    return OidcDoor(
        dialect=dialect,
        issuer=parts.settings.issuer,
        clients=parts.settings.clients,
        systems=parts.settings.systems,
        hints=parts.hints,
        mint=parts.mint,
        sign_in=parts.sign_in,
        pages=parts.pages,
        audit=parts.audit,
        entropy=parts.entropy,
    )

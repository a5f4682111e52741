"""The AuthnRequest that a browser takes to a source."""

from xml.sax.saxutils import escape, quoteattr

from connectors.contract import Assurance
from connectors.saml.door import written
from connectors.saml.names import POST_BINDING, SAML, SAMLP, NameIdFormat
from connectors.sources.model import SamlUpstream, Source
from connectors.sources.saml.place import SpPlace

_FORCE = ' ForceAuthn="true"'
_CREATE = ' AllowCreate="true"'


def authn_request(
    source: Source,
    saml: SamlUpstream,
    place: SpPlace,
    *,
    request_id: str,
    level: Assurance,
    fresh: bool,
    now: int,
) -> str:
    """The request; the redirect binding signs it. Every class that reaches the level is named,
    the lowest first, and no other.

    Why the classes stand one by one, with `exact`: what `minimum` means is the source's own order
    of its classes, and ours is the table.

    Spec: SAML Core 2.0 §3.4.1, §3.3.2.2.1; SAML Profiles 2.0 §4.1.4.1
    """
    enough = sorted((has, name) for name, has in source.assurance.items() if has >= level)
    classes = "".join(
        f"<saml:AuthnContextClassRef>{escape(name)}</saml:AuthnContextClassRef>"
        for _, name in enough
    )
    asked = classes and (
        f'<samlp:RequestedAuthnContext Comparison="exact">{classes}</samlp:RequestedAuthnContext>'
    )
    wanted = NameIdFormat.TRANSIENT if saml.subject_attribute else NameIdFormat.PERSISTENT
    return (
        f'<samlp:AuthnRequest xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="{request_id}"'
        f' Version="2.0" IssueInstant="{written(now)}" Destination={quoteattr(saml.sso_url)}'
        f"{_FORCE if fresh else ''}"
        f" AssertionConsumerServiceURL={quoteattr(place.acs)}"
        f' ProtocolBinding="{POST_BINDING}"><saml:Issuer>{escape(place.entity_id)}</saml:Issuer>'
        f'<samlp:NameIDPolicy Format="{wanted}"'
        f"{'' if saml.subject_attribute else _CREATE}/>{asked}</samlp:AuthnRequest>"
    )

"""A LogoutRequest of ours: a system is told."""

from xml.sax.saxutils import escape, quoteattr

from connectors.registry import SamlSettings
from connectors.saml.door import written
from connectors.saml.names import SAML, SAMLP, SOAP
from connectors.saml.signature import signed
from connectors.saml.voice import Voice
from connectors.systems.saml.response import name_id_xml

NOTICE_SECONDS = 120


def logout_notice(
    voice: Voice,
    settings: SamlSettings,
    *,
    to: str,
    name_id: str,
    sid: str,
    request_id: str,
    randomness: bytes,
    now: int,
) -> str:
    """A signed LogoutRequest in its SOAP envelope, for a system that is told behind the browser.

    Spec: SAML Bindings 2.0 §3.2; SAML Profiles 2.0 §4.4.3.1
    """
    request = (
        f'<samlp:LogoutRequest xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="{request_id}"'
        f' Version="2.0" IssueInstant="{written(now)}" Destination={quoteattr(to)}'
        f' NotOnOrAfter="{written(now + NOTICE_SECONDS)}"><saml:Issuer>{escape(voice.entity_id)}'
        f"</saml:Issuer>{name_id_xml(name_id, settings, voice.entity_id, randomness)}"
        f"<samlp:SessionIndex>{escape(sid)}</samlp:SessionIndex></samlp:LogoutRequest>"
    )
    whole = signed(request, request_id, voice.signer, voice.certificate)
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{whole}</s:Body></s:Envelope>'

"""What a service provider of SAML 2.0 has to check of the messages that reach it."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field

from lxml import etree

from connectors.errors import SamlRefused
from connectors.saml.door import instant, only, read_xml, text_of
from connectors.saml.names import DS, SAML, SAMLP, SOAP
from connectors.saml.signature import verified

SKEW_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an assertion has to be about."""

    idp: str
    entity_id: str
    acs: str
    request_id: str
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Who arrived, and in which session of the provider."""

    assertion_id: str
    account: str = field(repr=False)
    name: str = field(repr=False)
    session: str


def certificates_in(metadata: bytes) -> list[bytes]:
    """The certificates of the provider, in DER.

    Raises: SamlRefused.
    """
    found = read_xml(metadata).iter(f"{{{DS}}}X509Certificate")
    return [_octets(text_of(node)) for node in found]


def read_response(encoded: str, certificates: Sequence[bytes], expected: Expected) -> Arrival:
    """The person of a signed assertion that was made for us, for this request, and now.

    Spec: SAML Profiles 2.0 §4.1.4.3; SAML Core 2.0 §2.5.1
    Raises: SamlRefused.
    """
    assertion = verified(_octets(encoded), certificates, f"{{{SAML}}}Assertion")
    if text_of(_one(assertion, "Issuer")) != expected.idp:
        raise SamlRefused("another provider")
    conditions = _one(assertion, "Conditions")
    _in_time(conditions, expected.now)
    audience = _one(_one(conditions, "AudienceRestriction"), "Audience")
    if text_of(audience) != expected.entity_id:
        raise SamlRefused("for another system")
    confirmation = _one(_one(assertion, "Subject"), "SubjectConfirmation")
    data = _one(confirmation, "SubjectConfirmationData")
    _in_time(data, expected.now)
    if (data.get("Recipient"), data.get("InResponseTo")) != (expected.acs, expected.request_id):
        raise SamlRefused("for another address or request")
    told = {
        node.get("Name", ""): text_of(_one(node, "AttributeValue"))
        for node in _one(assertion, "AttributeStatement").findall(f"{{{SAML}}}Attribute")
    }
    if not told.get("local_account"):
        raise SamlRefused("no account")
    return Arrival(
        assertion_id=assertion.get("ID", ""),
        account=told["local_account"],
        name=told.get("name", ""),
        session=_one(assertion, "AuthnStatement").get("SessionIndex", ""),
    )


def read_logout(envelope: bytes, certificates: Sequence[bytes], address: str, now: int) -> str:
    """The session that a signed LogoutRequest in its SOAP envelope ends.

    Spec: SAML Bindings 2.0 §3.2; SAML Core 2.0 §3.7.1
    Raises: SamlRefused.
    """
    body = only(read_xml(envelope), SOAP, "Body")
    if body is None or len(body) != 1:
        raise SamlRefused("not one message in an envelope")
    request = verified(etree.tostring(body[0]), certificates, f"{{{SAMLP}}}LogoutRequest")
    if request.get("Destination") != address:
        raise SamlRefused("for another address")
    _in_time(request, now)
    session = only(request, SAMLP, "SessionIndex")
    if session is None:
        raise SamlRefused("no session")
    return text_of(session)


def _in_time(node: etree._Element, now: int) -> None:
    begins, ends = node.get("NotBefore"), node.get("NotOnOrAfter")
    if ends is None or now >= instant(ends) + SKEW_SECONDS:
        raise SamlRefused("too late")
    if begins is not None and now < instant(begins) - SKEW_SECONDS:
        raise SamlRefused("too early")


def _one(parent: etree._Element, name: str) -> etree._Element:
    found = only(parent, SAML, name)
    if found is None:
        raise SamlRefused(f"{name} is missing")
    return found


def _octets(encoded: str) -> bytes:
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise SamlRefused("not base64") from None

"""Responses: a signed assertion for one system, or a signed refusal."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from connectors.contract import AccountId, PairwiseSub, SessionId
from connectors.registry import SamlSettings
from connectors.saml.door import written
from connectors.saml.encryption import encrypted_assertion, encrypted_name
from connectors.saml.names import BEARER, SAML, SAMLP, NameIdFormat, StatusCode
from connectors.saml.signature import signed
from connectors.saml.voice import Voice

ASSERTION_SECONDS = 120
SKEW_SECONDS = 30
_BASIC = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
_URI = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What an assertion says."""

    name_id: str = field(repr=False)
    attributes: Mapping[str, object] = field(repr=False)
    class_ref: str
    session: SessionId
    authenticated_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyTo:
    """Which request is answered, where, when, and under which fresh ids."""

    request_id: str
    acs: str
    now: int
    response_id: str
    assertion_id: str
    randomness: bytes = field(repr=False)
    """For the key of an encrypted assertion, used once."""
    name_randomness: bytes = field(repr=False)
    """For the key of an encrypted name, used once."""


def name_of(
    settings: SamlSettings, session: SessionId, sub: PairwiseSub, account: AccountId | None
) -> PairwiseSub:
    """What the system calls the person, in the format it registered.

    A transient name is derived from the session and the system, so that it is the same for as long
    as the session lives, and nothing has to be stored.

    Spec: SAML Core 2.0 §8.3.7, §8.3.8
    """
    match settings.name_id:
        case NameIdFormat.PERSISTENT:
            return sub
        case NameIdFormat.TRANSIENT:
            told = f"transient {session} {settings.entity_id}".encode()
            return PairwiseSub("_" + hashlib.sha256(told).hexdigest()[:40])
        case NameIdFormat.UNSPECIFIED:
            return PairwiseSub(account) if account is not None else sub


def name_id_xml(value: str, settings: SamlSettings, entity_id: str, randomness: bytes) -> str:
    """The NameID element, encrypted where the system asks for it. A pairwise name says for whom it
    is one.

    Shape: `randomness` as in `keys.xml_encryption`, used once.
    Spec: SAML Core 2.0 §2.2.2, §2.2.4, §8.3.7
    """
    qualifiers = ""
    if settings.name_id is NameIdFormat.PERSISTENT:
        qualifiers = (
            f" NameQualifier={quoteattr(entity_id)} SPNameQualifier={quoteattr(settings.entity_id)}"
        )
    told = f'{qualifiers} Format="{settings.name_id}">{escape(value)}</saml:NameID>'
    if settings.name_certificate is None:
        return f"<saml:NameID{told}"
    whole = f'<saml:NameID xmlns:saml="{SAML}"{told}'
    return encrypted_name(whole, settings.name_certificate, randomness)


def positive(voice: Voice, settings: SamlSettings, reply: ReplyTo, said: Statement) -> str:
    """The response that tells this system, and no other, who signed in.

    Spec: SAML Profiles 2.0 §4.1.4.2; SAML Core 2.0 §2.3.3
    """
    until, begins = written(reply.now + ASSERTION_SECONDS), written(reply.now - SKEW_SECONDS)
    acs, request = quoteattr(reply.acs), quoteattr(reply.request_id)
    name = name_id_xml(said.name_id, settings, voice.entity_id, reply.name_randomness)
    assertion = (
        f'<saml:Assertion xmlns:saml="{SAML}" ID="{reply.assertion_id}" Version="2.0"'
        f' IssueInstant="{written(reply.now)}">'
        f"<saml:Issuer>{escape(voice.entity_id)}</saml:Issuer>"
        f"<saml:Subject>{name}"
        f'<saml:SubjectConfirmation Method="{BEARER}"><saml:SubjectConfirmationData'
        f' InResponseTo={request} NotOnOrAfter="{until}" Recipient={acs}/>'
        "</saml:SubjectConfirmation></saml:Subject>"
        f'<saml:Conditions NotBefore="{begins}" NotOnOrAfter="{until}"><saml:AudienceRestriction>'
        f"<saml:Audience>{escape(settings.entity_id)}</saml:Audience>"
        "</saml:AudienceRestriction></saml:Conditions>"
        f'<saml:AuthnStatement AuthnInstant="{written(said.authenticated_at)}"'
        f" SessionIndex={quoteattr(said.session)}><saml:AuthnContext>"
        f"<saml:AuthnContextClassRef>{escape(said.class_ref)}</saml:AuthnContextClassRef>"
        f"</saml:AuthnContext></saml:AuthnStatement>{_attributes(said.attributes, settings)}"
        "</saml:Assertion>"
    )
    whole = signed(assertion, reply.assertion_id, voice.signer, voice.certificate)
    if settings.encryption_certificate is not None:
        reader = settings.encryption_certificate
        whole = encrypted_assertion(whole, reader, reply.randomness)
    status = f'<samlp:Status><samlp:StatusCode Value="{StatusCode.SUCCESS}"/></samlp:Status>'
    return _response(voice, reply, status + whole)


def negative(voice: Voice, reply: ReplyTo, top: StatusCode, code: StatusCode) -> str:
    """The signed response that tells why there is no assertion.

    Spec: SAML Core 2.0 §3.2.2.2
    """
    status = (
        f'<samlp:Status><samlp:StatusCode Value="{top}"><samlp:StatusCode Value="{code}"/>'
        "</samlp:StatusCode></samlp:Status>"
    )
    xml = _response(voice, reply, status)
    return signed(xml, reply.response_id, voice.signer, voice.certificate)


def _response(voice: Voice, reply: ReplyTo, content: str) -> str:
    return (
        f'<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="{reply.response_id}"'
        f' Version="2.0" IssueInstant="{written(reply.now)}" Destination={quoteattr(reply.acs)}'
        f" InResponseTo={quoteattr(reply.request_id)}>"
        f"<saml:Issuer>{escape(voice.entity_id)}</saml:Issuer>{content}</samlp:Response>"
    )


def _attributes(claims: Mapping[str, object], settings: SamlSettings) -> str:
    """One attribute for each claim, under the name that the system knows it by.

    Spec: SAML Core 2.0 §2.7.3
    """
    if not claims:
        return ""
    rows = []
    for claim, value in claims.items():
        name = settings.attribute_names.get(claim, claim)
        style = _URI if ":" in name else _BASIC
        values = value if isinstance(value, list | tuple) else (value,)
        told = "".join(
            f"<saml:AttributeValue>{escape(_text(one))}</saml:AttributeValue>" for one in values
        )
        rows.append(
            f'<saml:Attribute Name={quoteattr(name)} NameFormat="{style}">{told}</saml:Attribute>'
        )
    return f"<saml:AttributeStatement>{''.join(rows)}</saml:AttributeStatement>"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):  # the one claim with parts is an address
        return str(value.get("formatted", ""))
    return str(value)

"""Responses of a source: what is looked up in one before it is believed, and what is believed."""

from dataclasses import dataclass, field

from lxml import etree

from connectors.errors import SamlRefused
from connectors.saml.door import instant, only, read_xml, text_of
from connectors.saml.encryption import opened_assertion
from connectors.saml.message import to_us
from connectors.saml.names import SAML, SAMLP, StatusCode
from connectors.saml.signature import signature_of, verified
from connectors.sources.model import SamlUpstream

RESPONSE = f"{{{SAMLP}}}Response"
ASSERTION = f"{{{SAML}}}Assertion"
ENCRYPTED = f"{{{SAML}}}EncryptedAssertion"
SKEW_SECONDS = 60
_DECLINED = {code.rpartition(":")[2] for code in StatusCode} | {"AuthnFailed", "VersionMismatch"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A response that nobody vouches for yet: it names a request, and how that went."""

    raw: bytes = field(repr=False)
    answers: str
    """The id of the request, which is a sealed value of ours; checked again in what was signed."""
    declined: str | None
    """Why the source did not sign the person in, as a word of SAML's; None where it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a response has to fit."""

    issuer: str
    audience: str
    acs: str
    request_id: str
    now: int


def read_unread(raw: bytes) -> Unread:
    """Which request the response says it answers, and whether the person was signed in.

    Spec: SAML Core 2.0 §3.2.2
    Raises: SamlRefused.
    """
    root = read_xml(raw)
    if root.tag != RESPONSE:
        raise SamlRefused("not a Response")
    return Unread(raw=raw, answers=root.get("InResponseTo", ""), declined=_declined(root))


def _declined(root: etree._Element) -> str | None:
    status = only(root, SAMLP, "Status")
    code = None if status is None else only(status, SAMLP, "StatusCode")
    if code is None:
        raise SamlRefused("the status is missing")
    if code.get("Value") == StatusCode.SUCCESS:
        return None
    second = only(code, SAMLP, "StatusCode")
    name = (code if second is None else second).get("Value", "").rpartition(":")[2]
    return name if name in _DECLINED else "another status"


def vouched_assertion(raw: bytes, saml: SamlUpstream, expected: Expected) -> etree._Element:
    """The one assertion of the response, parsed from octets that the source signed: its own, or
    those of the whole response. Every signature that is there has to be right.

    Spec: SAML Core 2.0 §3.2.2, §5.4; SAML Profiles 2.0 §4.1.4.3
    Raises: SamlRefused.
    """
    root = read_xml(raw)
    whole = signature_of(root)
    if whole:
        root = verified(raw, saml.certificates, RESPONSE, beside=ASSERTION)
        raw = etree.tostring(root, method="c14n", exclusive=True)
    _check_response(root, expected, signed=whole)
    inside = [node for node in root.iter() if node.tag in (ASSERTION, ENCRYPTED)]
    if len(inside) != 1 or inside[0].getparent() is not root:
        raise SamlRefused("not exactly one assertion")
    assertion = inside[0]
    if assertion.tag == ENCRYPTED:
        if saml.opener is None:
            raise SamlRefused("encrypted for a key that we do not have")
        raw = opened_assertion(assertion, saml.opener)
        assertion = read_xml(raw)
    if signature_of(assertion):
        assertion = verified(raw, saml.certificates, ASSERTION)
    elif not whole:
        raise SamlRefused("nothing is signed")
    if assertion.tag != ASSERTION or len(list(assertion.iter(ASSERTION, ENCRYPTED))) != 1:
        raise SamlRefused("an assertion inside another one")
    return assertion


def _check_response(root: etree._Element, expected: Expected, *, signed: bool) -> None:
    if root.tag != RESPONSE or root.get("Version") != "2.0":
        raise SamlRefused("not a Response of version 2.0")
    to_us(root, expected.acs, required=signed)
    if root.get("InResponseTo") != expected.request_id:
        raise SamlRefused("InResponseTo is another request")
    if instant(root.get("IssueInstant", "")) > expected.now + SKEW_SECONDS:
        raise SamlRefused("IssueInstant is to come")
    issuer = only(root, SAML, "Issuer")
    if issuer is not None and text_of(issuer) != expected.issuer:
        raise SamlRefused("Issuer is another one")
    if _declined(root) is not None:
        raise SamlRefused("the status is another one")

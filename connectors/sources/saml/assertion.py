"""An assertion that the source vouched for: that it is for us, now, and what it says."""

from dataclasses import dataclass, field

from lxml import etree

from connectors.errors import SamlRefused
from connectors.saml.door import instant, only, text_of
from connectors.saml.message import id_of
from connectors.saml.names import BEARER, SAML
from connectors.sources.saml.response import SKEW_SECONDS, Expected

_CONDITIONS = {
    f"{{{SAML}}}{name}" for name in ("AudienceRestriction", "OneTimeUse", "ProxyRestriction")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What an assertion says, once it is known to be for us."""

    assertion_id: str
    name_id: str = field(repr=False)
    name_format: str | None
    session: str | None = field(repr=False)
    authenticated_at: int
    class_ref: str
    attributes: dict[str, str] = field(repr=False)
    """Those that have exactly one value, which is text."""
    ambiguous: frozenset[str]
    """The names of all others."""


def read_assertion(root: etree._Element, expected: Expected) -> Statement:
    """What the assertion says, where it is for us, for this request, and now.

    Spec: SAML Core 2.0 §2.3.3; SAML Profiles 2.0 §4.1.4.2, §4.1.4.3
    Raises: SamlRefused.
    """
    if root.get("Version") != "2.0":
        raise SamlRefused("the assertion is not of version 2.0")
    if _text(root, "Issuer") != expected.issuer:
        raise SamlRefused("Issuer is another one")
    if instant(root.get("IssueInstant", "")) > expected.now + SKEW_SECONDS:
        raise SamlRefused("IssueInstant is to come")
    _check_conditions(_one(root, "Conditions"), expected)
    subject = _one(root, "Subject")
    if not any(_confirms(node, expected) for node in _all(subject, "SubjectConfirmation")):
        raise SamlRefused("no confirmation of the subject fits")
    name, authn = _one(subject, "NameID"), _one(root, "AuthnStatement")
    _in_time(authn.get("SessionNotOnOrAfter"), expected.now)
    single, ambiguous = _attributes(root)
    return Statement(
        assertion_id=id_of(root),
        name_id=text_of(name),
        name_format=name.get("Format"),
        session=authn.get("SessionIndex"),
        authenticated_at=instant(authn.get("AuthnInstant", "")),
        class_ref=_text(_one(authn, "AuthnContext"), "AuthnContextClassRef"),
        attributes=single,
        ambiguous=ambiguous,
    )


def _check_conditions(conditions: etree._Element, expected: Expected) -> None:
    """In time, for us, and nothing that we do not understand.

    Spec: SAML Core 2.0 §2.5.1
    """
    not_before = conditions.get("NotBefore")
    if not_before is not None and expected.now + SKEW_SECONDS < instant(not_before):
        raise SamlRefused("NotBefore is to come")
    _in_time(conditions.get("NotOnOrAfter", ""), expected.now)
    if any(node.tag not in _CONDITIONS for node in conditions):
        raise SamlRefused("a condition that is not known here")
    restrictions = _all(conditions, "AudienceRestriction")
    for restriction in restrictions:
        if expected.audience not in [text_of(node) for node in _all(restriction, "Audience")]:
            raise SamlRefused("Audience is another one")
    if not restrictions:
        raise SamlRefused("AudienceRestriction is missing")


def _confirms(confirmation: etree._Element, expected: Expected) -> bool:
    """The bearer of this very answer is meant.

    Spec: SAML Profiles 2.0 §4.1.4.2, §3.3
    """
    data = only(confirmation, SAML, "SubjectConfirmationData")
    if confirmation.get("Method") != BEARER or data is None or "NotBefore" in data.attrib:
        return False
    _in_time(data.get("NotOnOrAfter", ""), expected.now)
    return (data.get("Recipient"), data.get("InResponseTo")) == (expected.acs, expected.request_id)


def _in_time(until: str | None, now: int) -> None:
    if until is not None and now - SKEW_SECONDS >= instant(until):
        raise SamlRefused("NotOnOrAfter has passed")


def _attributes(root: etree._Element) -> tuple[dict[str, str], frozenset[str]]:
    single: dict[str, str] = {}
    ambiguous: set[str] = set()
    for statement in _all(root, "AttributeStatement"):
        for attribute in _all(statement, "Attribute"):
            name, values = attribute.get("Name", ""), list(attribute)
            if name in single or len(values) != 1 or len(values[0]):
                ambiguous.add(name)
            else:
                single[name] = text_of(values[0])
    return {name: single[name] for name in single.keys() - ambiguous}, frozenset(ambiguous)


def _all(parent: etree._Element, name: str) -> list[etree._Element]:
    return parent.findall(f"{{{SAML}}}{name}")


def _one(parent: etree._Element, name: str) -> etree._Element:
    found = only(parent, SAML, name)
    if found is None:
        raise SamlRefused(f"{name} is missing")
    return found


def _text(parent: etree._Element, name: str) -> str:
    return text_of(_one(parent, name))

"""Metadata: ours for the systems, and theirs for us."""

import base64
import re
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import quoteattr

from lxml import etree

from connectors.errors import SamlRefused
from connectors.registry import AcsEndpoint, SamlSettings
from connectors.saml.door import MAX_METADATA, instant, only, read_xml, text_of
from connectors.saml.names import (
    DS,
    MD,
    POST_BINDING,
    REDIRECT_BINDING,
    SAMLP,
    SOAP_BINDING,
    NameIdFormat,
)
from connectors.saml.signature import verified
from keys.certificates import read_certificate
from keys.errors import KeyRefused

ENTITY = f"{{{MD}}}EntityDescriptor"
_MDRPI = "urn:oasis:names:tc:SAML:metadata:rpi"
_DURATION = re.compile(
    r"P(?!$)(?:(\d{1,4})D)?(?:T(?!$)(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})(?:\.\d+)?S)?)?"
)
_UNITS = (86400, 3600, 60, 1)


def idp_metadata(entity_id: str, sso: str, slo: str, certificates: Sequence[bytes]) -> bytes:
    """What a system has to know of us: every certificate that signs, will sign, or did.

    Spec: SAML Metadata 2.0 §2.4.3
    """
    keys = "".join(
        '<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>'
        f"{base64.b64encode(der).decode()}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        "</md:KeyDescriptor>"
        for der in certificates
    )
    bindings = (REDIRECT_BINDING, POST_BINDING)
    services = _services("SingleLogoutService", slo, bindings)
    services += "".join(f"<md:NameIDFormat>{name}</md:NameIDFormat>" for name in NameIdFormat)
    services += _services("SingleSignOnService", sso, bindings)
    return (
        f'<md:EntityDescriptor xmlns:md="{MD}" xmlns:ds="{DS}" entityID={quoteattr(entity_id)}>'
        f'<md:IDPSSODescriptor protocolSupportEnumeration="{SAMLP}">{keys}{services}'
        "</md:IDPSSODescriptor></md:EntityDescriptor>"
    ).encode()


def _services(name: str, address: str, bindings: Sequence[str]) -> str:
    return "".join(
        f'<md:{name} Binding="{binding}" Location={quoteattr(address)}/>' for binding in bindings
    )


def read_sp_metadata(raw: bytes, trusted: Sequence[bytes] = ()) -> SamlSettings:
    """The service provider that this document describes; signed by a trusted key, where any is
    given. `valid_until` says how long it counts: whoever uses it looks at the clock.

    Spec: SAML Metadata 2.0 §2.3.2, §2.4.4
    Raises: SamlRefused.
    """
    root = verified(raw, trusted, ENTITY, MAX_METADATA) if trusted else read_xml(raw, MAX_METADATA)
    role = only(root, MD, "SPSSODescriptor")
    if root.tag != ENTITY or role is None or not root.get("entityID"):
        raise SamlRefused("not the metadata of one service provider")
    if SAMLP not in role.get("protocolSupportEnumeration", "").split():
        raise SamlRefused("the service provider does not speak SAML 2.0")
    acs = tuple(_acs(role))
    if not acs:
        raise SamlRefused("no AssertionConsumerService with the POST binding")
    return SamlSettings(
        entity_id=root.get("entityID", ""),
        acs=acs,
        certificates=tuple(_certificates(role, "signing")),
        encryption_certificate=next(_certificates(role, "encryption"), None),
        slo_url=_logout(role, REDIRECT_BINDING),
        slo_soap_url=_logout(role, SOAP_BINDING),
        valid_until=min(_ends((root, role)), default=None),
        published_at=_published(root),
        cache_seconds=min(_cached((root, role)), default=None),
    )


def _ends(nodes: Sequence[etree._Element]) -> Iterator[int]:
    """What says of itself how long it is valid."""
    for node in nodes:
        if (until := node.get("validUntil")) is not None:
            yield instant(until)


def _published(root: etree._Element) -> int | None:
    """Spec: SAML Metadata Registration and Publication 1.0 §2.2."""
    info = root.find(f"{{{MD}}}Extensions/{{{_MDRPI}}}PublicationInfo")
    at = None if info is None else info.get("creationInstant")
    return None if at is None else instant(at)


def _cached(nodes: Sequence[etree._Element]) -> Iterator[int]:
    """Durations in days and less; years and months are as good as none: we ask daily."""
    for node in nodes:
        found = _DURATION.fullmatch(node.get("cacheDuration", ""))
        if found is not None:
            yield sum(
                int(number or 0) * unit for number, unit in zip(found.groups(), _UNITS, strict=True)
            )


def _acs(role: etree._Element) -> Iterator[AcsEndpoint]:
    """Those that take a POST, the default one first."""
    found = [
        node
        for node in role.findall(f"{{{MD}}}AssertionConsumerService")
        if node.get("Binding") == POST_BINDING
    ]
    found.sort(key=lambda node: node.get("isDefault") not in ("true", "1"))
    for node in found:
        index = node.get("index", "0")
        if not index.isascii() or not index.isdigit() or len(index) > 5:
            raise SamlRefused("an index is not a number")
        yield AcsEndpoint(url=node.get("Location", ""), index=int(index))


def _certificates(role: etree._Element, use: str) -> Iterator[bytes]:
    """Those for this use; a key that names none is for both.

    Spec: SAML Metadata 2.0 §2.4.1.1
    """
    for node in role.findall(f"{{{MD}}}KeyDescriptor"):
        if node.get("use", use) not in ("signing", "encryption"):
            raise SamlRefused("a key is for a use that nobody knows")
        if node.get("use", use) != use:
            continue
        for held in node.iter(f"{{{DS}}}X509Certificate"):
            try:
                yield read_certificate(text_of(held))
            except KeyRefused as refused:
                raise SamlRefused(str(refused)) from None


def _logout(role: etree._Element, binding: str) -> str | None:
    """Where responses go (by redirect), or requests (by SOAP)."""
    for node in role.findall(f"{{{MD}}}SingleLogoutService"):
        if node.get("Binding") == binding:
            other = node.get("ResponseLocation") if binding == REDIRECT_BINDING else None
            return other or node.get("Location")
    return None

"""Metadata: ours for the systems, and theirs for us."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import quoteattr

from lxml import etree

from connectors.errors import SamlRefused
from connectors.registry import AcsEndpoint, SamlSettings
from connectors.saml.described import (
    certificates_for,
    entity_of,
    key_descriptor,
    services,
    valid_until_of,
)
from connectors.saml.names import (
    DS,
    MD,
    POST_BINDING,
    REDIRECT_BINDING,
    SAMLP,
    SOAP_BINDING,
    NameIdFormat,
)


def idp_metadata(entity_id: str, sso: str, slo: str, certificates: Sequence[bytes]) -> bytes:
    """What a system has to know of us: every certificate that signs, will sign, or did.

    Spec: SAML Metadata 2.0 §2.4.3
    """
    keys = "".join(key_descriptor("signing", der) for der in certificates)
    bindings = (REDIRECT_BINDING, POST_BINDING)
    offered = services("SingleLogoutService", slo, bindings)
    offered += "".join(f"<md:NameIDFormat>{name}</md:NameIDFormat>" for name in NameIdFormat)
    offered += services("SingleSignOnService", sso, bindings)
    return (
        f'<md:EntityDescriptor xmlns:md="{MD}" xmlns:ds="{DS}" entityID={quoteattr(entity_id)}>'
        f'<md:IDPSSODescriptor protocolSupportEnumeration="{SAMLP}">{keys}{offered}'
        "</md:IDPSSODescriptor></md:EntityDescriptor>"
    ).encode()


def read_sp_metadata(raw: bytes, trusted: Sequence[bytes] = ()) -> SamlSettings:
    """The service provider that this document describes; signed by a trusted key, where any is
    given. `valid_until` says how long it counts: whoever uses it looks at the clock.

    Spec: SAML Metadata 2.0 §2.3.2, §2.4.4
    Raises: SamlRefused.
    """
    root, role = entity_of(raw, "SPSSODescriptor", trusted)
    acs = tuple(_acs(role))
    if not acs:
        raise SamlRefused("no AssertionConsumerService with the POST binding")
    return SamlSettings(
        entity_id=root.get("entityID", ""),
        acs=acs,
        certificates=tuple(certificates_for(role, "signing")),
        encryption_certificate=next(certificates_for(role, "encryption"), None),
        slo_url=_logout(role, REDIRECT_BINDING),
        slo_soap_url=_logout(role, SOAP_BINDING),
        valid_until=valid_until_of(root, role),
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


def _logout(role: etree._Element, binding: str) -> str | None:
    """Where responses go (by redirect), or requests (by SOAP)."""
    for node in role.findall(f"{{{MD}}}SingleLogoutService"):
        if node.get("Binding") == binding:
            other = node.get("ResponseLocation") if binding == REDIRECT_BINDING else None
            return other or node.get("Location")
    return None

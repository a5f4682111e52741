"""The parts of metadata that both roles have: keys and addresses, written and read."""

import base64
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import quoteattr

from lxml import etree

from connectors.errors import SamlRefused
from connectors.saml.door import MAX_METADATA, instant, only, read_xml, text_of
from connectors.saml.names import DS, MD, SAMLP
from connectors.saml.signature import verified
from keys.certificates import read_certificate
from keys.errors import KeyRefused

ENTITY = f"{{{MD}}}EntityDescriptor"


def entity_of(
    raw: bytes, role: str, trusted: Sequence[bytes]
) -> tuple[etree._Element, etree._Element]:
    """The one entity that the document describes, and its descriptor in this role; signed by a
    trusted key, where any is given. Whoever uses it looks at `valid_until_of` and the clock.

    Spec: SAML Metadata 2.0 §2.3.2
    Raises: SamlRefused.
    """
    root = verified(raw, trusted, ENTITY, MAX_METADATA) if trusted else read_xml(raw, MAX_METADATA)
    found = only(root, MD, role)
    if root.tag != ENTITY or found is None or not root.get("entityID"):
        raise SamlRefused(f"not the metadata of one entity with an {role}")
    if SAMLP not in found.get("protocolSupportEnumeration", "").split():
        raise SamlRefused("the entity does not speak SAML 2.0")
    return root, found


def valid_until_of(root: etree._Element, role: etree._Element) -> int | None:
    """From then on the document vouches for nothing; None where it does not say.

    Spec: SAML Metadata 2.0 §2.3.2, §2.4.1
    Raises: SamlRefused.
    """
    ends = [instant(until) for node in (root, role) if (until := node.get("validUntil"))]
    return min(ends, default=None)


def key_descriptor(use: str, der: bytes, methods: Sequence[str] = ()) -> str:
    """A certificate, and for encryption the algorithms that its holder reads.

    Spec: SAML Metadata 2.0 §2.4.1.1
    """
    held = base64.b64encode(der).decode()
    listed = "".join(f'<md:EncryptionMethod Algorithm="{name}"/>' for name in methods)
    return (
        f'<md:KeyDescriptor use="{use}"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{held}'
        f"</ds:X509Certificate></ds:X509Data></ds:KeyInfo>{listed}</md:KeyDescriptor>"
    )


def services(name: str, address: str, bindings: Sequence[str]) -> str:
    """One address, for each of the bindings."""
    return "".join(
        f'<md:{name} Binding="{binding}" Location={quoteattr(address)}/>' for binding in bindings
    )


def certificates_for(role: etree._Element, use: str) -> Iterator[bytes]:
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

"""Metadata: theirs for us, and ours for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from lxml import etree

from connectors.errors import SamlRefused
from connectors.saml.described import (
    certificates_for,
    entity_of,
    key_descriptor,
    services,
    valid_until_of,
)
from connectors.saml.names import (
    AES128_GCM,
    AES256_GCM,
    DS,
    MD,
    POST_BINDING,
    REDIRECT_BINDING,
    SAMLP,
    NameIdFormat,
)
from connectors.sources.saml.place import SpPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class IdpDescription:
    """What we have to know of an identity provider."""

    entity_id: str
    sso_url: str
    certificates: tuple[bytes, ...]
    slo_url: str | None


def read_idp_metadata(raw: bytes, now: int, trusted: Sequence[bytes] = ()) -> IdpDescription:
    """The identity provider that this document describes; signed by a trusted key, where any is
    given.

    Spec: SAML Metadata 2.0 §2.3.2, §2.4.3
    Raises: SamlRefused.
    """
    root, role = entity_of(raw, "IDPSSODescriptor", trusted)
    until = valid_until_of(root, role)
    if until is not None and now >= until:
        raise SamlRefused("validUntil has passed")
    certificates = tuple(dict.fromkeys(certificates_for(role, "signing")))
    if not certificates:
        raise SamlRefused("no certificate that signs")
    sso = _by_redirect(role, "SingleSignOnService")
    if sso is None:
        raise SamlRefused("no SingleSignOnService with the redirect binding")
    return IdpDescription(
        entity_id=root.get("entityID", ""),
        sso_url=sso.get("Location", ""),
        certificates=certificates,
        slo_url=_answers(_by_redirect(role, "SingleLogoutService")),
    )


def _by_redirect(role: etree._Element, name: str) -> etree._Element | None:
    found = role.findall(f"{{{MD}}}{name}")
    return next((node for node in found if node.get("Binding") == REDIRECT_BINDING), None)


def _answers(service: etree._Element | None) -> str | None:
    if service is None:
        return None
    return service.get("ResponseLocation") or service.get("Location")


def sp_metadata(
    place: SpPlace, signing: Sequence[bytes], encryption: bytes | None, *, persistent: bool
) -> bytes:
    """What the source has to know of us: every certificate that signs, will sign, or did.

    Spec: SAML Metadata 2.0 §2.4.4
    """
    keys = "".join(key_descriptor("signing", der) for der in signing)
    if encryption is not None:
        keys += key_descriptor("encryption", encryption, (AES256_GCM, AES128_GCM))
    logout = services("SingleLogoutService", place.slo, (REDIRECT_BINDING, POST_BINDING))
    wanted = NameIdFormat.PERSISTENT if persistent else NameIdFormat.TRANSIENT
    return (
        f'<md:EntityDescriptor xmlns:md="{MD}" xmlns:ds="{DS}"'
        f" entityID={quoteattr(place.entity_id)}>"
        '<md:SPSSODescriptor AuthnRequestsSigned="true" WantAssertionsSigned="true"'
        f' protocolSupportEnumeration="{SAMLP}">{keys}{logout}'
        f"<md:NameIDFormat>{wanted}</md:NameIDFormat>"
        f'<md:AssertionConsumerService Binding="{POST_BINDING}" Location={quoteattr(place.acs)}'
        ' index="0" isDefault="true"/></md:SPSSODescriptor></md:EntityDescriptor>'
    ).encode()

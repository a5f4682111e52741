"""Enveloped XML signatures: written in few lines, read by signxml between two looks of our own."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Protocol

from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from connectors.errors import SamlRefused
from connectors.saml.door import MAX_MESSAGE, read_xml
from connectors.saml.names import DS, ENVELOPED, EXCLUSIVE_C14N, RSA_SHA256, SHA256
from keys.certificates import begins, pem

_TRANSFORMS = ([ENVELOPED, EXCLUSIVE_C14N], [ENVELOPED])
_ISSUER_ENDS = "</saml:Issuer>"


class OctetSigner(Protocol):
    """What signs: a signer of the ring, under RS256."""

    def octets(self, message: bytes) -> bytes:
        """The signature over the octets."""
        ...


def signed(xml: str, element_id: str, signer: OctetSigner, certificate: bytes) -> str:
    """The document of ours with a signature over all of it, after its Issuer.

    Spec: SAML Core 2.0 §5.4; XML Signature §3.1
    """
    canonical = etree.tostring(etree.fromstring(xml), method="c14n", exclusive=True)
    digest = base64.b64encode(hashlib.sha256(canonical).digest()).decode()
    body = (
        f'<ds:CanonicalizationMethod Algorithm="{EXCLUSIVE_C14N}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="{RSA_SHA256}"></ds:SignatureMethod>'
        f'<ds:Reference URI="#{element_id}"><ds:Transforms>'
        f'<ds:Transform Algorithm="{ENVELOPED}"></ds:Transform>'
        f'<ds:Transform Algorithm="{EXCLUSIVE_C14N}"></ds:Transform></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{SHA256}"></ds:DigestMethod>'
        f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
    )
    value = base64.b64encode(signer.octets(f'<ds:SignedInfo xmlns:ds="{DS}">{body}'.encode()))
    held = base64.b64encode(certificate).decode()
    signature = (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>{body}'
        f"<ds:SignatureValue>{value.decode()}</ds:SignatureValue>"
        f"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{held}</ds:X509Certificate></ds:X509Data>"
        "</ds:KeyInfo></ds:Signature>"
    )
    before, issuer_ends, after = xml.partition(_ISSUER_ENDS)
    return before + issuer_ends + signature + after


def has_signature(root: etree._Element) -> bool:
    """Whether there is any signature in the document."""
    return next(root.iter(f"{{{DS}}}Signature"), None) is not None


def verified(
    raw: bytes,
    certificates: Sequence[bytes],
    wanted: str,
    limit: int = MAX_MESSAGE,
    *,
    beside: str | None = None,
) -> etree._Element:
    """The one element of this name that the one signature covers, parsed from the signed octets.

    It is the root, or a child of the root; nothing else of the document is ever looked at again. A
    certificate only carries a key: registration alone decides how long it counts. `beside` names a
    child of the root that may bear a signature of its own, which says nothing here.

    Spec: SAML Core 2.0 §5.4.2, §5.4.4
    Raises: SamlRefused.
    """
    root = read_xml(raw, limit)
    covered = _covered(root, wanted, beside)
    location = "./" if covered is root else f"./{wanted}/"
    for certificate in certificates:
        config = SignatureConfiguration(
            require_x509=True,
            location=location,
            expect_references=1,
            signature_methods=frozenset({SignatureMethod.RSA_SHA256}),
            digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
            verification_time=begins(certificate),
        )
        try:
            result = XMLVerifier().verify(root, x509_cert=pem(certificate), expect_config=config)
        except (SignXMLException, etree.LxmlError, ValueError, TypeError, KeyError, AttributeError):
            continue  # not by this one; whatever fails in a check is a refusal
        covering = result[0] if isinstance(result, list) else result
        found = read_xml(covering.signed_data, limit)
        if found.tag == wanted and found.get("ID") == covered.get("ID"):
            return found
    raise SamlRefused("the signature is not one of this system")


def signature_of(element: etree._Element) -> bool:
    """Whether this very element bears a signature."""
    return element.find(f"{{{DS}}}Signature") is not None


def _covered(root: etree._Element, wanted: str, beside: str | None) -> etree._Element:
    """The element that says it is signed: shape alone, before any cryptography."""
    elsewhere = () if beside is None else root.findall(f"./{beside}/{{{DS}}}Signature")
    signatures = [one for one in root.iter(f"{{{DS}}}Signature") if one not in elsewhere]
    if len(signatures) != 1:
        raise SamlRefused("not exactly one signature")
    covered = signatures[0].getparent()
    if covered is None or covered.tag != wanted or covered.getparent() not in (None, root):
        raise SamlRefused("the signature stands in another element")
    if root.tag == wanted and covered is not root:
        raise SamlRefused("a signed message inside another one")
    ids = [value for node in root.iter() for key, value in node.items() if key.lower() == "id"]
    if len(ids) != len(set(ids)) or not covered.get("ID"):
        raise SamlRefused("an ID is missing, or not unique")
    references = list(signatures[0].iter(f"{{{DS}}}Reference"))
    if len(references) != 1 or references[0].get("URI") != f"#{covered.get('ID')}":
        raise SamlRefused("the signature refers to something else")
    transforms = [node.get("Algorithm") for node in references[0].iter(f"{{{DS}}}Transform")]
    if transforms not in _TRANSFORMS or signatures[0].find(f"{{{DS}}}Object") is not None:
        raise SamlRefused("the signature transforms what it covers")
    if len(root.findall(wanted)) > 1:
        raise SamlRefused("more than one element of the signed kind")
    return covered

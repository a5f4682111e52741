"""A service provider in a few lines: what it sends, and what it reads."""

import base64
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from connectors.saml.names import (
    MD,
    POST_BINDING,
    REDIRECT_BINDING,
    RSA_SHA256,
    SAML,
    SAMLP,
    SOAP_BINDING,
)
from connectors.saml.signature import signed

SP = "https://school.test/metadata"
ACS = "https://school.test/acs"
SLO = "https://school.test/slo"
SOAP = "https://school.test/soap"
SSO = "https://id.test/saml/sso"
IDP_SLO = "https://id.test/saml/slo"


class SpKey:
    """A key pair of a service provider, with its certificate."""

    def __init__(self, bits: int = 2048) -> None:
        self.key = rsa.generate_private_key(65537, bits)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sp")])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(self.key.public_key()).serial_number(7)
            .not_valid_before(now - timedelta(days=2)).not_valid_after(now - timedelta(days=1))
            .sign(self.key, SHA256())
        )  # fmt: skip
        self.der = self.certificate.public_bytes(Encoding.DER)
        self.pem = self.certificate.public_bytes(Encoding.PEM)

    def octets(self, message: bytes) -> bytes:
        return self.key.sign(message, padding.PKCS1v15(), SHA256())


SP_KEY = SpKey()
OTHER_KEY = SpKey()


def instant(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def authn_request(
    now: float, *, issuer: str = SP, attributes: str = f' AssertionConsumerServiceURL="{ACS}"',
    content: str = "", destination: str = SSO, request_id: str = "_r1",
) -> str:  # fmt: skip
    return (
        f'<samlp:AuthnRequest xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="{request_id}" Version="2.0"'
        f' IssueInstant="{instant(now)}" Destination="{destination}"{attributes}>'
        f"<saml:Issuer>{issuer}</saml:Issuer>{content}</samlp:AuthnRequest>"
    )


def logout_request(
    now: float, name_id: str, sid: str | None, *, request_id: str = "_l1", issuer: str = SP
) -> str:
    index = "" if sid is None else f"<samlp:SessionIndex>{sid}</samlp:SessionIndex>"
    return (
        f'<samlp:LogoutRequest xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="{request_id}" Version="2.0"'
        f' IssueInstant="{instant(now)}" Destination="{IDP_SLO}"><saml:Issuer>{issuer}</saml:Issuer>'
        f"<saml:NameID>{name_id}</saml:NameID>{index}</samlp:LogoutRequest>"
    )


def deflated(xml: str) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    raw = packer.compress(xml.encode()) + packer.flush()
    return quote(base64.b64encode(raw), safe="")


def unsigned_query(xml: str, relay_state: str | None = None) -> str:
    relay = "" if relay_state is None else f"&RelayState={quote(relay_state, safe='')}"
    return f"SAMLRequest={deflated(xml)}{relay}"


def signed_query(xml: str, relay_state: str | None = "rs-1", key: SpKey = SP_KEY) -> str:
    query = unsigned_query(xml, relay_state) + f"&SigAlg={quote(RSA_SHA256, safe='')}"
    return f"{query}&Signature={quote(base64.b64encode(key.octets(query.encode())), safe='')}"


def signed_xml(xml: str, key: SpKey = SP_KEY, element_id: str = "_r1") -> str:
    return signed(xml, element_id, key, key.der)


def sp_metadata(
    *,
    entity_id: str = SP,
    key: SpKey = SP_KEY,
    extra: str = "",
    use: str = "signing",
    root: str = "",
) -> str:
    held = base64.b64encode(key.der).decode()
    return (
        f'<md:EntityDescriptor xmlns:md="{MD}" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
        f' entityID="{entity_id}"{root}><md:SPSSODescriptor protocolSupportEnumeration="{SAMLP}">'
        f'<md:KeyDescriptor use="{use}"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{held}'
        f"</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        f'<md:SingleLogoutService Binding="{REDIRECT_BINDING}" Location="{SLO}"/>'
        f'<md:SingleLogoutService Binding="{SOAP_BINDING}" Location="{SOAP}"/>'
        f'<md:AssertionConsumerService Binding="{POST_BINDING}" Location="{ACS}/1" index="1"/>'
        f'<md:AssertionConsumerService Binding="{POST_BINDING}" Location="{ACS}" index="0" isDefault="true"/>'
        f"{extra}</md:SPSSODescriptor></md:EntityDescriptor>"
    )


def encryption_key(key: SpKey) -> str:
    """What a service provider adds to its metadata so that it can be written to in secret."""
    held = base64.b64encode(key.der).decode()
    return (
        '<md:KeyDescriptor use="encryption"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>'
        f"{held}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    )


def saml_system(metadata: Path, system: str = "school", more: str = "") -> str:
    return f"""
[systems.{system}]
name = {{ vi = "Trường học", en = "School" }}
owners = [{{ code = "H55", name = "Sở Giáo dục", valid_from = 2025-07-01 }}]
level = "province"
dialect = "saml"
when_unlinked = "create"
new_account_prefix = "hs-"
claims = [{{ claim = "name", source = "full_name" }}, {{ claim = "local_account", source = "local_account" }}]
saml = {{ metadata_file = "{metadata}"{more} }}
"""

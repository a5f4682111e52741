"""The service providers that are registered for the tests with software of others."""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connectors.saml.names import (
    DS,
    MD,
    POST_BINDING,
    REDIRECT_BINDING,
    SAMLP,
    SOAP_BINDING,
    NameIdFormat,
)
from tests.saml.messages import SpKey

SYSTEMS = ("college", "library")
"""Two places behind one Apache, each a service provider of its own."""


@dataclass(frozen=True, kw_only=True)
class SpFiles:
    """One key pair, for all of them."""

    key: Path
    certificate: Path
    metadata: Path
    """What the college publishes of itself."""


def sp_files(folder: Path) -> SpFiles:
    """A fresh key pair, as PEM."""
    pair = SpKey()
    made = SpFiles(key=folder / "sp.key", certificate=folder / "sp.pem", metadata=folder / "sp.xml")
    pkcs8 = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    made.key.write_bytes(pkcs8)
    made.certificate.write_bytes(pair.pem)
    return made


def mellon_tables(apache: str, files: SpFiles) -> str:
    """Two places of Apache. The college has a metadata file for both sides, and persistent names;
    the library is registered key by key, and asks for transient names, as mellon does of itself,
    encrypted.
    """
    college, library = (f"{apache}/{name}/mellon" for name in SYSTEMS)
    files.metadata.write_text(_metadata(college, files), "utf-8")
    keyed = f"""name_id = "transient"
entity_id = "{library}/metadata"
slo_url = "{library}/logout"
slo_soap_url = "{library}/logout"
acs = [{{ url = "{library}/postResponse" }}]
certificate_files = ["{files.certificate}"]
encryption_certificate_file = "{files.certificate}"
encrypt_name_id = true
"""
    return _table("college", f'metadata_file = "{files.metadata}"\n') + _table("library", keyed)


def toolkit_table(address: str, files: SpFiles) -> str:
    """A clinic with a Python toolkit, which it uses for what comes behind the browser, too."""
    rows = f"""entity_id = "{address}/metadata"
slo_url = "{address}/slo"
slo_soap_url = "{address}/soap"
acs = [{{ url = "{address}/acs" }}]
certificate_files = ["{files.certificate}"]
"""
    return _table("clinic", rows)


def school_table(address: str) -> str:
    """The school that stands in for a real one: it has no key, so it signs no request."""
    rows = f"""entity_id = "{address}/metadata"
slo_soap_url = "{address}/soap"
acs = [{{ url = "{address}/acs" }}]
want_signed_requests = false
"""
    return _table("academy", rows)


def _metadata(mellon: str, files: SpFiles) -> str:
    """As mellon_create_metadata of Debian writes it, with SOAP and a format of names added."""
    certificate = "\n".join(files.certificate.read_text("ascii").strip().splitlines()[1:-1])
    held = f"<ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data>"
    keys = "".join(
        f'<KeyDescriptor use="{use}"><ds:KeyInfo>{held}</ds:KeyInfo></KeyDescriptor>'
        for use in ("encryption", "signing")
    )
    logout = "".join(
        f'<SingleLogoutService Binding="{binding}" Location="{mellon}/logout"/>'
        for binding in (REDIRECT_BINDING, SOAP_BINDING)
    )
    return f"""<EntityDescriptor entityID="{mellon}/metadata" xmlns="{MD}" xmlns:ds="{DS}">
  <SPSSODescriptor protocolSupportEnumeration="{SAMLP}" AuthnRequestsSigned="true">
    {keys}{logout}<NameIDFormat>{NameIdFormat.PERSISTENT}</NameIDFormat>
    <AssertionConsumerService Binding="{POST_BINDING}" Location="{mellon}/postResponse" index="0"/>
  </SPSSODescriptor>
</EntityDescriptor>
"""


def _table(name: str, rows: str) -> str:
    return f"""
[systems.{name}]
name = {{ vi = "Nơi dùng SAML", en = "A place with SAML" }}
owners = [{{ code = "H55", name = "Sở", valid_from = 2025-07-01 }}]
level = "province"
dialect = "saml"
when_unlinked = "create"
new_account_prefix = "{name}-"
claims = [
  {{ claim = "name", source = "full_name" }},
  {{ claim = "local_account", source = "local_account" }},
]

[systems.{name}.saml]
{rows}"""

"""What a service provider has to fulfil: at the start, and again in every newer metadata."""

from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from connectors.config.tables import WebAddress
from connectors.errors import SamlRefused
from connectors.registry import SamlSettings
from connectors.systems.saml.metadata import read_sp_metadata

_ADDRESS = TypeAdapter[str](WebAddress)


def require_addresses(found: SamlSettings) -> None:
    """Every address is one of the web.

    Raises: SamlRefused.
    """
    for address in (*(one.url for one in found.acs), found.slo_url, found.slo_soap_url):
        try:
            if address is not None:
                _ADDRESS.validate_python(address)
        except ValidationError:
            raise SamlRefused("an address is not one of http or https") from None


def require_whole(found: SamlSettings, *, signed: bool, encrypt: bool, encrypt_name: bool) -> None:
    """It has the keys for what is wanted of it, and no number twice.

    Raises: SamlRefused.
    """
    if len({endpoint.index for endpoint in found.acs}) < len(found.acs):
        raise SamlRefused("each index of acs only once")
    if signed and not found.certificates:
        raise SamlRefused("a certificate, or want_signed_requests = false")
    if encrypt and found.encryption_certificate is None:
        raise SamlRefused("a key for encryption, or encrypt_assertions = false")
    if encrypt_name and found.encryption_certificate is None:
        raise SamlRefused("a key for encryption, or encrypt_name_id = false")


def renewed(raw: bytes, current: SamlSettings) -> SamlSettings:
    """What the newer document says, under the choices of the table; never an older one.

    Why an end is wanted: without it, a document with a key that was lost since could be sent to us
    again for ever, and its signature would still be right.

    Raises: SamlRefused.
    """
    if current.source is None:
        raise SamlRefused("this system has no metadata_url")
    found = read_sp_metadata(raw, (current.source.certificate,))
    if found.entity_id != current.entity_id:
        raise SamlRefused("the metadata of another service provider")
    if found.valid_until is None:
        raise SamlRefused("no validUntil")
    if _older(found.valid_until, current.valid_until) or _older(
        found.published_at, current.published_at
    ):
        raise SamlRefused("older than what is kept")
    require_addresses(found)
    encrypt = current.encryption_certificate is not None
    encrypt_name = current.name_certificate is not None
    require_whole(
        found,
        signed=current.want_signed_requests,
        encrypt=encrypt,
        encrypt_name=encrypt_name,
    )
    return replace(
        found,
        name_id=current.name_id,
        want_signed_requests=current.want_signed_requests,
        encryption_certificate=found.encryption_certificate if encrypt else None,
        name_certificate=found.encryption_certificate if encrypt_name else None,
        attribute_names=current.attribute_names,
        source=current.source,
    )


def _older(found: int | None, kept: int | None) -> bool:
    """A time that is missing where there was one is older."""
    return kept is not None and (found is None or found < kept)

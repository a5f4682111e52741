"""`[systems.ID.saml]`: a SAML service provider, by its metadata file or key by key."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from connectors.config.checked import Table
from connectors.config.tables import ReadableFile, WebAddress
from connectors.errors import SamlRefused
from connectors.registry import AcsEndpoint, SamlSettings
from connectors.saml.names import NameIdFormat
from connectors.systems.saml.metadata import read_sp_metadata
from keys.certificates import read_certificate
from keys.errors import KeyRefused

_FORMATS = {
    "persistent": NameIdFormat.PERSISTENT,
    "transient": NameIdFormat.TRANSIENT,
    "unspecified": NameIdFormat.UNSPECIFIED,
}
_ADDRESS = TypeAdapter[str](WebAddress)


class AcsTable(Table):
    """Where responses are posted."""

    url: WebAddress
    index: Annotated[int, Field(ge=0, le=65535)] = 0


def _certificate(path: str) -> str:
    try:
        read_certificate(Path(path).read_text("ascii"))
    except (OSError, ValueError, KeyRefused):
        raise ValueError("a file with the certificate of an RSA key of 2048 bits or more") from None
    return path


CertificateFile = Annotated[ReadableFile, AfterValidator(_certificate)]


class SamlTable(Table):
    """Either `metadata_file`, or `entity_id` and `acs`. Once checked, `settings` are known."""

    metadata_file: ReadableFile | None = None
    metadata_certificate_file: CertificateFile | None = None
    """Who has to have signed the metadata. Without it, the file itself is trusted."""
    entity_id: Annotated[str | None, Field(min_length=1, max_length=1024)] = None
    acs: Annotated[tuple[AcsTable, ...], Field(max_length=20)] = ()
    certificate_files: Annotated[tuple[CertificateFile, ...], Field(max_length=4)] = ()
    slo_url: WebAddress | None = None
    slo_soap_url: WebAddress | None = None
    name_id: Literal["persistent", "transient", "unspecified"] = "persistent"
    want_signed_requests: bool = True
    encrypt_assertions: bool = False
    """For systems where the browser must not read what it carries."""
    encrypt_name_id: bool = False
    """For systems that log what they are sent: the name of the person is for the key's holder."""
    encryption_certificate_file: CertificateFile | None = None
    attribute_names: Annotated[dict[str, str], Field(max_length=60, default_factory=dict)]
    _settings: SamlSettings = PrivateAttr()

    @property
    def settings(self) -> SamlSettings:
        """The service provider."""
        return self._settings

    @model_validator(mode="after")
    def _read(self) -> "SamlTable":
        found = self._from_metadata() if self.metadata_file else self._from_keys()
        if len({endpoint.index for endpoint in found.acs}) < len(found.acs):
            raise ValueError("each index of acs only once")
        if self.want_signed_requests and not found.certificates:
            raise ValueError("a certificate, or want_signed_requests = false")
        if self.encrypt_assertions and found.encryption_certificate is None:
            raise ValueError("a key for encryption, or encrypt_assertions = false")
        if self.encrypt_name_id and found.encryption_certificate is None:
            raise ValueError("a key for encryption, or encrypt_name_id = false")
        reader = found.encryption_certificate if self.encrypt_assertions else None
        self._settings = replace(
            found,
            name_id=_FORMATS[self.name_id],
            want_signed_requests=self.want_signed_requests,
            encryption_certificate=reader,
            name_certificate=found.encryption_certificate if self.encrypt_name_id else None,
            attribute_names=self.attribute_names,
        )
        return self

    def _from_keys(self) -> SamlSettings:
        if self.entity_id is None or not self.acs or self.metadata_certificate_file:
            raise ValueError("either metadata_file, or entity_id and acs")
        return SamlSettings(
            entity_id=self.entity_id,
            acs=tuple(AcsEndpoint(url=one.url, index=one.index) for one in self.acs),
            certificates=tuple(_der(path) for path in self.certificate_files),
            slo_url=self.slo_url,
            slo_soap_url=self.slo_soap_url,
            encryption_certificate=_optional(self.encryption_certificate_file),
        )

    def _from_metadata(self) -> SamlSettings:
        own = (self.entity_id, self.slo_url, self.slo_soap_url)
        files = (*self.certificate_files, self.encryption_certificate_file or "")
        if own != (None, None, None) or self.acs or any(files):
            raise ValueError("either metadata_file, or entity_id and acs")
        trusted = (_der(self.metadata_certificate_file),) if self.metadata_certificate_file else ()
        try:
            raw = Path(self.metadata_file or "").read_bytes()
            found = read_sp_metadata(raw, trusted)
            for address in (*(one.url for one in found.acs), found.slo_url, found.slo_soap_url):
                if address is not None:
                    _ADDRESS.validate_python(address)
        except SamlRefused as refused:
            raise ValueError(f"metadata of one service provider ({refused})") from None
        except ValidationError:
            raise ValueError("metadata with http or https addresses alone") from None
        return found


def _optional(path: str | None) -> bytes | None:
    return None if path is None else _der(path)


def _der(path: str) -> bytes:
    return read_certificate(Path(path).read_text("ascii"))

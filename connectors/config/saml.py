"""`[systems.ID.saml]`: a SAML service provider, by its metadata file or key by key."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    model_validator,
)

from connectors.config.checked import Table
from connectors.config.saml_rules import require_addresses, require_whole
from connectors.config.tables import ReadableFile, WebAddress
from connectors.errors import SamlRefused
from connectors.registry import AcsEndpoint, MetadataSource, SamlSettings
from connectors.saml.names import NameIdFormat
from connectors.systems.saml.metadata import read_sp_metadata
from keys.certificates import read_certificate
from keys.errors import KeyRefused

_FORMATS = {
    "persistent": NameIdFormat.PERSISTENT,
    "transient": NameIdFormat.TRANSIENT,
    "unspecified": NameIdFormat.UNSPECIFIED,
}


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
    metadata_url: WebAddress | None = None
    """Where newer metadata is fetched; it counts only by the signature of that certificate."""
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
        try:
            require_whole(
                found,
                signed=self.want_signed_requests,
                encrypt=self.encrypt_assertions,
                encrypt_name=self.encrypt_name_id,
            )
        except SamlRefused as refused:
            raise ValueError(str(refused)) from None
        reader = found.encryption_certificate if self.encrypt_assertions else None
        self._settings = replace(
            found,
            name_id=_FORMATS[self.name_id],
            want_signed_requests=self.want_signed_requests,
            encryption_certificate=reader,
            name_certificate=found.encryption_certificate if self.encrypt_name_id else None,
            attribute_names=self.attribute_names,
            source=self._source(found),
        )
        return self

    def _source(self, found: SamlSettings) -> MetadataSource | None:
        if self.metadata_url is None:
            return None
        pinned = self.metadata_certificate_file
        if pinned is None:
            raise ValueError("metadata_url only with metadata_file and metadata_certificate_file")
        if found.valid_until is None:
            raise ValueError("a metadata_file with validUntil, where there is a metadata_url")
        return MetadataSource(url=self.metadata_url, certificate=_der(pinned))

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
        except SamlRefused as refused:
            raise ValueError(f"metadata of one service provider ({refused})") from None
        try:
            require_addresses(found)
        except SamlRefused:
            raise ValueError("metadata with http or https addresses alone") from None
        return found


def _optional(path: str | None) -> bytes | None:
    return None if path is None else _der(path)


def _der(path: str) -> bytes:
    return read_certificate(Path(path).read_text("ascii"))

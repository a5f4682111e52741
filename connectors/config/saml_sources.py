"""`[sources.ID]` with `preset = "saml"`: an identity provider that is known by its metadata file."""

import time
from collections.abc import Collection
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
from connectors.config.problems import Place, Problem
from connectors.config.saml import CertificateFile
from connectors.config.source_rules import broken, levels_named, systems_declared
from connectors.config.tables import ReadableFile, TextTable, WebAddress
from connectors.contract import AccountKind, Assurance, SystemId
from connectors.errors import SamlRefused
from connectors.sources.model import Endpoints, Preset, SamlUpstream, Source, SourceAuth, SourceId
from connectors.sources.saml.metadata import IdpDescription, read_idp_metadata
from keys.certificates import read_certificate
from keys.errors import NoSuchKey
from keys.xml_encryption import Opener

_ADDRESS = TypeAdapter[str](WebAddress)
Level = Annotated[int, Field(ge=1, le=2)]
Datum = Literal[
    "full_name", "birthdate", "gender", "personal_number", "tech_id", "tax_code",
    "enterprise_code", "agency_code", "phone", "email", "address",
]  # fmt: skip
AttributeName = Annotated[str, Field(min_length=1, max_length=200)]
ClassRef = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]


def _rsa_key(path: str) -> str:
    try:
        Opener(Path(path).read_bytes())
    except (NoSuchKey, OSError):
        raise ValueError("an unencrypted RSA key in PEM, of 2048 bits or more") from None
    return path


class SamlSourceTable(Table):
    """One identity provider. Once checked, what its metadata says is known."""

    preset: Literal[Preset.SAML]
    name: TextTable
    metadata_file: ReadableFile
    metadata_certificate_file: CertificateFile | None = None
    """Who has to have signed the metadata. Without it, the file itself is trusted."""
    decryption_key_file: Annotated[ReadableFile, AfterValidator(_rsa_key)] | None = None
    subject_attribute: AttributeName | None = None
    attributes: Annotated[dict[Datum, AttributeName], Field(min_length=1)]
    account_kind: AccountKind = AccountKind.CITIZEN
    assurance: Annotated[dict[ClassRef, Level], Field(max_length=20, default_factory=dict)]
    assurance_otherwise: Level | None = None
    allowed_systems: tuple[str, ...] | None = None
    declared_down: bool = False
    _described: IdpDescription = PrivateAttr()

    @property
    def described(self) -> IdpDescription:
        """What the metadata says."""
        return self._described

    @model_validator(mode="after")
    def _read(self) -> "SamlSourceTable":
        signer = self.metadata_certificate_file
        trusted = (read_certificate(Path(signer).read_text("ascii")),) if signer else ()
        try:
            raw = Path(self.metadata_file).read_bytes()
            found = read_idp_metadata(raw, trusted)
            if found.valid_until is not None and time.time() >= found.valid_until:
                raise SamlRefused("validUntil has passed")  # noqa: TRY301 - told like the others
            for address in (found.sso_url, found.slo_url):
                if address is not None:
                    _ADDRESS.validate_python(address)
        except SamlRefused as refused:
            raise ValueError(
                f"metadata_file with the metadata of one identity provider ({refused})"
            ) from None
        except ValidationError:
            raise ValueError("metadata_file with http or https addresses alone") from None
        self._described = found
        return self


def saml_contradictions(
    table: SamlSourceTable, place: Place, systems: Collection[str]
) -> list[Problem]:
    """Keys that are right by themselves, and not together."""
    checks = (
        (
            "full_name" in table.attributes,
            "attributes",
            "full_name, and the attribute that holds it",
        ),
        levels_named(table.assurance, table.assurance_otherwise),
        systems_declared(table.allowed_systems, systems),
    )
    return broken(checks, place)


def saml_source(source_id: SourceId, table: SamlSourceTable) -> Source:
    """The source. What only OpenID Connect has is empty."""
    told, otherwise = table.described, table.assurance_otherwise
    key = table.decryption_key_file
    return Source(
        source_id=source_id,
        preset=Preset.SAML,
        name=table.name.text(),
        issuer=told.entity_id,
        client_id="",
        auth=SourceAuth.PRIVATE_KEY_JWT,
        endpoints=Endpoints(authorization=told.sso_url, token=""),
        scope="",
        pkce=False,
        nonce=False,
        id_token_alg=None,
        iss_parameter=False,
        assurance={name: Assurance(level) for name, level in table.assurance.items()},
        assurance_otherwise=None if otherwise is None else Assurance(otherwise),
        allowed_systems=None
        if table.allowed_systems is None
        else frozenset(SystemId(name) for name in table.allowed_systems),
        saml=SamlUpstream(
            sso_url=told.sso_url,
            certificates=told.certificates,
            valid_until=told.valid_until,
            slo_url=told.slo_url,
            opener=None if key is None else Opener(Path(key).read_bytes()),
            subject_attribute=table.subject_attribute,
            attributes={str(ours): there for ours, there in table.attributes.items()},
            kind=table.account_kind,
        ),
        declared_down=table.declared_down,
    )

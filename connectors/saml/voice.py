"""Who speaks for us in SAML."""

from dataclasses import dataclass, field

from connectors.saml.signature import OctetSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Who answers: our entity id, and what it signs with now."""

    entity_id: str
    signer: OctetSigner = field(repr=False)
    certificate: bytes = field(repr=False)

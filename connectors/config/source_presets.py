"""What each preset means where the table of a source says nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from connectors.sources import vnconnect, vneid
from connectors.sources.model import Endpoints, Preset, SourceAuth

OtherPreset = Literal[Preset.OIDC, Preset.VNCONNECT, Preset.VNEID]
"""Those that are known key by key; SAML has metadata, and a table of its own."""
NOWHERE = Endpoints(authorization="", token="")


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetValues:
    """The safe values of a shape of upstream."""

    auth: SourceAuth
    scope: str = "openid"
    pkce: bool = True
    nonce: bool = True
    id_token_alg: str | None = "RS256"
    iss_parameter: bool = False
    endpoints: Endpoints = NOWHERE
    assurance: Mapping[str, int] = field(default_factory=dict)
    assurance_otherwise: int | None = None


def preset_of(preset: OtherPreset, issuer: str) -> PresetValues:
    """The values of a preset, for this issuer.

    Why: the known clients of VNConnect send neither PKCE nor a nonce. We send both; a table can say
    that a deployment of it does not take them. VNeID was seen with neither.
    """
    match preset:
        case Preset.OIDC:
            return PresetValues(
                auth=SourceAuth.SECRET_BASIC,
                scope="openid profile email phone",
                iss_parameter=True,
            )
        case Preset.VNCONNECT:
            return PresetValues(
                auth=SourceAuth.SECRET_POST,
                endpoints=Endpoints(
                    authorization=f"{issuer}/oauth2/authorize",
                    token=f"{issuer}/oauth2/token",
                    userinfo=f"{issuer}/oauth2/userinfo",
                    jwks=f"{issuer}/oauth2/jwks",
                ),
                assurance=vnconnect.LEVELS,
                assurance_otherwise=1,
            )
        case Preset.VNEID:
            return PresetValues(
                auth=SourceAuth.SECRET_POST,
                pkce=False,
                nonce=False,
                id_token_alg=None,
                assurance=vneid.LEVELS,
            )

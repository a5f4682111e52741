"""What the provider says of itself: everything here is true of this release."""

from collections.abc import Iterable

from connectors.contract import LOCALES, Assurance
from idp.model import ClientAuthMethod, GrantType
from idp.protocol.authorization_request import RESPONSE_MODES
from idp.protocol.scopes import KNOWN, wire

PATHS = {
    "authorization_endpoint": "/authorize",
    "token_endpoint": "/token",
    "userinfo_endpoint": "/userinfo",
    "introspection_endpoint": "/introspect",
    "revocation_endpoint": "/revoke",
    "jwks_uri": "/jwks",
    "end_session_endpoint": "/logout",
}


def provider_metadata(
    issuer: str,
    algorithms: Iterable[str],
    assertion_algorithms: Iterable[str],
    claims: Iterable[str],
) -> dict[str, object]:
    """The provider's metadata, the same document for both well-known addresses.

    Spec: OIDC Discovery 1.0 §3, RFC 8414 §2, RFC 9207 §3, OIDC RP-Initiated Logout 1.0 §2.1
    """
    client_auth = [method.value for method in ClientAuthMethod]
    assertions = sorted(assertion_algorithms)
    return {
        "issuer": issuer,
        **{name: issuer + path for name, path in PATHS.items()},
        "response_types_supported": ["code"],
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": [grant.value for grant in GrantType],
        "subject_types_supported": ["pairwise"],
        "scopes_supported": wire(KNOWN).split(" "),
        "claims_supported": sorted(claims),
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "require_request_uri_registration": False,
        "id_token_signing_alg_values_supported": sorted(algorithms),
        "token_endpoint_auth_methods_supported": client_auth,
        "token_endpoint_auth_signing_alg_values_supported": assertions,
        "introspection_endpoint_auth_methods_supported": client_auth[:-1],
        "introspection_endpoint_auth_signing_alg_values_supported": assertions,
        "revocation_endpoint_auth_methods_supported": client_auth,
        "revocation_endpoint_auth_signing_alg_values_supported": assertions,
        "code_challenge_methods_supported": ["S256"],
        "acr_values_supported": [level.acr for level in Assurance],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": list(LOCALES),
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }


def transmitter_metadata(issuer: str, *, push: bool, poll: bool) -> dict[str, object]:
    """How events are told here: only what is so. Streams are configured by the operator, so there
    is no endpoint for them.

    Spec: OpenID Shared Signals Framework 1.0 §7.1
    """
    methods = {"urn:ietf:rfc:8935": push, "urn:ietf:rfc:8936": poll}
    return {
        "spec_version": "1_0",
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks",
        "delivery_methods_supported": [name for name, used in methods.items() if used],
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
    }

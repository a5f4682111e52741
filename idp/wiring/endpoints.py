"""The endpoints by path."""

from connectors.contract import Dialect
from connectors.mapping import STANDARD_RULES
from idp.flows.client_authentication import ASSERTION_ALGORITHMS, ClientAuthentication
from idp.flows.end_subject import SubjectEnd
from idp.flows.grants.authorization_code import AuthorizationCodeGrant
from idp.flows.grants.refresh_token import RefreshTokenGrant
from idp.flows.token import TokenEndpoint
from idp.flows.token_state import TokenState
from idp.protocol.discovery import provider_metadata
from idp.web.answers import page
from idp.web.dialects.forward_auth.endpoints import forward_auth_endpoints
from idp.web.dialects.forward_auth.threshold import SIGN_IN_START
from idp.web.dialects.hand_off import HAND_OFF_PATH
from idp.web.dialects.saml.logout import SamlLogout
from idp.web.dialects.saml.metadata import metadata_endpoint
from idp.web.dialects.saml.place import METADATA_PATH, SLO_PATH, SSO_PATH
from idp.web.dialects.saml.posted import Posting
from idp.web.dialects.vnconnect import VNCONNECT_AUTHORIZE, VNCONNECT_LOGOUT, VNCONNECT_PATHS
from idp.web.error_pages import ERROR_PATH
from idp.web.http import Answer, Endpoint, HttpRequest
from idp.web.logout import LogoutPages
from idp.web.logout_request import LOGOUT_PATH
from idp.web.metadata import discovery_endpoint, jwks_endpoint
from idp.web.sign_in_pages import SIGN_IN_PATH
from idp.web.stages.upstream_saml import SamlReturn
from idp.web.token import (
    introspection_endpoint,
    revocation_endpoint,
    token_endpoint,
    userinfo_endpoint,
)
from idp.wiring.interaction import directory_stage_of, interaction_of, journey_of, upstream_stage_of
from idp.wiring.parts import Parts
from idp.wiring.shared_signals import shared_signals_endpoints
from idp.wiring.upstream import directory_endpoints, journey_endpoints
from keys.blind import BlindIndex


def protocol_endpoints(parts: Parts) -> dict[str, Endpoint]:
    """What programs ask."""
    authentication = ClientAuthentication(
        issuer=parts.settings.issuer,
        clients=parts.settings.clients,
        fences=parts.fences,
        counters=parts.stores.counters,
    )
    state = TokenState(
        issuer=parts.settings.issuer,
        clients=parts.settings.clients,
        grants=parts.grants,
        fences=parts.fences,
        mint=parts.mint,
        released=parts.released,
        audit=parts.audit,
    )
    token = TokenEndpoint(
        authentication=authentication,
        code_grant=AuthorizationCodeGrant(
            grants=parts.grants,
            mint=parts.mint,
            released=parts.released,
            audit=parts.audit,
        ),
        refresh_grant=RefreshTokenGrant(
            grants=parts.grants,
            mint=parts.mint,
            released=parts.released,
            audit=parts.audit,
        ),
        mint=parts.mint,
        clock=parts.clock,
    )
    discovery = discovery_endpoint(
        provider_metadata(
            parts.settings.issuer,
            parts.keyring.algorithms(),
            ASSERTION_ALGORITHMS,
            {"sub", "acr", "amr", "auth_time", "sid"} | {r.claim for r in STANDARD_RULES},
        )
    )
    endpoints = {
        "/.well-known/openid-configuration": discovery,
        "/.well-known/oauth-authorization-server": discovery,
        "/jwks": jwks_endpoint(parts.keyring),
        METADATA_PATH: metadata_endpoint(parts.saml),
        "/token": token_endpoint(token),
        "/userinfo": userinfo_endpoint(state),
        "/introspect": introspection_endpoint(state, authentication),
        "/revoke": revocation_endpoint(state, authentication),
    }
    notices = parts.upstream.notices(parts.logout, _subject_end(parts), parts.fences, parts.audit)
    same = {path: endpoints[ours] for path, ours in VNCONNECT_PATHS.items()}
    signals = shared_signals_endpoints(parts)
    return endpoints | same | notices | signals | parts.cas.protocol_endpoints()


def _subject_end(parts: Parts) -> SubjectEnd:
    return SubjectEnd(ends=parts.ends, told=parts.told, wake=parts.wake)


def page_endpoints(parts: Parts) -> dict[str, Endpoint]:
    """What browsers open."""
    journey = journey_of(parts)
    interaction = interaction_of(parts, journey)
    logout = LogoutPages(
        clients=parts.settings.clients,
        systems=parts.settings.systems,
        sessions=parts.stores.sessions,
        grants=parts.grants,
        logout=parts.logout,
        hints=parts.hints,
        cookies=parts.cookies,
        pages=parts.pages,
        sealer=parts.stores.sealer,
        above=parts.upstream.signed_in_above(),
    )

    def enter(dialect: Dialect) -> Endpoint:
        async def handle(request: HttpRequest) -> Answer:
            return await interaction.enter(request, dialect)

        return handle

    async def sign_in(request: HttpRequest) -> Answer:
        if request.method == "POST":
            return await interaction.submit(request)
        return await interaction.show(request)

    error = parts.errors.refused
    from_above = upstream_stage_of(parts, journey)
    saml = SamlReturn(sources=parts.settings.sources, stage=from_above, answers=parts.pages)
    return (
        journey_endpoints(from_above, saml, parts.settings.sources, error)
        | directory_endpoints(directory_stage_of(parts, journey), parts.settings.directories, error)
        | parts.upstream.saml_logout(parts.logout, parts.fences, parts.audit, error)
        | {
            "/authorize": page(enter(Dialect.OIDC), "GET", "POST", error_page=error),
            HAND_OFF_PATH: page(enter(Dialect.HAND_OFF), "GET", error_page=error),
            VNCONNECT_AUTHORIZE: page(enter(Dialect.VNCONNECT), "GET", error_page=error),
            VNCONNECT_LOGOUT: page(logout.handle, "GET", "POST", error_page=error),
            SIGN_IN_START: page(enter(Dialect.FORWARD_AUTH), "GET", error_page=error),
            SSO_PATH: page(enter(Dialect.SAML), "GET", "POST", error_page=error),
            SLO_PATH: page(_saml_logout(parts).handle, "GET", "POST", error_page=error),
            "/ticket": page(enter(Dialect.SIGNED_TICKET), "GET", error_page=error),
            SIGN_IN_PATH: page(sign_in, "GET", "POST", error_page=error),
            LOGOUT_PATH: page(logout.handle, "GET", "POST", error_page=error),
            ERROR_PATH: page(parts.errors.again, "GET", error_page=error),
        }
        | parts.cas.page_endpoints(interaction, logout)
        | forward_auth_endpoints(
            issuer=parts.settings.issuer,
            hosts=parts.hosts,
            handles=parts.handles,
            grants=parts.grants,
            fences=parts.fences,
            entropy=parts.entropy,
            error_page=error,
        )
    )


def _saml_logout(parts: Parts) -> SamlLogout:
    return SamlLogout(
        place=parts.saml,
        sessions=parts.stores.sessions,
        ends=parts.ends,
        fences=parts.fences,
        logout=parts.logout,
        cookies=parts.cookies,
        posting=Posting(parts.pages),
        entropy=parts.entropy,
    )


def rooms(parts: Parts) -> dict[str, Endpoint]:
    """The SCIM server, where a register may push; its schemas are loaded only then."""
    if not parts.settings.connectors:
        return {}
    from idp.scim.room import scim_endpoint
    from idp.scim.shelf import ROOT

    endpoint = scim_endpoint(
        issuer=parts.settings.issuer,
        connectors=parts.settings.connectors,
        clients=parts.settings.clients,
        database=parts.stores.database,
        sealer=parts.stores.sealer,
        index=BlindIndex(parts.settings.keks[-1]),
        outbox=parts.stores.outbox,
        mint=parts.mint,
        fences=parts.fences,
        counters=parts.stores.counters,
        hasher=parts.hasher,
        end=_subject_end(parts),
        audit=parts.audit,
        entropy=parts.entropy,
    )
    return {ROOT: endpoint}

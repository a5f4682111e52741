"""The only wiring: settings in, one ASGI application out."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from connectors.contract import AccountVerifier, Dialect, SystemId
from connectors.links.account_opening import AccountOpening
from connectors.links.sql import SqlLinks
from connectors.mapping import STANDARD_RULES
from connectors.registry import FileVerification, HttpVerification
from connectors.verifiers.http import HttpVerifier
from connectors.verifiers.password_file import PasswordFileVerifier
from idp.adapters import Stores, audit_witness, key_store, open_stores, rotation_policy
from idp.audit.writer import BatchingAudit
from idp.authn.local import LocalAuthenticator
from idp.authn.password import PasswordHasher
from idp.authn.throttle import Throttle
from idp.config import Settings
from idp.egress.client import HttpEgress, outgoing_client
from idp.flows.client_authentication import ASSERTION_ALGORITHMS, ClientAuthentication
from idp.flows.deliver import NoticeDelivery
from idp.flows.grants.authorization_code import AuthorizationCodeGrant
from idp.flows.grants.refresh_token import RefreshTokenGrant
from idp.flows.housekeeping import housekeeping
from idp.flows.id_token_hint import HintReader
from idp.flows.logout import Logout
from idp.flows.notices import NoticeWriter, OidcNotices, TicketNotices, by_participant
from idp.flows.released_claims import ReleasedClaims
from idp.flows.saml_notices import SamlNotices
from idp.flows.sign_in import SignIn
from idp.flows.token import TokenEndpoint
from idp.flows.token_state import TokenState
from idp.flows.tokens import TokenMint
from idp.ports import Clock, Entropy
from idp.protocol.discovery import provider_metadata
from idp.store.fences import SqlFences
from idp.store.grants import SqlGrants
from idp.store.session_ends import SqlSessionEnds
from idp.web.answers import page
from idp.web.cookies import CookieJar
from idp.web.devices import DeviceCookies
from idp.web.dialects.oidc import OidcDoor
from idp.web.dialects.saml.door import SamlDoor
from idp.web.dialects.saml.kept import KeptRequests
from idp.web.dialects.saml.logout import SamlLogout
from idp.web.dialects.saml.metadata import metadata_endpoint
from idp.web.dialects.saml.place import METADATA_PATH, SLO_PATH, SSO_PATH, SamlPlace
from idp.web.dialects.saml.posted import Posting
from idp.web.dialects.ticket import TicketDoor
from idp.web.doors import Door
from idp.web.edge import Edge, trusted_networks
from idp.web.error_pages import ERROR_PATH, ErrorPages
from idp.web.flow_cookie import FlowCookies
from idp.web.http import Answer, Endpoint, HttpRequest
from idp.web.interaction import Interaction, Stages
from idp.web.logout import LogoutPages
from idp.web.logout_request import LOGOUT_PATH
from idp.web.metadata import discovery_endpoint, jwks_endpoint
from idp.web.page_answers import PageAnswers
from idp.web.pages import Pages
from idp.web.refusals import Refusals
from idp.web.sign_in_pages import SIGN_IN_PATH, SignInPages
from idp.web.site import make_site
from idp.web.stages.claim import ClaimStage
from idp.web.stages.consent import ConsentStage
from idp.web.stages.opening import SessionOpening
from idp.web.stages.password import PasswordStage
from idp.web.stages.second_factor import SecondFactorStage
from idp.web.token import (
    introspection_endpoint,
    revocation_endpoint,
    token_endpoint,
    userinfo_endpoint,
)
from idp.web.way_on import WayOn
from keys.blind import BlindIndex
from keys.keyring import KeyRing
from keys.sql import StoreUnavailableError

HASHING_THREADS = 2
HASHING_QUEUE = 64


@asynccontextmanager
async def open_service(
    settings: Settings, clock: Clock = time.time, entropy: Entropy = os.urandom
) -> AsyncIterator[Edge]:
    """The whole provider as an ASGI application, its background work running.

    Raises: StoreUnavailableError, RingUnreadable.
    """
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(settings, clock, entropy))
        keyring = await KeyRing.load(
            key_store(settings, stores.database),
            stores.sealer,
            rotation_policy(settings),
            int(clock()),
        )
        chain = f"{int(clock())}-{entropy(6).hex()}"
        audit = await BatchingAudit.open(stores.database, audit_witness(settings), chain, clock)
        stack.push_async_callback(audit.close)
        http = outgoing_client(settings.tables.network.ca_file, settings.egress_rules)
        stack.push_async_callback(http.aclose)
        ends = SqlSessionEnds(stores.database)
        saml = SamlPlace(issuer=settings.issuer, systems=settings.systems, keyring=keyring)
        writers = by_participant(
            (
                OidcNotices(issuer=settings.issuer, clients=settings.clients, keyring=keyring),
                TicketNotices(issuer=settings.issuer, systems=settings.systems),
                SamlNotices(voice=saml.voice, systems=settings.systems),
            )
        )
        delivery = NoticeDelivery(
            ends=ends,
            writers=writers,
            egress=HttpEgress(http),
            audit=audit,
            clock=clock,
        )
        verifiers: dict[SystemId, AccountVerifier] = {}
        for system in settings.systems.values():
            match system.verification:
                case HttpVerification(url=url, secret=secret):
                    verifiers[system.system_id] = HttpVerifier(http, url, secret)
                case FileVerification(path=path):
                    verifiers[system.system_id] = PasswordFileVerifier(Path(path))
                case None:
                    pass
        wiring = _Wiring(
            settings, stores, keyring, audit, ends, delivery, writers, verifiers, clock, entropy
        )
        stack.callback(wiring.hasher.close)
        await stack.enter_async_context(_running(delivery.run()))
        await stack.enter_async_context(_running(audit.run()))
        fences = SqlFences(stores.database)
        await stack.enter_async_context(_running(housekeeping(keyring, fences, ends, clock)))
        yield wiring.application()


@asynccontextmanager
async def _running(journey: Coroutine[object, object, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(journey)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class _Wiring:
    """Makes each part once and hands it to those that need it."""

    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        keyring: KeyRing,
        audit: BatchingAudit,
        ends: SqlSessionEnds,
        delivery: NoticeDelivery,
        writers: Mapping[str, NoticeWriter],
        verifiers: dict[SystemId, AccountVerifier],
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        provider = settings.tables.provider
        self._settings = settings
        self._stores = stores
        self._keyring = keyring
        self._entropy = entropy
        self._clock = clock
        self._audit = audit
        self._ends = ends
        self._grants = SqlGrants(stores.database, stores.sealer)
        self._fences = SqlFences(stores.database)
        self._mint = TokenMint(
            issuer=settings.issuer, clients=settings.clients, sealer=stores.sealer, keyring=keyring
        )
        self._released = ReleasedClaims(settings.systems)
        self._saml = SamlPlace(issuer=settings.issuer, systems=settings.systems, keyring=keyring)
        self._hints = HintReader(issuer=settings.issuer, clients=settings.clients, keyring=keyring)
        self._cookies = CookieJar(secure=settings.issuer.startswith("https:"))
        support = provider.support.text() if provider.support else None
        self._pages = PageAnswers(
            Pages(provider.service_name.text(), support), self._cookies, entropy
        )
        self._errors = ErrorPages(self._pages, stores.sealer, entropy)
        self._opening = AccountOpening(
            links=SqlLinks(stores.database),
            systems=settings.systems,
            verifiers=verifiers,
            entropy=entropy,
        )
        self._logout = Logout(
            sessions=stores.sessions,
            ends=ends,
            told=frozenset(writers),
            audit=audit,
            wake=delivery.wake,
        )
        self._sign_in = SignIn(
            sessions=stores.sessions,
            grants=self._grants,
            systems=settings.systems,
            opening=self._opening,
            logout=self._logout,
            audit=audit,
            entropy=entropy,
            idle_seconds=provider.session_idle_minutes * 60,
            session_seconds=provider.session_hours * 3600,
        )
        self.hasher = PasswordHasher(workers=HASHING_THREADS, queue_limit=HASHING_QUEUE)

    def application(self) -> Edge:
        """The endpoints by path, the site behind them."""
        site = make_site(
            pages=self._pages,
            errors=self._errors,
            cookies=self._cookies,
            sign_in=self._sign_in,
            grants=self._grants,
            systems=tuple(self._settings.systems.values()),
            ready=self._ready,
        )
        return Edge(
            site,
            endpoints=self._protocol_endpoints() | self._page_endpoints(),
            trusted_proxies=trusted_networks(self._settings.tables.network.trusted_proxies),
            fault_page=self._errors.fault,
            refusals=Refusals(
                self._audit,
                self._settings.clients,
                BlindIndex(self._settings.keks[-1]),
                self._entropy,
            ),
            entropy=self._entropy,
            clock=self._clock,
        )

    async def _ready(self) -> bool:
        try:
            await self._stores.database.one("SELECT 1 AS up")
            await self._stores.counters.count("readiness")
        except StoreUnavailableError:
            return False
        return True

    def _protocol_endpoints(self) -> dict[str, Endpoint]:
        authentication = ClientAuthentication(
            issuer=self._settings.issuer,
            clients=self._settings.clients,
            fences=self._fences,
            counters=self._stores.counters,
        )
        state = TokenState(
            issuer=self._settings.issuer,
            clients=self._settings.clients,
            grants=self._grants,
            fences=self._fences,
            mint=self._mint,
            released=self._released,
            audit=self._audit,
        )
        token = TokenEndpoint(
            authentication=authentication,
            code_grant=AuthorizationCodeGrant(
                grants=self._grants,
                mint=self._mint,
                released=self._released,
                audit=self._audit,
            ),
            refresh_grant=RefreshTokenGrant(
                grants=self._grants,
                mint=self._mint,
                released=self._released,
                audit=self._audit,
            ),
            mint=self._mint,
            clock=self._clock,
        )
        discovery = discovery_endpoint(
            provider_metadata(
                self._settings.issuer,
                self._keyring.algorithms(),
                ASSERTION_ALGORITHMS,
                {"sub", "acr", "amr", "auth_time", "sid"} | {r.claim for r in STANDARD_RULES},
            )
        )
        return {
            "/.well-known/openid-configuration": discovery,
            "/.well-known/oauth-authorization-server": discovery,
            "/jwks": jwks_endpoint(self._keyring),
            METADATA_PATH: metadata_endpoint(self._saml),
            "/token": token_endpoint(token),
            "/userinfo": userinfo_endpoint(state),
            "/introspect": introspection_endpoint(state, authentication),
            "/revoke": revocation_endpoint(state, authentication),
        }

    def _page_endpoints(self) -> dict[str, Endpoint]:
        interaction = self._interaction()
        logout = LogoutPages(
            clients=self._settings.clients,
            systems=self._settings.systems,
            sessions=self._stores.sessions,
            grants=self._grants,
            logout=self._logout,
            hints=self._hints,
            cookies=self._cookies,
            pages=self._pages,
            sealer=self._stores.sealer,
        )

        async def authorize(request: HttpRequest) -> Answer:
            return await interaction.enter(request, Dialect.OIDC)

        async def ticket(request: HttpRequest) -> Answer:
            return await interaction.enter(request, Dialect.SIGNED_TICKET)

        async def saml(request: HttpRequest) -> Answer:
            return await interaction.enter(request, Dialect.SAML)

        saml_logout = SamlLogout(
            place=self._saml,
            sessions=self._stores.sessions,
            grants=self._grants,
            fences=self._fences,
            logout=self._logout,
            cookies=self._cookies,
            entropy=self._entropy,
        )

        async def sign_in(request: HttpRequest) -> Answer:
            if request.method == "POST":
                return await interaction.submit(request)
            return await interaction.show(request)

        error = self._errors.refused
        return {
            "/authorize": page(authorize, "GET", "POST", error_page=error),
            "/ticket": page(ticket, "GET", error_page=error),
            SSO_PATH: page(saml, "GET", "POST", error_page=error),
            SLO_PATH: page(saml_logout.handle, "GET", "POST", error_page=error),
            SIGN_IN_PATH: page(sign_in, "GET", "POST", error_page=error),
            LOGOUT_PATH: page(logout.handle, "GET", "POST", error_page=error),
            ERROR_PATH: page(self._errors.again, "GET", error_page=error),
        }

    def _interaction(self) -> Interaction:
        doors = self._doors()
        flows = FlowCookies(self._stores.sealer, self._cookies, self._entropy)
        pages = SignInPages(self._pages)
        way_on = WayOn(
            doors=doors,
            sign_in=self._sign_in,
            accounts=self._stores.accounts,
            flows=flows,
            cookies=self._cookies,
            pages=pages,
        )
        return Interaction(
            doors=doors,
            sign_in=self._sign_in,
            flows=flows,
            cookies=self._cookies,
            pages=pages,
            way_on=way_on,
            stages=self._stages(way_on),
        )

    def _doors(self) -> dict[Dialect, Door]:
        return {
            Dialect.OIDC: OidcDoor(
                issuer=self._settings.issuer,
                clients=self._settings.clients,
                systems=self._settings.systems,
                hints=self._hints,
                mint=self._mint,
                sign_in=self._sign_in,
                pages=self._pages,
                audit=self._audit,
                entropy=self._entropy,
            ),
            Dialect.SAML: self._saml_door(),
            Dialect.SIGNED_TICKET: TicketDoor(
                issuer=self._settings.issuer,
                systems=self._settings.systems,
                sign_in=self._sign_in,
                ends=self._ends,
                pages=self._pages,
                audit=self._audit,
                entropy=self._entropy,
            ),
        }

    def _saml_door(self) -> SamlDoor:
        return SamlDoor(
            place=self._saml,
            kept=KeptRequests(self._settings.systems, self._stores.sealer),
            sign_in=self._sign_in,
            ends=self._ends,
            posting=Posting(self._pages),
            audit=self._audit,
            entropy=self._entropy,
        )

    def _stages(self, way_on: WayOn) -> Stages:
        throttle_key = BlindIndex(self._settings.keks[-1]).digest("throttle", "key")
        throttle = Throttle(self._stores.counters, key=throttle_key)
        authenticator = LocalAuthenticator(
            self._stores.accounts, self.hasher, throttle, self._clock
        )
        devices = DeviceCookies(self._stores.sealer, self._cookies, self._entropy)
        opening = SessionOpening(
            sign_in=self._sign_in, cookies=self._cookies, devices=devices, way_on=way_on
        )
        return Stages(
            password=PasswordStage(
                authenticator=authenticator,
                devices=devices,
                opening=opening,
                way_on=way_on,
                second_factor_always=self._settings.tables.provider.second_factor == "always",
            ),
            second_factor=SecondFactorStage(
                authenticator=authenticator,
                devices=devices,
                opening=opening,
                way_on=way_on,
            ),
            claim=ClaimStage(
                opening=self._opening, throttle=throttle, audit=self._audit, way_on=way_on
            ),
            consent=ConsentStage(grants=self._grants, audit=self._audit, way_on=way_on),
        )

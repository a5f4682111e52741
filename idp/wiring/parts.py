"""Every part of the provider that several others need, made once."""

from collections.abc import Mapping

from connectors.contract import AccountVerifier, SystemId
from connectors.links.account_opening import AccountOpening
from connectors.links.sql import SqlLinks
from connectors.systems.forward_auth.hosts import protected_hosts
from idp.adapters import Stores
from idp.audit.writer import BatchingAudit
from idp.authn.password import PasswordHasher
from idp.config import Settings
from idp.egress.client import HttpEgress
from idp.flows.deliver import NoticeDelivery
from idp.flows.id_token_hint import HintReader
from idp.flows.logout import Logout
from idp.flows.notices import NoticeWriter
from idp.flows.released_claims import ReleasedClaims
from idp.flows.sign_in import SignIn
from idp.flows.tokens import TokenMint
from idp.ports import Clock, Entropy
from idp.store.fences import SqlFences
from idp.store.grants import SqlGrants
from idp.store.session_ends import SqlSessionEnds
from idp.web.cookies import CookieJar
from idp.web.dialects.cas.dialect import CasDialect
from idp.web.dialects.forward_auth.handles import Handles
from idp.web.dialects.saml.place import SamlPlace
from idp.web.error_pages import ErrorPages
from idp.web.page_answers import PageAnswers
from idp.web.pages import Pages
from idp.wiring.upstream import Upstream
from keys.blind import BlindIndex
from keys.keyring import KeyRing

HASHING_THREADS = 2
HASHING_QUEUE = 64


class Parts:
    """What the doors and the endpoints are put together from. Only this room reads it."""

    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        keyring: KeyRing,
        audit: BatchingAudit,
        ends: SqlSessionEnds,
        egress: HttpEgress,
        delivery: NoticeDelivery,
        writers: Mapping[str, NoticeWriter],
        verifiers: dict[SystemId, AccountVerifier],
        upstream: Upstream,
        saml: SamlPlace,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        provider = settings.tables.provider
        self.settings = settings
        self.stores = stores
        self.throttle_key = BlindIndex(settings.keks[-1]).digest("throttle", "key")
        self.upstream = upstream
        self.saml = saml
        self.keyring = keyring
        self.entropy = entropy
        self.clock = clock
        self.audit = audit
        self.ends = ends
        self.grants = SqlGrants(stores.database, stores.sealer)
        self.fences = SqlFences(stores.database)
        self.mint = TokenMint(
            issuer=settings.issuer, clients=settings.clients, sealer=stores.sealer, keyring=keyring
        )
        self.hosts = protected_hosts(settings.systems.values())
        self.handles = Handles(stores.sealer)
        self.released = ReleasedClaims(settings.systems)
        self.hints = HintReader(issuer=settings.issuer, clients=settings.clients, keyring=keyring)
        self.cookies = CookieJar(secure=settings.issuer.startswith("https:"))
        support = provider.support.text() if provider.support else None
        self.pages = PageAnswers(
            Pages(provider.service_name.text(), support), self.cookies, entropy
        )
        self.errors = ErrorPages(self.pages, stores.sealer, entropy)
        self.opening = AccountOpening(
            links=SqlLinks(stores.database, outbox=stores.outbox),
            systems=settings.systems,
            verifiers=verifiers,
            entropy=entropy,
        )
        self.told = frozenset(writers)
        self.wake = delivery.wake
        self.logout = Logout(
            sessions=stores.sessions,
            ends=ends,
            told=self.told,
            audit=audit,
            wake=delivery.wake,
        )
        self.sign_in = SignIn(
            sessions=stores.sessions,
            grants=self.grants,
            systems=settings.systems,
            opening=self.opening,
            logout=self.logout,
            ends=ends,
            audit=audit,
            entropy=entropy,
            idle_seconds=provider.session_idle_minutes * 60,
            session_seconds=provider.session_hours * 3600,
        )
        self.cas = CasDialect(
            systems=settings.systems,
            sealer=stores.sealer,
            fences=self.fences,
            sign_in=self.sign_in,
            ends=ends,
            egress=egress,
            pages=self.pages,
            error_page=self.errors.refused,
            audit=audit,
            entropy=entropy,
        )
        self.hasher = PasswordHasher(workers=HASHING_THREADS, queue_limit=HASHING_QUEUE)

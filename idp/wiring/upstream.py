"""The parts that signing in by a source is made of, each made once; `idp/app.py` wires them in."""

from collections.abc import Awaitable, Callable, Mapping

import httpx

from connectors.provisioning.writer import OutboxWriter
from connectors.sources.ldap.directory import Directory
from connectors.sources.model import Source, SourceId
from idp.authn.directory_client import DirectoryClient
from idp.authn.upstream_client import UpstreamClient
from idp.authn.upstream_health import UpstreamHealth
from idp.authn.upstream_keys import UpstreamKeys
from idp.authn.upstream_saml import UpstreamSaml
from idp.config import Settings
from idp.egress.ldap import LdapEgress
from idp.egress.transport import SystemResolver
from idp.flows.end_subject import SubjectEnd
from idp.flows.logout import Logout
from idp.flows.upstream_arrival import UpstreamArrival
from idp.flows.upstream_logout import SignedInAbove
from idp.flows.upstream_notices import UpstreamNotices
from idp.flows.upstream_saml_logout import UpstreamSamlLogout
from idp.flows.upstream_sign_in import UpstreamSignIn
from idp.flows.upstream_ways import UpstreamWays
from idp.ports import Audit, Clock, Entropy, Fences
from idp.store.upstream_identities import SqlUpstreamIdentities
from idp.store.upstream_sessions import SqlUpstreamSessions
from idp.web.answers import ErrorPage, page
from idp.web.http import Answer, Endpoint, HttpRequest
from idp.web.logout_request import LOGOUT_PATH
from idp.web.stages.directory import DirectoryStage
from idp.web.stages.upstream import UpstreamStage
from idp.web.stages.upstream_saml import SamlReturn
from idp.web.upstream_notices import notice_endpoints
from idp.web.upstream_saml import SamlSourceLogout, saml_metadata_endpoints
from keys.blind import BlindIndex
from keys.keyring import KeyRing
from keys.seal import Sealer
from keys.sql import Database


class Upstream:
    """Everything behind the login page's links, and what sources tell of their own accord."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        sealer: Sealer,
        http: httpx.AsyncClient,
        keyring: KeyRing,
        clock: Clock,
        entropy: Entropy,
        outbox: OutboxWriter,
    ) -> None:
        provider = settings.tables.provider
        self.sources = settings.sources
        everywhere: dict[SourceId, Source | Directory] = {
            **settings.sources,
            **settings.directories,
        }
        self.health = UpstreamHealth(everywhere, clock)
        self.directories = DirectoryClient(
            LdapEgress(
                settings.egress_rules, SystemResolver(), settings.tables.network.ca_file
            ).connect
        )
        self.ways = UpstreamWays(everywhere, self.health, password=provider.password_sign_in)
        self.sessions = SqlUpstreamSessions(database)
        self._identities = SqlUpstreamIdentities(
            database, sealer, BlindIndex(settings.keks[-1]), outbox
        )
        self._keys = UpstreamKeys(http)
        self._client = UpstreamClient(http, self._keys, entropy)
        self.saml = UpstreamSaml(settings.issuer, keyring)
        self._issuer = settings.issuer
        self._session_seconds = provider.session_hours * 3600
        self._sealer = sealer
        self._entropy = entropy

    def arrival(self, audit: Audit) -> UpstreamArrival:
        """Who came, whichever way."""
        return UpstreamArrival(
            identities=self._identities,
            sessions=self.sessions,
            audit=audit,
            entropy=self._entropy,
            session_seconds=self._session_seconds,
        )

    def sign_in(self, fences: Fences, arrival: UpstreamArrival) -> UpstreamSignIn:
        """The journey to a source and back."""
        return UpstreamSignIn(
            issuer=self._issuer,
            client=self._client,
            saml=self.saml,
            health=self.health,
            arrival=arrival,
            fences=fences,
            sealer=self._sealer,
            entropy=self._entropy,
        )

    def signed_in_above(self) -> SignedInAbove:
        """Where people are still signed in once our own session ended."""
        back = self._issuer + LOGOUT_PATH
        return SignedInAbove(back=back, sources=self.sources, sessions=self.sessions)

    def notices(
        self, logout: Logout, subject_end: SubjectEnd, fences: Fences, audit: Audit
    ) -> dict[str, Endpoint]:
        """Where sources tell of ended sessions and disabled accounts."""
        notices = UpstreamNotices(
            keys=self._keys,
            identities=self._identities,
            sessions=self.sessions,
            logout=logout,
            subject_end=subject_end,
            fences=fences,
            audit=audit,
        )
        return notice_endpoints(self.sources, notices) | saml_metadata_endpoints(
            self.sources, self.saml
        )

    def saml_logout(
        self, logout: Logout, fences: Fences, audit: Audit, error_page: ErrorPage
    ) -> dict[str, Endpoint]:
        """Where SAML sources send a browser to say that a session ended."""
        flow = UpstreamSamlLogout(
            identities=self._identities,
            sessions=self.sessions,
            logout=logout,
            fences=fences,
            audit=audit,
        )
        ended = SamlSourceLogout(self.saml, flow, self._entropy)
        return ended.endpoints(self.sources, error_page)


def journey_endpoints(
    stage: UpstreamStage,
    saml: SamlReturn,
    sources: Mapping[SourceId, Source],
    error_page: ErrorPage,
) -> dict[str, Endpoint]:
    """For each source one way there, and one callback of its own (RFC 9700 §4.4)."""
    found: dict[str, Endpoint] = {}
    for source in sources.values():
        found[f"{source.place}/start"] = page(
            _for(stage.start, source.source_id), "GET", error_page=error_page
        )
        if source.saml is None:
            callback = page(_for(stage.callback, source.source_id), "GET", error_page=error_page)
        else:
            brought = page(_for(saml.bring, source.source_id), "POST", error_page=error_page)
            found[f"{source.place}/acs"] = brought
            callback = page(_for(saml.take, source.source_id), "POST", error_page=error_page)
        found[source.callback_path] = callback
    return found


def directory_endpoints(
    stage: DirectoryStage, directories: Mapping[SourceId, Directory], error_page: ErrorPage
) -> dict[str, Endpoint]:
    """For each directory our page, and where it posts to."""
    found: dict[str, Endpoint] = {}
    for directory in directories.values():
        source_id = directory.source_id
        start, submit = _for(stage.start, source_id), _for(stage.submit, source_id)
        found[f"/upstream/{source_id}/start"] = page(start, "GET", error_page=error_page)
        found[directory.sign_in_path] = page(submit, "POST", error_page=error_page)
    return found


def _for(
    handle: Callable[[HttpRequest, SourceId], Awaitable[Answer]], source_id: SourceId
) -> Callable[[HttpRequest], Awaitable[Answer]]:
    async def bound(request: HttpRequest) -> Answer:
        return await handle(request, source_id)

    return bound

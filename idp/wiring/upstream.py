"""The parts that signing in by a source is made of, each made once; `idp/app.py` wires them in."""

from collections.abc import Mapping

import httpx

from connectors.provisioning.writer import OutboxWriter
from connectors.sources.model import Source, SourceId
from idp.authn.upstream_client import UpstreamClient
from idp.authn.upstream_health import UpstreamHealth
from idp.authn.upstream_keys import UpstreamKeys
from idp.config import Settings
from idp.flows.end_subject import SubjectEnd
from idp.flows.logout import Logout
from idp.flows.upstream_logout import SignedInAbove
from idp.flows.upstream_notices import UpstreamNotices
from idp.flows.upstream_sign_in import UpstreamSignIn
from idp.flows.upstream_ways import UpstreamWays
from idp.ports import Audit, Clock, Entropy, Fences
from idp.store.upstream_identities import SqlUpstreamIdentities
from idp.store.upstream_sessions import SqlUpstreamSessions
from idp.web.answers import ErrorPage, page
from idp.web.http import Answer, Endpoint, HttpRequest
from idp.web.logout_request import LOGOUT_PATH
from idp.web.stages.upstream import UpstreamStage
from idp.web.upstream_notices import notice_endpoints
from keys.blind import BlindIndex
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
        clock: Clock,
        entropy: Entropy,
        outbox: OutboxWriter,
    ) -> None:
        provider = settings.tables.provider
        self.sources = settings.sources
        self.health = UpstreamHealth(settings.sources, clock)
        self.ways = UpstreamWays(settings.sources, self.health, password=provider.password_sign_in)
        self.sessions = SqlUpstreamSessions(database)
        self._identities = SqlUpstreamIdentities(
            database, sealer, BlindIndex(settings.keks[-1]), outbox
        )
        self._keys = UpstreamKeys(http)
        self._client = UpstreamClient(http, self._keys, entropy)
        self._issuer = settings.issuer
        self._session_seconds = provider.session_hours * 3600
        self._sealer = sealer
        self._entropy = entropy

    def sign_in(self, fences: Fences, audit: Audit) -> UpstreamSignIn:
        """The journey to a source and back."""
        return UpstreamSignIn(
            issuer=self._issuer,
            client=self._client,
            health=self.health,
            identities=self._identities,
            sessions=self.sessions,
            fences=fences,
            sealer=self._sealer,
            audit=audit,
            entropy=self._entropy,
            session_seconds=self._session_seconds,
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
        return notice_endpoints(self.sources, notices)


def journey_endpoints(
    stage: UpstreamStage, sources: Mapping[SourceId, Source], error_page: ErrorPage
) -> dict[str, Endpoint]:
    """For each source one way there, and one callback of its own (RFC 9700 §4.4)."""
    found: dict[str, Endpoint] = {}
    for source in sources.values():
        start, callback = _bound(stage, source.source_id)
        found[f"/upstream/{source.source_id}/start"] = page(start, "GET", error_page=error_page)
        found[source.callback_path] = page(callback, "GET", error_page=error_page)
    return found


def _bound(stage: UpstreamStage, source_id: SourceId) -> tuple[Endpoint, Endpoint]:
    async def start(request: HttpRequest) -> Answer:
        return await stage.start(request, source_id)

    async def callback(request: HttpRequest) -> Answer:
        return await stage.callback(request, source_id)

    return start, callback

"""An identity provider ends a session of its own: ours that began with it ends, too."""

import hashlib

from connectors.errors import UpstreamRefused
from connectors.saml.logout import LogoutRequest
from connectors.sources.model import SamlUpstream, Source
from connectors.sources.saml.identity import session_name
from idp.flows.logout import Logout
from idp.ports import Audit, Fences
from idp.store.upstream_identities import SqlUpstreamIdentities
from idp.store.upstream_sessions import Ours, SqlUpstreamSessions


class UpstreamSamlLogout:
    """Takes a request once, and ends what it names, on every node."""

    def __init__(
        self,
        *,
        identities: SqlUpstreamIdentities,
        sessions: SqlUpstreamSessions,
        logout: Logout,
        fences: Fences,
        audit: Audit,
    ) -> None:
        self._identities = identities
        self._sessions = sessions
        self._logout = logout
        self._fences = fences
        self._audit = audit

    async def ended(
        self, source: Source, saml: SamlUpstream, asked: LogoutRequest, now: int
    ) -> int:
        """End the sessions that a request names; how many.

        Spec: SAML Profiles 2.0 §4.4.3.2; SAML Core 2.0 §3.7.3.2
        Raises: UpstreamRefused where the request was taken before.
        """
        digest = hashlib.sha256(f"{source.issuer}\0{asked.request_id}".encode()).digest()
        if not await self._fences.once("upstream_logout", digest, asked.expires_at):
            raise UpstreamRefused("saml: the request was taken before")
        found: set[Ours] = set()
        for name in _sessions_named(saml, asked):
            there = self._identities.digest(source.issuer, f"sid {name}")
            found |= set(await self._sessions.of_session(source.issuer, there))
        if not asked.sessions and saml.subject_attribute is None:
            subject = self._identities.digest(source.issuer, asked.name_id)
            found |= set(await self._sessions.of_subject(source.issuer, subject))
        for sid, ours in sorted(found):
            await self._logout.end_named(sid, ours, now)
        self._audit.record("upstream_ended", {"source": source.source_id, "sessions": len(found)})
        return len(found)


def _sessions_named(saml: SamlUpstream, asked: LogoutRequest) -> set[str]:
    indexes = asked.sessions or (("",) if saml.subject_attribute is not None else ())
    return {session_name(saml, asked.name_id, index) for index in indexes}

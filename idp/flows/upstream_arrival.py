"""Who came from above: a subject of ours, and what is remembered of the session that begins."""

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.contract import SessionId, SubjectId
from connectors.sources.ldap.directory import Directory
from connectors.sources.model import Authentication, Source, UpstreamIdentity
from connectors.sources.outcomes import ClosedAccount, Differs, FirstSeen, Recognised
from idp.ports import Audit, Entropy
from idp.store.upstream_identities import SqlUpstreamIdentities
from idp.store.upstream_sessions import SqlUpstreamSessions


@dataclass(frozen=True, slots=True, kw_only=True)
class CameBack:
    """The person, as our own records know them."""

    subject: SubjectId
    authentication: Authentication
    digests: tuple[bytes, bytes | None]
    issuer: str


Outcome = CameBack | Differs | ClosedAccount


class UpstreamArrival:
    """The same for every kind of source, once it has said who it is."""

    def __init__(
        self,
        *,
        identities: SqlUpstreamIdentities,
        sessions: SqlUpstreamSessions,
        audit: Audit,
        entropy: Entropy,
        session_seconds: int,
    ) -> None:
        self._identities = identities
        self._sessions = sessions
        self._audit = audit
        self._entropy = entropy
        self._session_seconds = session_seconds

    async def recognised(
        self, source: Source | Directory, identity: UpstreamIdentity, now: int
    ) -> Outcome:
        """Who an identity is in our own records, made at its first sign-in."""
        candidate = SubjectId(self._entropy(16).hex())
        outcome = await self._identities.recognise(identity, candidate, now)
        match outcome:
            case Recognised(subject):
                return self._came_back(identity, subject)
            case FirstSeen(subject):
                self._audit.record("upstream_first_seen", {"source": source.source_id})
                return self._came_back(identity, subject)
            case Differs(what):
                self._audit.record(
                    "upstream_identity_differs", {"source": source.source_id, "what": what}
                )
                return outcome
            case ClosedAccount():
                return outcome

    def _came_back(self, identity: UpstreamIdentity, subject: SubjectId) -> CameBack:
        sid, issuer = identity.authentication.upstream_sid, identity.issuer
        return CameBack(
            subject=subject,
            authentication=identity.authentication,
            digests=(
                self._identities.digest(issuer, identity.subject),
                None if sid is None else self._identities.digest(issuer, f"sid {sid}"),
            ),
            issuer=issuer,
        )

    async def opened(
        self, came: CameBack, sid: SessionId, source: Source | Directory, now: int
    ) -> None:
        """Remember where a session began, so that an end there ends it here."""
        ends_at = now + self._session_seconds
        await self._sessions.began(sid, came.subject, came.issuer, came.digests, ends_at)
        acr = came.authentication.assurance.acr
        fields: Mapping[str, str | int] = {"source": source.source_id, "sid": sid, "acr": acr}
        self._audit.record("upstream_signed_in", fields)

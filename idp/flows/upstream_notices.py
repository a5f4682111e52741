"""An upstream speaks first: its sessions ended, or an account of its was disabled."""

import hashlib
from collections.abc import Mapping

from connectors.sources.logout_token import MAX_AGE_SECONDS, read_event, read_logout_token
from connectors.sources.model import Source
from idp.authn.upstream_keys import UpstreamKeys
from idp.flows.end_subject import SubjectEnd
from idp.flows.logout import Logout
from idp.ports import Audit, Fences
from idp.store.upstream_identities import SqlUpstreamIdentities
from idp.store.upstream_sessions import Ours, SqlUpstreamSessions


class UpstreamNotices:
    """Believes only what the source signed, for us, once."""

    def __init__(
        self,
        *,
        keys: UpstreamKeys,
        identities: SqlUpstreamIdentities,
        sessions: SqlUpstreamSessions,
        logout: Logout,
        subject_end: SubjectEnd,
        fences: Fences,
        audit: Audit,
    ) -> None:
        self._keys = keys
        self._identities = identities
        self._sessions = sessions
        self._logout = logout
        self._subject_end = subject_end
        self._fences = fences
        self._audit = audit

    async def ended(self, source: Source, token: str, now: int) -> int:
        """End the sessions that a logout token names; how many. A second delivery ends none.

        Spec: OIDC Back-Channel Logout 1.0 §2.6, §2.7
        Raises: UpstreamRefused, UpstreamSilent.
        """
        told = await self._keys.checked(
            source, lambda keys: read_logout_token(source, token, keys, now), now
        )
        issuer = source.issuer
        found: set[Ours] = set()
        if told.upstream_sid is not None:
            there = self._identities.digest(issuer, f"sid {told.upstream_sid}")
            found |= set(await self._sessions.of_session(issuer, there))
        if told.subject is not None:
            subject = self._identities.digest(issuer, told.subject)
            of_subject = set(await self._sessions.of_subject(issuer, subject))
            # With both, the session of that subject; without `sid`, every session of it.
            found = found & of_subject if told.upstream_sid is not None else of_subject
        await self._end(found, now)
        await self._note(source, told.jti, "upstream_ended", {"sessions": len(found)}, now)
        return len(found)

    async def disabled(self, source: Source, token: str, now: int) -> bool:
        """Disable the subject of an account that was disabled there, and end all that it has
        running, offline tokens too; only people enable it again.

        Spec: RFC 8935 §2, OpenID RISC Profile 1.0 §2.2
        Raises: UpstreamRefused, UpstreamSilent.
        """
        told = await self._keys.checked(
            source, lambda keys: read_event(source, token, keys, now), now
        )
        digest = self._identities.digest(source.issuer, told.subject)
        known = await self._sessions.disable(source.issuer, digest)
        if known is not None:
            await self._subject_end.end(known, now)
        await self._note(source, told.jti, "upstream_disabled", {"known": int(bool(known))}, now)
        return known is not None

    async def _end(self, found: set[Ours], now: int) -> None:
        for sid, subject in sorted(found):
            await self._logout.end_named(sid, subject, now)

    async def _note(
        self, source: Source, jti: str, event: str, more: Mapping[str, int], now: int
    ) -> None:
        """One record for each token. What it says is done again at a second delivery, to no effect:
        so a crash between the two loses nothing.
        """
        digest = hashlib.sha256(f"{source.issuer}\0{jti}".encode()).digest()
        if await self._fences.once("upstream_notice", digest, now + 2 * MAX_AGE_SECONDS):
            self._audit.record(event, {"source": source.source_id, **more})

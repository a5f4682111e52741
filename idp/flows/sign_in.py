"""The sign-in journey: sessions opened, standings read, `next_step` asked, accounts opened."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from connectors.admission import admits
from connectors.contract import (
    AccountId,
    AccountKind,
    Assurance,
    LocalAccount,
    PairwiseSub,
    PersonAttributes,
    SessionId,
    SignInRequest,
    SignInResult,
    SubjectId,
    SystemId,
    VerifiedIdentity,
    WhenUnlinked,
)
from connectors.links.account_opening import AccountOpening, AlreadyLinked, Created, NotCreated
from connectors.mapping import Source, missing_sources
from connectors.registry import System
from idp.errors import LoginRequired
from idp.flows.logout import Logout
from idp.model import Session, Standing
from idp.ports import Audit, Entropy, Grants, SessionEnds, Sessions
from idp.protocol.next_step import CreateAccount, Issue, LinkHeldBack, Step, next_step
from keys import base64url

TOUCH_EVERY_SECONDS = 60
HANDLE_BYTES = 32
AT_HOME = ""
"""The participant that the provider itself is in each session; no client or system has this name."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What comes next, and what was read to decide it."""

    step: Step
    session: Session | None
    standing: Standing | None


class SignIn:
    """Decides and remembers; knows neither HTTP nor any dialect."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        grants: Grants,
        systems: Mapping[SystemId, System],
        opening: AccountOpening,
        logout: Logout,
        ends: SessionEnds,
        audit: Audit,
        entropy: Entropy,
        idle_seconds: int,
        session_seconds: int,
    ) -> None:
        self._sessions = sessions
        self._grants = grants
        self._systems = systems
        self._opening = opening
        self._logout = logout
        self._ends = ends
        self._audit = audit
        self._entropy = entropy
        self._idle_seconds = idle_seconds
        self._session_seconds = session_seconds

    async def session(self, handle: str | None) -> Session | None:
        """The session behind a cookie."""
        return None if handle is None else await self._sessions.get(digest_of(handle))

    async def decide(
        self,
        handle: str | None,
        now: int,
        adapt: Callable[[Session | None], SignInRequest],
        *,
        leaving: bool = False,
    ) -> Decision:
        """Read what stands, and ask `next_step`; accounts that policy opens are opened here.

        `adapt` gives the request as it is for this session: prompts that the running flow has
        already satisfied are gone. `leaving`: the person stops, so nothing is opened.
        """
        session = await self.session(handle)
        request = adapt(session)
        if session is None or handle is None:
            return Decision(next_step(request, None, None, now), None, None)
        decision = await self.decide_for(session, request, now, leaving=leaving)
        if isinstance(decision.step, Issue) and now - session.touched_at >= TOUCH_EVERY_SECONDS:
            touched = replace(session, touched_at=now)
            await self._sessions.put(digest_of(handle), touched, self._idle_seconds)
        return decision

    async def decide_for(
        self, session: Session, request: SignInRequest, now: int, *, leaving: bool = False
    ) -> Decision:
        """The same for a session that is known otherwise than by its cookie: by a ticket of ours."""
        standing = await self._standing(request, session)
        step = next_step(request, session, standing, now)
        if isinstance(step, CreateAccount) and request.system is not None and not leaving:
            await self._create(session.subject, request.system, now)
            standing = await self._standing(request, session)
            step = next_step(request, session, standing, now)
            if isinstance(step, CreateAccount):
                step = LinkHeldBack()  # nothing was opened, so people have to look at it
        return Decision(step, session, standing)

    async def _standing(self, request: SignInRequest, session: Session) -> Standing | None:
        standing = await self._grants.standing(
            session.subject, request.participant, request.sector, request.system, session.sid
        )
        if standing is None or request.system is None:
            return standing
        if request.admission is not None:
            person = await self._grants.person(session.subject)
            admitted = person is not None and admits(request.admission, person[0], person[2])
            standing = replace(standing, admitted=admitted)
        if request.required_claims:
            missing = await self._missing(request, request.system, session, standing)
            standing = replace(standing, missing=missing)
        if standing.accounts:
            return standing
        if request.when_unlinked is WhenUnlinked.NOT_NEEDED:
            return standing
        return replace(standing, past=await self._opening.past(session.subject, request.system))

    async def _missing(
        self, request: SignInRequest, system: SystemId, session: Session, standing: Standing
    ) -> frozenset[Source]:
        """What the system requires and nobody knows of this person.

        An account that is still to be opened or claimed is not missing: the link has steps of its
        own.
        """
        person = await self._grants.person(session.subject)
        if person is None:
            return frozenset()  # gone since the standing was read: the gate refuses at the next use
        sub = standing.sub or PairwiseSub("")  # made at the first answer; no claim is made of it
        identity = identity_of(session, person[0], person[2], sub)
        account = _account(system, standing.accounts[0] if standing.accounts else None)
        rules = self._systems[system].claims
        missing = missing_sources(rules, request.required_claims, identity, account)
        if request.when_unlinked is WhenUnlinked.NOT_NEEDED:
            return missing
        return missing - {Source.LOCAL_ACCOUNT}

    async def _create(self, subject: SubjectId, system: SystemId, now: int) -> None:
        match await self._opening.create(subject, system, now):
            case Created():
                self._audit.record("account_opened", {"system": system})
            case NotCreated():
                self._audit.record("account_not_opened", {"system": system})
            case AlreadyLinked():
                pass  # a racing request opened it, and told so

    async def sub(self, request: SignInRequest, standing: Standing, now: int) -> PairwiseSub:
        """What this sector sees of the subject; made at the first sign-in, random and stored.

        Spec: OIDC Core §8.1
        """
        if standing.sub is not None:
            return standing.sub
        candidate = PairwiseSub(base64url.encode(self._entropy(24)).decode("ascii"))
        return await self._grants.pairwise(standing.subject, request.sector, candidate, now)

    async def result(
        self, request: SignInRequest, session: Session, standing: Standing, issue: Issue, now: int
    ) -> SignInResult:
        """The full answer for a dialect that names the person itself.

        Raises: LoginRequired where the person is gone or disabled meanwhile.
        """
        person = await self._grants.person(session.subject)
        if person is None or not person[1]:
            raise LoginRequired("please sign in")
        sub = await self.sub(request, standing, now)
        identity = identity_of(session, person[0], person[2], sub)
        account = _account(request.system, issue.account)
        return SignInResult(identity=identity, session=session.sid, account=account)

    async def open_session(
        self,
        subject: SubjectId,
        assurance: Assurance,
        amr: tuple[str, ...],
        now: int,
        previous_handle: str | None,
        authenticated_at: int | None = None,
    ) -> tuple[str, Session]:
        """A new session under a new handle; another person's session in this browser ends.

        `authenticated_at`: when a source says that it looked at the person; else it was now.
        The same person keeps the `sid`, so that systems see one session; the handle never stays.

        Spec: OWASP ASVS 7.2.4
        """
        previous = await self.session(previous_handle)
        if previous is not None and previous_handle is not None:
            if previous.subject != subject:
                await self._logout.end(previous, digest_of(previous_handle), now)
                previous = None
            else:
                await self._sessions.drop(digest_of(previous_handle))
        sid = await self._sid(subject, previous, now)
        handle = f"se_{base64url.encode(self._entropy(HANDLE_BYTES)).decode('ascii')}"
        session = Session(
            sid=sid,
            subject=subject,
            assurance=assurance,
            amr=amr,
            authenticated_at=now if authenticated_at is None else min(authenticated_at, now),
            created_at=now,
            expires_at=now + self._session_seconds,
            touched_at=now,
        )
        await self._sessions.put(digest_of(handle), session, self._idle_seconds)
        self._audit.record("signed_in", {"sid": session.sid, "acr": assurance.acr})
        return handle, session

    async def _sid(self, subject: SubjectId, previous: Session | None, now: int) -> SessionId:
        """The sid of the new session, on record under its subject before anybody holds its handle.

        Why on record: whoever disables a subject finds every session of it, those too that no
        system takes part in yet. A sid that has ended meanwhile is not taken up again.
        """
        if previous is not None and await self._on_record(previous.sid, subject, now):
            return previous.sid
        sid = SessionId(self._entropy(16).hex())
        # Where this fails the subject is disabled, and the gate refuses at the next step.
        await self._on_record(sid, subject, now)
        return sid

    async def _on_record(self, sid: SessionId, subject: SubjectId, now: int) -> bool:
        return await self._ends.join(sid, subject, AT_HOME, PairwiseSub(""), now)


def identity_of(
    session: Session, kind: AccountKind, attributes: PersonAttributes, sub: PairwiseSub
) -> VerifiedIdentity:
    """Who signed in when this session began, as one sector knows them."""
    return VerifiedIdentity(
        subject=session.subject,
        sub=sub,
        kind=kind,
        assurance=session.assurance,
        amr=session.amr,
        authenticated_at=session.authenticated_at,
        attributes=attributes,
    )


def _account(system: SystemId | None, account: AccountId | None) -> LocalAccount | None:
    if system is None or account is None:
        return None
    return LocalAccount(system=system, account=account)


def digest_of(handle: str) -> bytes:
    """What a store keeps of a session handle."""
    return hashlib.sha256(handle.encode("ascii")).digest()

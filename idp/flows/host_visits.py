"""A person at a protected host: the gate is asked again at every request."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from connectors.admission import admits
from connectors.contract import LocalAccount, SignInRequest, SignInResult, SystemId
from connectors.errors import RequiredClaimMissing
from connectors.mapping import Claim, claims_for
from connectors.registry import System
from idp.flows.sign_in import identity_of
from idp.model import Session
from idp.ports import Grants
from idp.protocol.next_step import Issue, Login, NotAdmitted, Step, next_step


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who may go through, and what the system is told of them."""

    result: SignInResult
    claims: Mapping[str, Claim] = field(repr=False)


class HostVisits:
    """Asks `next_step` with what stands now: one read in SQL, nothing cached."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    async def ask(
        self, request: SignInRequest, system: System, session: Session, now: int
    ) -> Visitor | Step:
        """The visitor, or the step that is in their way: the person disabled, the session ended,
        the link gone, the level or the admission of the system changed.
        """
        presence = await self._grants.presence(
            session.subject, request.participant, request.sector, system.system_id, session.sid
        )
        if presence is None:
            return Login()
        standing, attributes = presence
        if request.admission is not None:
            admitted = admits(request.admission, standing.kind, attributes)
            standing = replace(standing, admitted=admitted)
        step = next_step(request, session, standing, now)
        if not isinstance(step, Issue):
            return step
        if standing.sub is None:
            return Login()  # nobody has come in here by the door yet
        identity = identity_of(session, standing.kind, attributes, standing.sub)
        account = _account(system.system_id, step)
        try:
            claims = claims_for(system.claims, identity, account, request.releases, frozenset())
        except RequiredClaimMissing:
            return NotAdmitted()
        result = SignInResult(identity=identity, session=session.sid, account=account)
        return Visitor(result=result, claims=claims)


def _account(system: SystemId, issue: Issue) -> LocalAccount | None:
    if issue.account is None:
        return None
    return LocalAccount(system=system, account=issue.account)

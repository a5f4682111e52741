"""Who may enter, and what comes first. Every dialect asks here, and nowhere else."""

from dataclasses import dataclass

from connectors.contract import (
    AccountId,
    Assurance,
    ConsentRule,
    Prompt,
    SignInRequest,
    WhenUnlinked,
)
from connectors.links.model import LinkPast
from connectors.mapping import Source
from idp.model import Session, Standing


@dataclass(frozen=True, slots=True)
class Login:
    """Nobody is signed in, or not the person, or not freshly enough."""


@dataclass(frozen=True, slots=True)
class StepUp:
    """The person is known, but at a lower level than asked for."""

    to: Assurance


@dataclass(frozen=True, slots=True)
class NotAdmitted:
    """The system is for other people: of another kind, or of other agencies."""


@dataclass(frozen=True, slots=True)
class RequiredMissing:
    """The system does not go without these data, and nobody knows them of the person."""

    sources: frozenset[Source]


@dataclass(frozen=True, slots=True)
class CreateAccount:
    """The system wants an account to be opened without a question, and there never was one.

    Nothing else is left to be asked.
    """


@dataclass(frozen=True, slots=True)
class Claim:
    """The person may prove an old account."""


@dataclass(frozen=True, slots=True)
class NoAccount:
    """The system admits only accounts that it already links to somebody."""


@dataclass(frozen=True, slots=True)
class LinkHeldBack:
    """The person's link is suspended, disputed or not confirmed yet: no second way past it."""


@dataclass(frozen=True, slots=True)
class LinkEnded:
    """The person had an account there, and somebody ended the link: people open it again."""


@dataclass(frozen=True, slots=True)
class Consent:
    """The person is asked before these scopes are released."""

    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Issue:
    """All is decided: answer with this account (None for a system without accounts)."""

    account: AccountId | None


Unlinked = CreateAccount | Claim | NoAccount | LinkHeldBack | LinkEnded
Step = Login | StepUp | NotAdmitted | RequiredMissing | Unlinked | Consent | Issue


def next_step(
    request: SignInRequest, session: Session | None, standing: Standing | None, now: int
) -> Step:
    """The one decision of a sign-in. Called again after every step; steps never call each other.

    Spec: OIDC Core §3.1.2.3, §3.1.2.4
    Why: an account is opened last, so that nothing stays behind at a system for somebody who was
    still to be asked, and said no.
    """
    if session is None or standing is None or not _session_serves(request, session, standing, now):
        return Login()
    if session.assurance < request.required_assurance:
        return StepUp(request.required_assurance)
    if not standing.admitted:
        return NotAdmitted()
    if standing.missing:
        return RequiredMissing(standing.missing)  # before anybody is asked for anything in vain
    unlinked = None if standing.accounts else _unlinked(request.when_unlinked, standing.past)
    if unlinked is not None and not isinstance(unlinked, CreateAccount):
        return unlinked
    if Prompt.CONSENT in request.prompts or (
        request.consent is ConsentRule.ASK and not request.releases <= standing.consented
    ):
        return Consent(request.releases)
    if unlinked is not None:
        return unlinked
    return Issue(standing.accounts[0] if standing.accounts else None)


def _unlinked(wanted: WhenUnlinked, past: LinkPast) -> Unlinked | None:
    """What comes for a person without an account that may be used; None where none is needed.

    Why: a wrong link is the worst that can happen, a missing one costs a visit. So what people
    decided about a link is never undone at a sign-in.
    """
    match wanted, past:
        case WhenUnlinked.NOT_NEEDED, _:
            return None
        case _, LinkPast.HELD_BACK:
            return LinkHeldBack()
        case WhenUnlinked.CREATE, LinkPast.ENDED:
            return LinkEnded()
        case WhenUnlinked.CREATE, _:
            return CreateAccount()
        case WhenUnlinked.CLAIM, _:
            return Claim()
        case WhenUnlinked.REFUSE, _:
            return NoAccount()


def _session_serves(request: SignInRequest, session: Session, standing: Standing, now: int) -> bool:
    """Whether this session may answer without a new sign-in."""
    if not standing.enabled or standing.session_ended or now >= session.expires_at:
        return False
    if Prompt.LOGIN in request.prompts or Prompt.SELECT_ACCOUNT in request.prompts:
        return False
    max_age = request.max_age_seconds
    if max_age is not None and (max_age == 0 or now - session.authenticated_at > max_age):
        return False  # zero asks for a new sign-in, as prompt=login does
    hinted = request.hinted_subject_sub
    return hinted is None or hinted == standing.sub

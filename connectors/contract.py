"""The words that every dialect, link and mapping speaks. Imports nothing of the house."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Literal, NewType, Protocol

from keys.values import hot_value

SubjectId = NewType("SubjectId", str)
"""Our opaque id of a person or a business: random, stored, never reused, never sent out."""
PairwiseSub = NewType("PairwiseSub", str)
"""What one sector sees of a subject (OIDC Core §8.1): random, stored."""
SystemId = NewType("SystemId", str)
SectorId = NewType("SectorId", str)
AccountId = NewType("AccountId", str)
"""The key of a record in a system's own account table, in that system's own spelling."""
SessionId = NewType("SessionId", str)

Locale = Literal["vi", "en"]
LOCALES: tuple[Locale, ...] = ("vi", "en")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalText:
    """A text in both languages of the house."""

    vi: str
    en: str

    def for_locale(self, locale: Locale) -> str:
        """The text in the language asked for."""
        return self.vi if locale == "vi" else self.en


class Assurance(IntEnum):
    """Level of assurance of a sign-in (Decree 69/2024: levels 1 and 2), ordered."""

    LEVEL_1 = 1
    LEVEL_2 = 2

    @property
    def acr(self) -> str:
        """The `acr` value on the wire."""
        return f"LoA{self.value}"


class AccountKind(StrEnum):
    """What kind of holder a subject is. On the wire: `vn_account_type`."""

    CITIZEN = "citizen"
    BUSINESS = "business"
    STAFF = "staff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Birthdate:
    """A date of birth as far as it is known: `YYYY`, `YYYY-MM` or `YYYY-MM-DD`."""

    value: str = field(repr=False)

    @property
    def precision(self) -> Literal["year", "month", "day"]:
        """How much of the date is known."""
        match len(self.value):
            case 4:
                return "year"
            case 7:
                return "month"
            case _:
                return "day"


@hot_value
class PersonAttributes:
    """What is known of a person. One full name (never split); nothing of it is ever logged."""

    full_name: str = field(repr=False)
    birthdate: Birthdate | None = field(default=None, repr=False)
    gender: str | None = field(default=None, repr=False)
    personal_number: str | None = field(default=None, repr=False)
    tech_id: str | None = field(default=None, repr=False)
    tax_code: str | None = field(default=None, repr=False)
    enterprise_code: str | None = field(default=None, repr=False)
    business_name: str | None = field(default=None, repr=False)
    passport: str | None = field(default=None, repr=False)
    agency_code: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    phone_verified: bool = field(default=False, repr=False)
    email: str | None = field(default=None, repr=False)
    email_verified: bool = field(default=False, repr=False)
    address: str | None = field(default=None, repr=False)
    updated_at: int | None = field(default=None, repr=False)


@hot_value
class VerifiedIdentity:
    """Who signed in, how well that was checked, and when (epoch seconds)."""

    subject: SubjectId
    sub: PairwiseSub
    kind: AccountKind
    assurance: Assurance
    amr: tuple[str, ...]
    authenticated_at: int
    attributes: PersonAttributes = field(repr=False)


@hot_value
class LocalAccount:
    """One record in one system's account table."""

    system: SystemId
    account: AccountId = field(repr=False)


class Dialect(StrEnum):
    """The protocols a system may speak to us."""

    OIDC = "oidc"
    SIGNED_TICKET = "signed_ticket"
    CAS = "cas"
    FORWARD_AUTH = "forward_auth"
    VNCONNECT = "vnconnect"
    """OAuth 2 in the shape of the National Portal's sign-on: its clients change a host name alone."""
    HAND_OFF = "hand_off"
    """A deep link into a service: spoken by the National Portal, by no system."""
    SAML = "saml"
    LDAP_VIEW = "ldap_view"
    """Nobody signs in by it: a mail or file server asks about its people, and who proves to be one."""


class Prompt(StrEnum):
    """OIDC Core §3.1.2.1 `prompt`."""

    NONE = "none"
    LOGIN = "login"
    CONSENT = "consent"
    SELECT_ACCOUNT = "select_account"


class ConsentRule(StrEnum):
    """Whether the person is asked before claims are released."""

    ASK = "ask"
    IMPLIED = "implied"
    """The system's legal basis stands in for the question; it is shown on the account page."""


class WhenUnlinked(StrEnum):
    """What a system wants when a person has no account there yet."""

    NOT_NEEDED = "not-needed"
    """The system keeps no accounts of its own, or keys them on `sub`."""
    REFUSE = "refuse"
    CREATE = "create"
    CLAIM = "claim"


class AccountNames(StrEnum):
    """How the name of an old account that a system proves may differ from the one it was asked for."""

    EXACT = "exact"
    ANY_CASE = "any-case"
    """The system knows its accounts in any case, and answers with their one spelling."""


@hot_value
class Admission:
    """Whom a system lets in at all, whatever account they have; an empty set asks nothing."""

    kinds: frozenset[AccountKind] = frozenset()
    agencies: frozenset[str] = frozenset()
    email_domains: frozenset[str] = frozenset()


@hot_value
class SignInRequest:
    """What any dialect asks for, after its own checks: the return address is already verified."""

    dialect: Dialect
    participant: str
    """The registered id of who asks: a client id or a system id."""
    participant_name: LocalText
    system: SystemId | None
    sector: SectorId
    required_assurance: Assurance
    when_unlinked: WhenUnlinked
    consent: ConsentRule
    releases: frozenset[str]
    """Scope names (OIDC) that the answer will release; what consent is asked for."""
    prompts: frozenset[Prompt] = frozenset()
    max_age_seconds: int | None = None
    required_claims: frozenset[str] = frozenset()
    """Claims that the system does not go without; empty for nearly every system."""
    hinted_subject_sub: PairwiseSub | None = None
    """The subject that a verified `id_token_hint` names: only this person may answer silently."""
    admission: Admission | None = None
    """Whom the system admits; None for everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInResult:
    """What any dialect needs to answer: who, in which session, with which local account."""

    identity: VerifiedIdentity
    session: SessionId
    account: LocalAccount | None


@dataclass(frozen=True, slots=True)
class Proven:
    """The old password fitted: the account's canonical id in the system's own spelling."""

    account: AccountId


@dataclass(frozen=True, slots=True)
class NotProven:
    """Unknown account or wrong password; which of the two is not told."""


@dataclass(frozen=True, slots=True)
class CannotCheck:
    """The system could not be asked now; nothing is known."""

    reason: str


ProofOutcome = Proven | NotProven | CannotCheck


class AccountVerifier(Protocol):
    """Checks the one proof that a system can check: an old account's own password.

    What it answers is somebody else's word: `verifiers/trust.py` says how far it is believed.
    """

    async def prove(self, account_name: str, password: str) -> ProofOutcome:
        """Ask the system. Never raises for a wrong password or a silent system."""
        ...

"""What comes of an identity that a source vouched for, once our own records were asked."""

from dataclasses import dataclass
from typing import Literal

from connectors.contract import SubjectId


@dataclass(frozen=True, slots=True)
class Recognised:
    """The person came from there before."""

    subject: SubjectId


@dataclass(frozen=True, slots=True)
class FirstSeen:
    """Nobody had come with this identity: a subject was made for it, once."""

    subject: SubjectId


@dataclass(frozen=True, slots=True)
class Differs:
    """The source now says something of this identity that people do not change; nothing was kept."""

    what: Literal["personal_number", "kind"]


@dataclass(frozen=True, slots=True)
class ClosedAccount:
    """The subject is disabled here."""


Recognition = Recognised | FirstSeen | Differs | ClosedAccount

"""The port behind which people prove who they are, and its outcomes."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from connectors.contract import SubjectId
from idp.authn.throttle import KnownDevice


class AuthnMethod(StrEnum):
    """Values of `amr`.

    Spec: RFC 8176 §2.
    """

    PASSWORD = "pwd"
    OTP = "otp"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPassed:
    """Stage one is done. `second_factor_available` says whether stage two can follow."""

    subject: SubjectId
    second_factor_available: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OtpPassed:
    """Stage two is done, with a code that nobody can use again."""

    subject: SubjectId


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not proved. It does not say whether the account is unknown, disabled or was mistyped."""


class Authenticator(Protocol):
    """Two stages; the caller decides from policy whether the second is asked for."""

    async def check_password(
        self, username: str, password: str, address: str, device: KnownDevice | None
    ) -> PasswordPassed | Rejected:
        """Stage one.

        Raises: TooManyAttempts, Overloaded.
        """
        ...

    async def check_otp(
        self, subject: SubjectId, code: str, address: str, device: KnownDevice | None
    ) -> OtpPassed | Rejected:
        """Stage two, for the subject of stage one.

        Raises: TooManyAttempts.
        """
        ...

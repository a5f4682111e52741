"""The provider's own accounts: password, then a time-based code."""

from connectors.contract import SubjectId
from idp.authn.authenticator import OtpPassed, PasswordPassed, Rejected
from idp.authn.password import Fit, PasswordHasher, PasswordRefused, prepare
from idp.authn.throttle import Attempt, KnownDevice, Throttle
from idp.authn.totp import matching_step
from idp.authn.usernames import UsernameRefused, fold
from idp.errors import Overloaded
from idp.model import Account
from idp.ports import Accounts, Clock


class LocalAuthenticator:
    """An `Authenticator` with one cost and one answer for unknown, wrong and disabled."""

    def __init__(
        self, accounts: Accounts, hasher: PasswordHasher, throttle: Throttle, clock: Clock
    ) -> None:
        self._accounts = accounts
        self._hasher = hasher
        self._throttle = throttle
        self._clock = clock

    async def check_password(
        self, username: str, password: str, address: str, device: KnownDevice | None
    ) -> PasswordPassed | Rejected:
        """Stage one. Text that cannot be a name or password is rejected before any hashing.

        Raises: TooManyAttempts, Overloaded.
        """
        try:
            folded = fold(username)
            prepare(password)
        except (UsernameRefused, PasswordRefused):
            return Rejected()
        account = await self._accounts.by_username(folded)
        attempt = Attempt(folded_username=folded, address=address, device=_own(device, account))
        admission = await self._throttle.admit(attempt)
        try:
            fit = await self._compare(account, password)
        except Overloaded:
            await self._throttle.unjudged(admission)
            raise
        if account is None or not account.enabled or fit is Fit.DOES_NOT_FIT:
            return Rejected()
        await self._throttle.succeeded(admission)
        if fit is Fit.FITS_AND_NEEDS_REHASH:
            renewed = await self._hasher.hash(password)
            await self._accounts.set_password_hash(account.subject, renewed)
        return PasswordPassed(
            subject=account.subject, second_factor_available=account.totp_secret is not None
        )

    async def check_otp(
        self, subject: SubjectId, code: str, address: str, device: KnownDevice | None
    ) -> OtpPassed | Rejected:
        """Stage two. The time step is used up by the one call that passes.

        Raises: TooManyAttempts.
        """
        account = await self._accounts.by_subject(subject)
        if account is None:
            return Rejected()
        attempt = Attempt(
            folded_username=fold(account.username),
            address=address,
            device=_own(device, account),
            factor="otp",
        )
        admission = await self._throttle.admit(attempt)
        if not await self._takes(account, code):
            return Rejected()
        await self._throttle.succeeded(admission)
        return OtpPassed(subject=subject)

    async def _compare(self, account: Account | None, password: str) -> Fit:
        if account is None:
            await self._hasher.verify_nobody(password)
            return Fit.DOES_NOT_FIT
        return await self._hasher.verify(account.password_hash, password)

    async def _takes(self, account: Account, code: str) -> bool:
        if account.totp_secret is None or not account.enabled:
            return False
        step = matching_step(account.totp_secret, code, int(self._clock()))
        return step is not None and await self._accounts.take_totp_step(account.subject, step)


def _own(device: KnownDevice | None, account: Account | None) -> KnownDevice | None:
    if device is None or account is None or device.subject != account.subject:
        return None
    return device

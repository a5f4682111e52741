"""The provider's own accounts: one answer and one cost, whatever is wrong."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace

import argon2
import pytest

from connectors.contract import SubjectId
from idp.authn.authenticator import OtpPassed, PasswordPassed, Rejected
from idp.authn.local import LocalAuthenticator
from idp.authn.password import Fit, PasswordHasher
from idp.authn.throttle import ADDRESS_FAILURES, PAIR_FAILURES, KnownDevice, Throttle
from idp.authn.totp import code_at
from idp.authn.usernames import fold
from idp.errors import Overloaded, TooManyAttempts
from idp.model import Account
from idp.store.memory import MemoryCounters
from tests.people import make_person

NOW = 1_800_000_000
SECRET = b"12345678901234567890"
PASSWORD = "mưa rơi trên mái ngói"
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.1"


class OneAccount:
    """The port with a single account, and a note of what was asked of it."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.last_step = -1

    async def add(self, account: Account, folded_username: str, now: int) -> bool:
        raise NotImplementedError

    async def by_username(self, folded: str) -> Account | None:
        return self.account if fold(self.account.username) == folded else None

    async def by_subject(self, subject: SubjectId) -> Account | None:
        return self.account if self.account.subject == subject else None

    async def take_totp_step(self, subject: SubjectId, step: int) -> bool:
        taken = step > self.last_step
        self.last_step = max(self.last_step, step)
        return taken

    async def set_password_hash(self, subject: SubjectId, password_hash: str) -> None:
        self.account = replace(self.account, password_hash=password_hash)

    async def set_enabled(self, subject: SubjectId, *, enabled: bool) -> bool:
        raise NotImplementedError


class CountingHasher(PasswordHasher):
    """Notes how often a whole comparison was paid for."""

    paid = 0

    async def verify(self, password_hash: str, password: str) -> Fit:
        self.paid += 1
        return await super().verify(password_hash, password)


@pytest.fixture(scope="module")
def stored_hash() -> str:
    return argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash(PASSWORD)


@pytest.fixture
def accounts(stored_hash: str) -> OneAccount:
    account = make_person("anh.tuyet", "Trần Ánh", "074185999111", "x", "hash").account
    return OneAccount(replace(account, password_hash=stored_hash, totp_secret=SECRET))


@pytest.fixture
def hasher() -> Iterator[CountingHasher]:
    made = CountingHasher(workers=1, queue_limit=64)
    yield made
    made.close()


@pytest.fixture
def door(accounts: OneAccount, hasher: CountingHasher) -> LocalAuthenticator:
    counters = MemoryCounters(time.time)
    return LocalAuthenticator(accounts, hasher, Throttle(counters, key=b"k" * 32), lambda: NOW)


async def test_the_right_password_passes_and_says_whether_a_second_factor_can_follow(
    door: LocalAuthenticator, accounts: OneAccount
) -> None:
    passed = await door.check_password(" ANH.Tuyet ", PASSWORD, HERE, None)
    subject = accounts.account.subject
    assert passed == PasswordPassed(subject=subject, second_factor_available=True)
    accounts.account = replace(accounts.account, totp_secret=None)
    passed = await door.check_password("anh.tuyet", PASSWORD, HERE, None)
    assert passed == PasswordPassed(subject=subject, second_factor_available=False)


async def test_unknown_wrong_and_disabled_have_one_answer_and_one_cost(
    door: LocalAuthenticator, accounts: OneAccount, hasher: CountingHasher
) -> None:
    answers = [
        await door.check_password("nobody.here", PASSWORD, HERE, None),
        await door.check_password("anh.tuyet", "wrong", HERE, None),
    ]
    accounts.account = replace(accounts.account, enabled=False)
    answers.append(await door.check_password("anh.tuyet", PASSWORD, HERE, None))
    assert answers == [Rejected()] * 3
    assert hasher.paid == 3


@pytest.mark.parametrize(
    ("username", "password"),
    [("", PASSWORD), ("a\u200bb", PASSWORD), ("an" * 65, PASSWORD), ("an", ""), ("an", "x" * 1025)],
)
async def test_what_cannot_be_a_name_or_password_is_rejected_before_hashing(
    door: LocalAuthenticator, hasher: CountingHasher, username: str, password: str
) -> None:
    assert await door.check_password(username, password, HERE, None) == Rejected()
    assert hasher.paid == 0


async def test_a_hash_of_older_cost_is_renewed_at_the_next_sign_in(
    door: LocalAuthenticator, accounts: OneAccount
) -> None:
    old = argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    accounts.account = replace(accounts.account, password_hash=old)
    assert await door.check_password("anh.tuyet", "wrong", HERE, None) == Rejected()
    assert accounts.account.password_hash == old
    assert isinstance(await door.check_password("anh.tuyet", PASSWORD, HERE, None), PasswordPassed)
    assert "m=19456,t=2,p=1" in accounts.account.password_hash
    assert isinstance(await door.check_password("anh.tuyet", PASSWORD, HERE, None), PasswordPassed)


async def test_a_stored_hash_that_nobody_can_read_never_fits(
    door: LocalAuthenticator, accounts: OneAccount
) -> None:
    accounts.account = replace(accounts.account, password_hash="!")
    assert await door.check_password("anh.tuyet", "!", HERE, None) == Rejected()


@pytest.mark.parametrize("username", ["anh.tuyet", "nobody.here"])
async def test_known_and_unknown_names_are_held_at_the_same_guess(
    door: LocalAuthenticator, username: str
) -> None:
    for _ in range(PAIR_FAILURES):
        assert await door.check_password(username, "wrong", HERE, None) == Rejected()
    with pytest.raises(TooManyAttempts):
        await door.check_password(username, PASSWORD, HERE, None)


async def test_a_stranger_who_is_held_holds_neither_another_address_nor_the_known_device(
    door: LocalAuthenticator, accounts: OneAccount
) -> None:
    for _ in range(PAIR_FAILURES):
        await door.check_password("anh.tuyet", "wrong", HERE, None)
    assert isinstance(
        await door.check_password("anh.tuyet", PASSWORD, ELSEWHERE, None), PasswordPassed
    )
    own = KnownDevice(device_id="d", subject=accounts.account.subject)
    assert isinstance(await door.check_password("anh.tuyet", PASSWORD, HERE, own), PasswordPassed)


async def test_the_device_of_somebody_else_opens_nothing(door: LocalAuthenticator) -> None:
    foreign = KnownDevice(device_id="d", subject=SubjectId("somebody-else"))
    for _ in range(PAIR_FAILURES):
        await door.check_password("anh.tuyet", "wrong", HERE, foreign)
    with pytest.raises(TooManyAttempts):
        await door.check_password("anh.tuyet", PASSWORD, HERE, foreign)


async def test_success_forgets_the_slips_before_it(door: LocalAuthenticator) -> None:
    for _ in range(3):
        for _ in range(PAIR_FAILURES - 1):
            assert await door.check_password("anh.tuyet", "wrong", HERE, None) == Rejected()
        passed = await door.check_password("anh.tuyet", PASSWORD, HERE, None)
        assert isinstance(passed, PasswordPassed)


async def test_a_code_passes_once_and_an_older_one_never_after_it(
    door: LocalAuthenticator, accounts: OneAccount
) -> None:
    subject, step = accounts.account.subject, NOW // 30
    assert await door.check_otp(subject, code_at(SECRET, step), HERE, None) == OtpPassed(
        subject=subject
    )
    assert await door.check_otp(subject, code_at(SECRET, step), HERE, None) == Rejected()
    assert await door.check_otp(subject, code_at(SECRET, step - 1), HERE, None) == Rejected()
    assert await door.check_otp(subject, code_at(SECRET, step + 1), HERE, None) == OtpPassed(
        subject=subject
    )


async def test_a_code_opens_nothing_for_the_unknown_the_disabled_or_those_without_a_secret(
    door: LocalAuthenticator, accounts: OneAccount
) -> None:
    code, subject = code_at(SECRET, NOW // 30), accounts.account.subject
    assert await door.check_otp(SubjectId("nobody"), code, HERE, None) == Rejected()
    whole = accounts.account
    for broken in (replace(whole, enabled=False), replace(whole, totp_secret=None)):
        accounts.account = broken
        assert await door.check_otp(subject, code, HERE, None) == Rejected()
    assert accounts.last_step == -1


async def test_guesses_at_codes_are_limited_by_themselves(
    door: LocalAuthenticator, accounts: OneAccount
) -> None:
    subject = accounts.account.subject
    for _ in range(PAIR_FAILURES):
        assert await door.check_otp(subject, "000000", HERE, None) == Rejected()
    with pytest.raises(TooManyAttempts):
        await door.check_otp(subject, code_at(SECRET, NOW // 30), HERE, None)
    assert isinstance(await door.check_password("anh.tuyet", PASSWORD, HERE, None), PasswordPassed)
    # The password that passes between two guesses does not give the codes a fresh count.
    with pytest.raises(TooManyAttempts):
        await door.check_otp(subject, code_at(SECRET, NOW // 30), HERE, None)


async def test_of_a_hundred_wrong_guesses_at_once_five_are_compared(
    door: LocalAuthenticator, hasher: CountingHasher
) -> None:
    guesses = [door.check_password("anh.tuyet", f"wrong-{n}", HERE, None) for n in range(100)]
    answers = await asyncio.gather(*guesses, return_exceptions=True)
    assert hasher.paid == answers.count(Rejected()) == PAIR_FAILURES
    assert sum(isinstance(answer, TooManyAttempts) for answer in answers) == 95


async def test_of_a_hundred_names_guessed_at_once_from_one_address_thirty_are_compared(
    door: LocalAuthenticator, hasher: CountingHasher
) -> None:
    guesses = [door.check_password(f"name-{n}", "wrong", HERE, None) for n in range(100)]
    await asyncio.gather(*guesses, return_exceptions=True)
    assert hasher.paid == ADDRESS_FAILURES


async def test_a_full_queue_uses_up_no_guess(accounts: OneAccount) -> None:
    full = CountingHasher(workers=1, queue_limit=-1)
    counters = MemoryCounters(time.time)
    throttle = Throttle(counters, key=b"k" * 32)
    busy = LocalAuthenticator(accounts, full, throttle, lambda: NOW)
    for _ in range(PAIR_FAILURES * 2):
        with pytest.raises(Overloaded):
            await busy.check_password("anh.tuyet", "wrong", HERE, None)
    full.close()

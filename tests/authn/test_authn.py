"""What guessing strangers, unusual text and honest people meet at the sign-in."""

import asyncio
import secrets
import unicodedata
from collections.abc import Iterator

import pytest

from connectors.contract import SubjectId
from idp.authn.password import Fit, PasswordHasher, PasswordRefused, prepare
from idp.authn.throttle import Admission, Attempt, KnownDevice, Throttle, group
from idp.authn.totp import code_at, matching_step
from idp.authn.usernames import UsernameRefused, fold
from idp.errors import Overloaded, TooManyAttempts
from idp.ports import Counters
from idp.store.memory import MemoryCounters


class Turned:
    """A clock that the test turns."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hasher() -> Iterator[PasswordHasher]:
    made = PasswordHasher(workers=1, queue_limit=1)
    yield made
    made.close()


@pytest.mark.parametrize(
    "twin", ["LÊ.an", "ｌê.an", unicodedata.normalize("NFD", "lê.an"), " lê.an "]
)
def test_twins_of_a_user_name_are_one(twin: str) -> None:
    assert fold(twin) == "lê.an"


@pytest.mark.parametrize("name", ["", "a" * 129, "a\u200bb", "a\x00b", "a\u202eb", "\ufdfa" * 100])
def test_a_user_name_that_could_deceive_is_refused(name: str) -> None:
    with pytest.raises(UsernameRefused):
        fold(name)


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1234567890, "89005924"),
        (20000000000, "65353130"),
    ],
)
def test_codes_equal_the_vectors_of_rfc_6238(now: int, code: str) -> None:
    assert code_at(b"12345678901234567890", now // 30, digits=8) == code


def test_a_code_holds_one_step_around_now_and_no_longer() -> None:
    code = code_at(b"secret", 100)
    assert [matching_step(b"secret", code, step * 30) for step in (98, 99, 100, 101, 102)] == [
        None,
        100,
        100,
        100,
        None,
    ]
    assert matching_step(b"secret", "١٢٣٤٥٦", 3000) is None


async def test_a_password_fits_in_both_compositions_and_trailing_space_counts(
    hasher: PasswordHasher,
) -> None:
    stored = await hasher.hash("mật khẩu rất dài 🙂")
    nfd = unicodedata.normalize("NFD", "mật khẩu rất dài 🙂")
    assert await hasher.verify(stored, nfd) is Fit.FITS
    assert await hasher.verify(stored, nfd + " ") is Fit.DOES_NOT_FIT


async def test_a_long_password_is_not_cut(hasher: PasswordHasher) -> None:
    stored = await hasher.hash("a" * 1024)
    assert await hasher.verify(stored, "a" * 1023 + "b") is Fit.DOES_NOT_FIT
    with pytest.raises(PasswordRefused):
        prepare("a" * 1025)


async def test_past_the_queue_limit_hashing_is_refused(hasher: PasswordHasher) -> None:
    answers = await asyncio.gather(*(hasher.hash("x") for _ in range(4)), return_exceptions=True)
    assert [isinstance(answer, Overloaded) for answer in answers] == [False, False, True, True]
    assert await hasher.hash("x")


def test_ipv6_neighbours_in_one_64_count_as_one() -> None:
    assert group("2001:db8::1") == group("2001:db8::ffff") != group("2001:db8:0:1::1")
    assert group("::ffff:192.0.2.1") == "192.0.2.1"


async def guesses(throttle: Throttle, attempt: Attempt, times: int) -> int:
    """How many guesses were let through."""
    admitted = 0
    for _ in range(times):
        try:
            await throttle.admit(attempt)
        except TooManyAttempts:
            continue
        admitted += 1
    return admitted


async def test_five_guesses_then_each_wait_is_followed_by_one() -> None:
    clock = Turned()
    counters = MemoryCounters(clock)
    throttle = Throttle(counters, key=b"k" * 32)
    attempt = Attempt(folded_username="an", address="192.0.2.1")
    assert await guesses(throttle, attempt, 9) == 5
    clock.now += 31
    assert await guesses(throttle, attempt, 9) == 1
    assert "an" not in {part for key in counters._windows for part in key.split(":")}


async def test_strangers_use_up_the_account_but_the_known_device_enters() -> None:
    throttle = Throttle(MemoryCounters(Turned()), key=b"k" * 32)
    for host in range(40):
        await guesses(throttle, Attempt(folded_username="an", address=f"192.0.2.{host}"), 9)
    stranger = Attempt(folded_username="an", address="198.51.100.1")
    with pytest.raises(TooManyAttempts):
        await throttle.admit(stranger)
    device = KnownDevice(device_id="d1", subject=SubjectId("s1"))
    known = Attempt(folded_username="an", address="192.0.2.1", device=device)
    assert await guesses(throttle, known, 20) == 10


async def test_one_address_may_fail_thirty_times_over_all_names() -> None:
    throttle = Throttle(MemoryCounters(Turned()), key=b"k" * 32)
    let_in = [
        await guesses(throttle, Attempt(folded_username=f"n{n}", address="192.0.2.1"), 1)
        for n in range(40)
    ]
    assert sum(let_in) == 30


async def test_a_right_password_buys_a_known_device_no_fresh_guesses_at_the_code() -> None:
    throttle = Throttle(MemoryCounters(Turned()), key=b"k" * 32)
    device = KnownDevice(device_id="d1", subject=SubjectId("s1"))
    password = Attempt(folded_username="an", address="192.0.2.1", device=device)
    code = Attempt(folded_username="an", address="192.0.2.1", device=device, factor="otp")
    let_in = 0
    for _ in range(10):
        await throttle.succeeded(await throttle.admit(password))
        let_in += await guesses(throttle, code, 9)
    assert let_in == 15  # ten as a known device, then five as a stranger


# --- guesses that are made at once ---------------------------------------------------------------


async def at_once(throttle: Throttle, attempts: list[Attempt]) -> int:
    """How many of them are let through."""
    answers = await asyncio.gather(*map(throttle.admit, attempts), return_exceptions=True)
    assert all(isinstance(answer, Admission | TooManyAttempts) for answer in answers)
    return sum(isinstance(answer, Admission) for answer in answers)


DEVICE = KnownDevice(device_id="d1", subject=SubjectId("s1"))


@pytest.mark.parametrize(
    ("attempts", "limit"),
    [
        ([Attempt(folded_username=f"n{n}", address="192.0.2.1") for n in range(100)], 30),
        ([Attempt(folded_username="an", address=f"10.0.{n}.1") for n in range(250)], 100),
        ([Attempt(folded_username="an", address="192.0.2.1") for _ in range(100)], 5),
        (
            [Attempt(folded_username="an", address="a", device=DEVICE) for _ in range(100)],
            10 + 5,
        ),
    ],
    ids=["one address", "one account", "one pair", "one known device"],
)
async def test_of_guesses_at_once_no_more_than_the_limit_are_made(
    counters: Counters, attempts: list[Attempt], limit: int
) -> None:
    throttle = Throttle(counters, key=secrets.token_bytes(32))
    assert await at_once(throttle, attempts) == limit
    assert await at_once(throttle, attempts) == 0


async def test_right_guesses_use_up_no_shared_count(counters: Counters) -> None:
    throttle = Throttle(counters, key=secrets.token_bytes(32))
    for number in range(120):
        attempt = Attempt(folded_username=f"n{number}", address="192.0.2.1")
        await throttle.succeeded(await throttle.admit(attempt))
    for number in range(120):
        attempt = Attempt(folded_username="an", address=f"10.0.{number}.1")
        await throttle.succeeded(await throttle.admit(attempt))


async def test_a_right_guess_does_not_forgive_the_wrong_ones_of_the_address(
    counters: Counters,
) -> None:
    throttle = Throttle(counters, key=secrets.token_bytes(32))
    wrong = [Attempt(folded_username=f"n{n}", address="192.0.2.1") for n in range(29)]
    assert await at_once(throttle, wrong) == 29
    own = Attempt(folded_username="own", address="192.0.2.1")
    for _ in range(5):
        await throttle.succeeded(await throttle.admit(own))
    assert await at_once(throttle, wrong) == 1


async def test_a_refused_guess_counts_for_nobody_else(counters: Counters) -> None:
    throttle = Throttle(counters, key=secrets.token_bytes(32))
    held = Attempt(folded_username="an", address="192.0.2.1")
    assert await at_once(throttle, [held] * 100) == 5
    others = [Attempt(folded_username=f"n{n}", address="192.0.2.1") for n in range(40)]
    assert await at_once(throttle, others) == 25


@pytest.mark.parametrize(("device", "limit"), [(None, 5), (DEVICE, 15)])
async def test_a_guess_that_nobody_looked_at_counts_for_nothing(
    counters: Counters, device: KnownDevice | None, limit: int
) -> None:
    throttle = Throttle(counters, key=secrets.token_bytes(32))
    attempt = Attempt(folded_username="an", address="192.0.2.1", device=device)
    for _ in range(150):
        await throttle.unjudged(await throttle.admit(attempt))
    assert await at_once(throttle, [attempt] * 40) == limit

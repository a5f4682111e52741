"""A system that checks old passwords is believed for the account it was asked about, no other."""

import asyncio
import logging
import secrets
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from connectors.contract import (
    AccountId,
    AccountNames,
    Assurance,
    Dialect,
    LocalText,
    Proven,
    SectorId,
    SubjectId,
    SystemId,
    WhenUnlinked,
)
from connectors.links.account_opening import (
    AccountOpening,
    Claimed,
    ClaimOutcome,
    Distrusted,
    Unavailable,
    WrongProof,
)
from connectors.links.sql import SqlLinks
from connectors.registry import System
from connectors.verifiers.trust import MAX_ACCOUNT, believed
from keys.sql import Database
from tests.connectors.test_links import add_subject

NOW = 1_800_000_000
LAND, TAXES = SystemId("land"), SystemId("taxes")
ANN, BEN = SubjectId("ann"), SubjectId("ben")
Says = Callable[[str, str], Awaitable[Any]]


class Verifier:
    """Says whatever the test wants."""

    def __init__(self, says: Says) -> None:
        self._says = says

    async def prove(self, account_name: str, password: str) -> Any:
        return await self._says(account_name, password)


def always(answer: object) -> Says:
    async def says(_name: str, _password: str) -> object:
        return answer

    return says


def opening(
    links: SqlLinks, says: Says, names: AccountNames = AccountNames.EXACT, patience: float = 10.0
) -> AccountOpening:
    def system(system_id: SystemId) -> System:
        return System(
            system_id=system_id,
            name=LocalText(vi="Hệ thống cũ", en="Old system"),
            owners=(),
            level="province",
            dialect=Dialect.OIDC,
            sector=SectorId(system_id),
            required_assurance=Assurance.LEVEL_1,
            when_unlinked=WhenUnlinked.CLAIM,
            account_names=names,
        )

    return AccountOpening(
        links=links,
        systems={LAND: system(LAND), TAXES: system(TAXES)},
        verifiers={LAND: Verifier(says), TAXES: Verifier(always(None))},
        entropy=secrets.token_bytes,
        patience_seconds=patience,
    )


@pytest.fixture
async def links(database: Database) -> SqlLinks:
    for subject in (ANN, BEN):
        await add_subject(database, subject)
    return SqlLinks(database)


async def claim(
    links: SqlLinks, says: Says, subject: SubjectId = ANN, **changes: Any
) -> ClaimOutcome:
    return await opening(links, says, **changes).claim(subject, LAND, "ann85", "old", NOW)


async def nothing_is_linked(links: SqlLinks) -> bool:
    return not any(
        [
            await links.of_subject(subject, system)
            for subject in (ANN, BEN)
            for system in (LAND, TAXES)
        ]
    )


async def test_the_account_that_was_asked_about_is_claimed_in_the_system_that_was_asked(
    links: SqlLinks,
) -> None:
    assert await claim(links, always(Proven(AccountId("ann85")))) == Claimed(AccountId("ann85"))
    (link,) = await links.of_subject(ANN, LAND)
    assert link.account == "ann85"
    assert await links.of_subject(ANN, TAXES) == []


@pytest.mark.parametrize(
    "answered",
    ["ben77", "ANN85", "ann85\0", "ann85\n", " ann85", "ann85\u200b", "", "x" * 10**6, "аnn85",
     7, None, b"ann85", ["ann85"], {"account": "ann85"}],
    ids=["another person's", "other case", "null", "new line", "space", "invisible", "empty", "huge",
         "Cyrillic twin", "number", "nothing", "bytes", "list", "object"],
)  # fmt: skip
async def test_any_other_account_is_refused_and_nothing_is_linked(
    links: SqlLinks, answered: Any
) -> None:
    assert await claim(links, always(Proven(answered))) == Distrusted()
    assert await nothing_is_linked(links)


async def test_another_persons_account_is_not_moved_even_by_the_right_name(
    links: SqlLinks,
) -> None:
    proven = always(Proven(AccountId("ann85")))
    assert await claim(links, proven, BEN) == Claimed(AccountId("ann85"))
    assert await claim(links, proven, ANN) == WrongProof()
    (link,) = await links.of_subject(BEN, LAND)
    assert link.account == "ann85"
    assert await links.of_subject(ANN, LAND) == []


@pytest.mark.parametrize("outcome", [None, True, "ann85", {"account": "ann85"}, Proven])
async def test_what_is_no_outcome_proves_nothing(links: SqlLinks, outcome: object) -> None:
    assert await claim(links, always(outcome)) == Unavailable()
    assert await nothing_is_linked(links)


async def test_a_verifier_that_raises_is_silent_and_its_text_reaches_no_log(
    links: SqlLinks, caplog: pytest.LogCaptureFixture
) -> None:
    async def raises(name: str, password: str) -> object:
        raise RuntimeError(f"{name}:{password}")

    with caplog.at_level(logging.DEBUG):
        assert await claim(links, raises) == Unavailable()
    assert "RuntimeError" in caplog.text
    assert "ann85" not in caplog.text


async def test_a_verifier_that_never_answers_is_not_waited_for(links: SqlLinks) -> None:
    stopped = asyncio.Event()

    async def sleeps(_name: str, _password: str) -> object:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    assert await claim(links, sleeps, patience=0.01) == Unavailable()
    await stopped.wait()


async def test_an_answer_after_the_time_is_not_believed(links: SqlLinks) -> None:
    answered = asyncio.Event()

    async def answers_when_it_is_stopped(_name: str, _password: str) -> object:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            answered.set()
        return Proven(AccountId("ann85"))

    assert await claim(links, answers_when_it_is_stopped, patience=0.01) == Unavailable()
    await answered.wait()
    assert await nothing_is_linked(links)


async def test_who_stops_waiting_stops_the_question_too(links: SqlLinks) -> None:
    asked, stopped = asyncio.Event(), asyncio.Event()

    async def waits(_name: str, _password: str) -> object:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    claiming = asyncio.create_task(claim(links, waits))
    await asked.wait()
    claiming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await claiming
    await stopped.wait()


async def test_a_system_that_declares_it_may_answer_in_its_own_case(links: SqlLinks) -> None:
    answer = always(Proven(AccountId("ANN85")))
    assert await claim(links, answer, names=AccountNames.ANY_CASE) == Claimed(AccountId("ANN85"))


def test_composition_and_the_spaces_of_a_typing_hand_never_count() -> None:
    typed = unicodedata.normalize("NFD", " ngọc.ánh ")
    assert believed(typed, "ngọc.ánh", AccountNames.EXACT) == "ngọc.ánh"
    assert believed(typed, unicodedata.normalize("NFD", "ngọc.ánh"), AccountNames.EXACT) is None


def test_any_case_is_case_alone() -> None:
    assert believed("Ngọc.Ánh", "NGỌC.ÁNH", AccountNames.ANY_CASE) == "NGỌC.ÁNH"
    for other in ("ngoc.anh", "ngọc.ánh1", "ngọc ánh", "ｎｇọc.ánh"):
        assert believed("Ngọc.Ánh", other, AccountNames.ANY_CASE) is None


def test_an_account_id_is_bounded() -> None:
    longest = "x" * MAX_ACCOUNT
    assert believed(longest, longest, AccountNames.EXACT) == longest
    assert believed(longest + "x", longest + "x", AccountNames.EXACT) is None

"""Links: legal steps only, one holder for an account, on both databases."""

import asyncio
import secrets
from dataclasses import replace
from itertools import product

import pytest

from connectors.contract import (
    AccountId,
    Assurance,
    CannotCheck,
    Dialect,
    LocalText,
    NotProven,
    ProofOutcome,
    Proven,
    SectorId,
    SubjectId,
    SystemId,
    WhenUnlinked,
)
from connectors.errors import IllegalTransition
from connectors.links.account_opening import AccountOpening, Claimed, Unavailable, WrongProof
from connectors.links.model import (
    HOLDING,
    LEGAL,
    Evidence,
    Link,
    LinkState,
    Transition,
    check_transition,
)
from connectors.links.sql import SqlLinks
from connectors.links.store import AccountTaken, Opened
from connectors.registry import System
from keys.sql import Database

NOW = 1_800_000_000
LAND = SystemId("land")
ANN, BEN = SubjectId("ann"), SubjectId("ben")
STEP = Transition(
    actor="clerk-1", reason="test", at=NOW, evidence=Evidence(rule="R", rule_version=2)
)


def a_link(
    subject: SubjectId = ANN, account: str = "A-1", state: LinkState = LinkState.ACTIVE
) -> Link:
    return Link(
        link_id=secrets.token_hex(16),
        subject=subject,
        system=LAND,
        account=AccountId(account),
        state=state,
        version=1,
        created_at=NOW,
    )


@pytest.fixture
async def links(database: Database) -> SqlLinks:
    for subject in (ANN, BEN):
        await add_subject(database, subject)
    return SqlLinks(database)


async def add_subject(database: Database, subject: SubjectId) -> None:
    await database.change(
        "INSERT INTO subject (id, kind, enabled, attributes_sealed, created_at, updated_at)"
        " VALUES ($1, 'citizen', 1, $2, $3, $3)",
        subject,
        b"sealed",
        NOW,
    )


# --- the table of steps --------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), list(product(LinkState, LinkState)))
def test_a_step_is_legal_exactly_where_the_table_says(before: LinkState, after: LinkState) -> None:
    if after in LEGAL[before]:
        check_transition(before, after)
    else:
        with pytest.raises(IllegalTransition):
            check_transition(before, after)


def test_what_has_ended_stays_ended() -> None:
    assert LEGAL[LinkState.ENDED] == LEGAL[LinkState.SUPERSEDED] == frozenset()


def test_a_proposal_becomes_active_only_by_way_of_verification() -> None:
    assert LinkState.ACTIVE not in LEGAL[LinkState.PROPOSED]


# --- the store -----------------------------------------------------------------------------------


async def test_an_opened_link_is_found_from_both_ends(links: SqlLinks) -> None:
    link = a_link()
    assert await links.open(link, STEP) == Opened()
    assert await links.of_subject(ANN, LAND) == [link]
    assert await links.holder_of(LAND, AccountId("A-1")) == link
    assert await links.of_subject(ANN, SystemId("other")) == []
    assert await links.holder_of(SystemId("other"), AccountId("A-1")) is None


@pytest.mark.parametrize("state", sorted(HOLDING))
async def test_a_held_account_has_no_second_holder(links: SqlLinks, state: LinkState) -> None:
    await links.open(a_link(ANN, state=state), STEP)
    assert await links.open(a_link(BEN), STEP) == AccountTaken(by_same_subject=False)
    assert await links.open(a_link(ANN), STEP) == AccountTaken(by_same_subject=True)
    assert await links.of_subject(BEN, LAND) == []


@pytest.mark.parametrize("state", sorted(set(LinkState) - HOLDING))
async def test_a_link_that_holds_nothing_leaves_the_account_free(
    links: SqlLinks, state: LinkState
) -> None:
    await links.open(a_link(ANN, state=state), STEP)
    assert await links.open(a_link(BEN), STEP) == Opened()


async def test_of_many_who_race_for_one_account_one_gets_it(links: SqlLinks) -> None:
    racing = [links.open(a_link(subject), STEP) for subject in (ANN, BEN) * 5]
    outcomes = await asyncio.gather(*racing)
    assert outcomes.count(Opened()) == 1


async def test_two_moves_from_one_version_have_one_winner(
    links: SqlLinks, database: Database
) -> None:
    link = a_link()
    await links.open(link, STEP)
    moves = await asyncio.gather(
        links.move(link, LinkState.SUSPENDED, STEP), links.move(link, LinkState.DISPUTED, STEP)
    )
    assert sorted(moves) == [False, True]
    rows = await database.rows("SELECT from_state FROM link_transition ORDER BY from_state")
    assert len(rows) == 2


async def test_a_suspended_link_is_not_active_but_still_holds(links: SqlLinks) -> None:
    link = a_link()
    await links.open(link, STEP)
    assert await links.move(link, LinkState.SUSPENDED, STEP)
    assert await links.of_subject(ANN, LAND) == []
    held = await links.holder_of(LAND, link.account)
    assert held is not None
    assert (held.state, held.version) == (LinkState.SUSPENDED, 2)
    assert await links.move(held, LinkState.ACTIVE, STEP)
    assert len(await links.of_subject(ANN, LAND)) == 1


async def test_an_illegal_move_changes_nothing(links: SqlLinks) -> None:
    link = a_link()
    await links.open(link, STEP)
    with pytest.raises(IllegalTransition):
        await links.move(link, LinkState.PROPOSED, STEP)
    assert await links.of_subject(ANN, LAND) == [link]


async def test_a_proposal_for_a_held_account_cannot_be_verified(links: SqlLinks) -> None:
    proposal = a_link(BEN, state=LinkState.PROPOSED)
    await links.open(proposal, STEP)
    held = a_link(ANN)
    await links.open(held, STEP)
    assert not await links.move(proposal, LinkState.VERIFIED, STEP)
    assert await links.move(held, LinkState.ENDED, STEP)
    assert await links.move(proposal, LinkState.VERIFIED, STEP)


async def test_each_step_is_written_with_who_why_and_evidence(
    links: SqlLinks, database: Database
) -> None:
    link = a_link()
    evidence = Evidence(rule="P.x", rule_version=3, digests=("d1",))
    await links.open(link, replace(STEP, evidence=evidence))
    row = await database.one("SELECT * FROM link_transition")
    assert row is not None
    assert (row["actor"], row["reason"], row["at"]) == ("clerk-1", "test", NOW)
    assert (row["from_state"], row["to_state"], row["link_id"]) == (None, "active", link.link_id)
    assert row["evidence"] == '{"rule": "P.x", "rule_version": 3, "digests": ["d1"]}'


# --- opening and claiming ------------------------------------------------------------------------


class OldTable:
    """A verifier with a table of its own."""

    def __init__(self, answer: ProofOutcome | None = None) -> None:
        self.answer = answer

    async def prove(self, account_name: str, password: str) -> ProofOutcome:
        if self.answer is not None:
            return self.answer
        if password == f"pw-{account_name.upper()}":
            return Proven(AccountId(account_name.upper()))
        return NotProven()


def opening(links: SqlLinks, verifier: OldTable | None = None) -> AccountOpening:
    system = System(
        system_id=LAND,
        name=LocalText(vi="Đất đai", en="Land"),
        owners=(),
        level="province",
        dialect=Dialect.OIDC,
        sector=SectorId("land"),
        required_assurance=Assurance.LEVEL_1,
        when_unlinked=WhenUnlinked.CREATE,
        new_account_prefix="dd-",
    )
    return AccountOpening(
        links=links,
        systems={LAND: system},
        verifiers={LAND: verifier or OldTable()},
        entropy=secrets.token_bytes,
    )


async def test_create_gives_one_account_with_the_systems_prefix(links: SqlLinks) -> None:
    await opening(links).create(ANN, LAND, NOW)
    (link,) = await links.of_subject(ANN, LAND)
    assert link.account.startswith("dd-")
    assert ANN not in link.account


async def test_create_is_one_account_however_many_requests_race(links: SqlLinks) -> None:
    doors = [opening(links) for _ in range(8)]
    await asyncio.gather(*(door.create(ANN, LAND, NOW) for door in doors))
    assert len(await links.of_subject(ANN, LAND)) == 1


async def test_create_gives_each_person_an_account_of_their_own(links: SqlLinks) -> None:
    for subject in (ANN, BEN):
        await opening(links).create(subject, LAND, NOW)
    (ann,), (ben,) = await links.of_subject(ANN, LAND), await links.of_subject(BEN, LAND)
    assert ann.account != ben.account


async def test_create_does_not_evade_a_suspension(links: SqlLinks) -> None:
    await opening(links).create(ANN, LAND, NOW)
    (link,) = await links.of_subject(ANN, LAND)
    await links.move(link, LinkState.SUSPENDED, STEP)
    await opening(links).create(ANN, LAND, NOW)
    assert await links.of_subject(ANN, LAND) == []


async def test_the_old_password_claims_the_account_in_the_systems_own_spelling(
    links: SqlLinks,
) -> None:
    outcome = await opening(links).claim(ANN, LAND, "tuyet85", "pw-TUYET85", NOW)
    assert outcome == Claimed(AccountId("TUYET85"))
    (link,) = await links.of_subject(ANN, LAND)
    assert link.account == "TUYET85"


async def test_a_wrong_password_claims_nothing(links: SqlLinks) -> None:
    assert await opening(links).claim(ANN, LAND, "tuyet85", "guess", NOW) == WrongProof()
    assert await links.of_subject(ANN, LAND) == []


async def test_a_held_account_answers_like_a_wrong_password(links: SqlLinks) -> None:
    door = opening(links)
    await door.claim(ANN, LAND, "x", "pw-X", NOW)
    assert await door.claim(BEN, LAND, "x", "pw-X", NOW) == WrongProof()
    assert await links.of_subject(BEN, LAND) == []


async def test_claiming_twice_is_one_link(links: SqlLinks) -> None:
    door = opening(links)
    for _ in range(2):
        assert await door.claim(ANN, LAND, "x", "pw-X", NOW) == Claimed(AccountId("X"))
    assert len(await links.of_subject(ANN, LAND)) == 1


async def test_the_old_password_does_not_revive_a_suspended_link(links: SqlLinks) -> None:
    door = opening(links)
    await door.claim(ANN, LAND, "x", "pw-X", NOW)
    (link,) = await links.of_subject(ANN, LAND)
    await links.move(link, LinkState.SUSPENDED, STEP)
    assert await door.claim(ANN, LAND, "x", "pw-X", NOW) == WrongProof()
    assert await links.of_subject(ANN, LAND) == []


async def test_of_proposals_that_race_for_one_account_one_is_verified(
    links: SqlLinks, database: Database
) -> None:
    proposals = []
    for number in range(50):
        await add_subject(database, SubjectId(f"s{number}"))
        proposals.append(a_link(SubjectId(f"s{number}"), state=LinkState.PROPOSED))
        await links.open(proposals[-1], STEP)
    moves = await asyncio.gather(*(links.move(p, LinkState.VERIFIED, STEP) for p in proposals))
    assert moves.count(True) == 1


async def test_a_move_that_meets_a_rival_not_yet_committed_loses_quietly(
    links: SqlLinks, database: Database
) -> None:
    proposal = a_link(BEN, state=LinkState.PROPOSED)
    await links.open(proposal, STEP)
    async with database.transaction() as rival:
        await rival.change(
            "INSERT INTO link (id, subject_id, system_id, account_id, state, evidence, version,"
            " created_at, changed_at) VALUES ('r', $1, $2, $3, 'active', '{}', 1, $4, $4)",
            ANN,
            LAND,
            proposal.account,
            NOW,
        )
        moving = asyncio.create_task(links.move(proposal, LinkState.VERIFIED, STEP))
        await asyncio.sleep(0.3)  # long enough to reach the index and wait there
    assert not await moving
    held = await links.holder_of(LAND, proposal.account)
    assert held is not None
    assert held.subject == ANN


async def test_two_people_with_the_password_race_and_one_gets_the_account(
    links: SqlLinks,
) -> None:
    door = opening(links)
    outcomes = await asyncio.gather(
        *(door.claim(subject, LAND, "x", "pw-X", NOW) for subject in (ANN, BEN))
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Claimed", "WrongProof"]


async def test_a_silent_system_changes_nothing(links: SqlLinks) -> None:
    door = opening(links, OldTable(CannotCheck("down")))
    assert await door.claim(ANN, LAND, "x", "pw-X", NOW) == Unavailable()
    assert await links.holder_of(LAND, AccountId("X")) is None


def test_an_account_never_shows_when_an_outcome_or_a_link_is_printed() -> None:
    assert "SECRET" not in repr(Claimed(AccountId("SECRET")))
    assert "SECRET" not in repr(a_link(account="SECRET"))

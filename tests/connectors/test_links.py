"""Links: legal steps only, one holder for an account, on both databases."""

import asyncio
import secrets
from dataclasses import replace
from itertools import product

import pytest

from connectors.contract import (
    AccountId,
    AccountNames,
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
from connectors.links.account_opening import (
    AccountOpening,
    AlreadyLinked,
    Claimed,
    Created,
    NotCreated,
    Unavailable,
    Withheld,
    WrongProof,
    new_account_id,
)
from connectors.links.model import (
    HOLDING,
    LEGAL,
    Evidence,
    Link,
    LinkPast,
    LinkState,
    PastLink,
    Transition,
    check_transition,
    past_of,
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
        account_names=AccountNames.ANY_CASE,
    )
    return AccountOpening(
        links=links,
        systems={LAND: system},
        verifiers={LAND: verifier or OldTable()},
        entropy=secrets.token_bytes,
    )


async def test_create_gives_one_account_with_the_systems_prefix(links: SqlLinks) -> None:
    created = await opening(links).create(ANN, LAND, NOW)
    (link,) = await links.of_subject(ANN, LAND)
    assert created == Created(link.account)
    assert link.account.startswith("dd-")
    assert ANN not in link.account


async def test_create_is_one_account_however_many_requests_race(links: SqlLinks) -> None:
    doors = [opening(links) for _ in range(50)]
    outcomes = await asyncio.gather(*(door.create(ANN, LAND, NOW) for door in doors))
    (link,) = await links.of_subject(ANN, LAND)
    assert outcomes.count(Created(link.account)) == 1
    assert outcomes.count(AlreadyLinked()) == 49


async def test_create_gives_each_person_an_account_of_their_own(links: SqlLinks) -> None:
    for subject in (ANN, BEN):
        await opening(links).create(subject, LAND, NOW)
    (ann,), (ben,) = await links.of_subject(ANN, LAND), await links.of_subject(BEN, LAND)
    assert ann.account != ben.account


HELD_BACK = {
    "suspended": [LinkState.SUSPENDED],
    "disputed": [LinkState.DISPUTED],
}
WAYS_OUT = {
    "ended": [LinkState.ENDED],
    "ended after a suspension": [LinkState.SUSPENDED, LinkState.ENDED],
    "superseded": [LinkState.SUPERSEDED],
}


async def walk(links: SqlLinks, link: Link, *states: LinkState) -> None:
    for version, state in enumerate(states, start=1):
        assert await links.move(replace(link, version=version), state, STEP)
        link = replace(link, state=state)


@pytest.mark.parametrize("way", HELD_BACK.values(), ids=HELD_BACK)
async def test_create_does_not_evade_a_link_that_is_held_back(
    links: SqlLinks, way: list[LinkState]
) -> None:
    await opening(links).create(ANN, LAND, NOW)
    (link,) = await links.of_subject(ANN, LAND)
    await walk(links, link, *way)
    assert await opening(links).create(ANN, LAND, NOW) == NotCreated(LinkPast.HELD_BACK)
    assert await links.of_subject(ANN, LAND) == []


@pytest.mark.parametrize("way", WAYS_OUT.values(), ids=WAYS_OUT)
async def test_create_opens_no_link_again_that_somebody_ended(
    links: SqlLinks, way: list[LinkState]
) -> None:
    await opening(links).create(ANN, LAND, NOW)
    (link,) = await links.of_subject(ANN, LAND)
    await walk(links, link, *way)
    assert await opening(links).create(ANN, LAND, NOW) == NotCreated(LinkPast.ENDED)
    assert await links.of_subject(ANN, LAND) == []


@pytest.mark.parametrize("way", WAYS_OUT.values(), ids=WAYS_OUT)
async def test_after_an_end_create_opens_no_other_account_either(
    links: SqlLinks, way: list[LinkState]
) -> None:
    old = a_link(account="an-account-of-2009")
    await links.open(old, STEP)
    await walk(links, old, *way)
    assert await opening(links).create(ANN, LAND, NOW) == NotCreated(LinkPast.ENDED)


@pytest.mark.parametrize("turned_down", [True, False])
async def test_somebodys_guess_holds_nobody_up(links: SqlLinks, *, turned_down: bool) -> None:
    guess = a_link(account="a-guess", state=LinkState.PROPOSED)
    await links.open(guess, STEP)
    if turned_down:
        await walk(links, guess, LinkState.ENDED)
    assert isinstance(await opening(links).create(ANN, LAND, NOW), Created)


async def test_an_id_that_somebody_else_holds_is_given_to_nobody(links: SqlLinks) -> None:
    await links.open(a_link(BEN, account=new_account_id(ANN, LAND, "dd-")), STEP)
    assert await opening(links).create(ANN, LAND, NOW) == NotCreated(LinkPast.NONE)
    assert await links.of_subject(ANN, LAND) == []


def test_an_id_that_policy_opens_depends_on_subject_and_system_alone() -> None:
    assert new_account_id(ANN, LAND, "dd-") == "dd-" + new_account_id(ANN, LAND, "")
    assert new_account_id(ANN, LAND, "") != new_account_id(BEN, LAND, "")
    assert new_account_id(ANN, LAND, "") != new_account_id(ANN, SystemId("other"), "")
    assert len(new_account_id(ANN, LAND, "")) == 20


def test_a_hundred_thousand_ids_are_all_different() -> None:
    subjects = (SubjectId(secrets.token_hex(16)) for _ in range(100_000))
    assert len({new_account_id(subject, LAND, "") for subject in subjects}) == 100_000


def test_the_past_is_the_worst_that_stands_in_it() -> None:
    def links_in(*states: tuple[LinkState, bool]) -> list[PastLink]:
        return [PastLink(account=AccountId("a"), state=s, has_held=held) for s, held in states]

    ended, refused = (LinkState.ENDED, True), (LinkState.ENDED, False)
    assert past_of([]) is LinkPast.NONE
    assert past_of(links_in(refused, (LinkState.PROPOSED, False))) is LinkPast.NONE
    assert past_of(links_in(refused, ended)) is LinkPast.ENDED
    for state in HOLDING - {LinkState.ACTIVE}:
        assert past_of(links_in(ended, (state, True))) is LinkPast.HELD_BACK


def test_a_link_that_a_racing_request_has_opened_holds_nobody_up() -> None:
    states = (LinkState.ENDED, LinkState.SUSPENDED, LinkState.ACTIVE)
    links = [PastLink(account=AccountId("a"), state=s, has_held=True) for s in states]
    assert past_of(links) is LinkPast.NONE


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


@pytest.mark.parametrize(
    "way", [*HELD_BACK.values(), *WAYS_OUT.values()], ids=[*HELD_BACK, *WAYS_OUT]
)
async def test_the_old_password_does_not_undo_what_people_decided_about_a_link(
    links: SqlLinks, way: list[LinkState]
) -> None:
    door = opening(links)
    await door.claim(ANN, LAND, "x", "pw-X", NOW)
    (link,) = await links.of_subject(ANN, LAND)
    await walk(links, link, *way)
    assert await door.claim(ANN, LAND, "x", "pw-X", NOW) == Withheld()
    assert await links.of_subject(ANN, LAND) == []


async def test_an_account_whose_link_ended_can_be_claimed_by_its_owner(links: SqlLinks) -> None:
    door = opening(links)
    await door.claim(ANN, LAND, "x", "pw-X", NOW)
    (wrong,) = await links.of_subject(ANN, LAND)
    await walk(links, wrong, LinkState.ENDED)
    assert await door.claim(BEN, LAND, "x", "pw-X", NOW) == Claimed(AccountId("X"))
    assert await door.claim(ANN, LAND, "y", "pw-Y", NOW) == Claimed(AccountId("Y"))


async def test_a_proof_is_worth_more_than_a_guess_about_the_same_account(links: SqlLinks) -> None:
    await links.open(a_link(account="X", state=LinkState.PROPOSED), STEP)
    assert await opening(links).claim(ANN, LAND, "x", "pw-X", NOW) == Claimed(AccountId("X"))


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


async def test_of_fifty_parallel_claims_by_two_people_one_person_gets_the_account(
    links: SqlLinks, database: Database
) -> None:
    claims = [opening(links).claim(s, LAND, "x", "pw-X", NOW) for s in (ANN, BEN) * 25]
    outcomes = await asyncio.gather(*claims)
    holder = await links.holder_of(LAND, AccountId("X"))
    assert holder is not None
    loser = BEN if holder.subject == ANN else ANN
    of_the_holder = outcomes[0::2] if holder.subject == ANN else outcomes[1::2]
    of_the_loser = outcomes[1::2] if holder.subject == ANN else outcomes[0::2]
    assert set(of_the_holder) == {Claimed(AccountId("X"))}
    assert set(of_the_loser) == {WrongProof()}
    assert await links.of_subject(loser, LAND) == []
    rows = await database.rows("SELECT id FROM link UNION ALL SELECT id FROM link_transition")
    assert len(rows) == 2


async def test_a_silent_system_changes_nothing(links: SqlLinks) -> None:
    door = opening(links, OldTable(CannotCheck("down")))
    assert await door.claim(ANN, LAND, "x", "pw-X", NOW) == Unavailable()
    assert await links.holder_of(LAND, AccountId("X")) is None


def test_an_account_never_shows_when_an_outcome_or_a_link_is_printed() -> None:
    assert "SECRET" not in repr(Claimed(AccountId("SECRET")))
    assert "SECRET" not in repr(a_link(account="SECRET"))

"""O4: what is kept of a refusal, and what a flood of them costs."""

import json
from typing import Any

from idp.adapters import audit_witness, open_stores
from idp.audit.bounds import GROUPS_PER_MINUTE, OTHER, SINGLE_PER_MINUTE, RefusalBudget
from idp.audit.writer import MAX_WAITING, BatchingAudit
from tests.fixtures_world import SECRET_1, World, basic

NOW = 1_000_000 * 60


def refusal(**changes: str) -> dict[str, str]:
    return {"endpoint": "/token", "reason": "invalid_grant", "client": "c1"} | changes


async def records(world: World, event: str) -> list[dict[str, Any]]:
    async with open_stores(world.settings, world.clock) as stores:
        rows = await stores.database.rows(
            "SELECT fields FROM audit_record WHERE event = $1 ORDER BY chain, seq", event
        )
    return [json.loads(str(row["fields"])) for row in rows]


async def eventually(world: World, event: str, number: int) -> list[dict[str, Any]]:
    import asyncio

    for _ in range(200):
        if len(found := await records(world, event)) >= number:
            return found
        await asyncio.sleep(0.01)
    return found


async def test_a_refusal_is_recorded_with_reason_actor_client_and_the_id_it_was_given(
    world: World,
) -> None:
    answers = [
        await world.token(grant_type="authorization_code", code="x"),
        await world.browser().authorize(redirect_uri="https://evil.test/"),
        await world.browser().authorize(prompt="none"),
        await world.userinfo("x"),
        await world.http.get("/token"),
    ]
    found = await eventually(world, "refused", len(answers))
    assert [(r["endpoint"], r["reason"], r["client"]) for r in found] == [
        ("/token", "invalid_grant", "c1"),
        ("/authorize", "redirect_uri_unknown", "c1"),
        ("/authorize", "login_required", "c1"),
        ("/userinfo", "invalid_token", "unknown"),
        ("/token", "method_not_allowed", "unknown"),
    ]
    assert [r["correlation"] for r in found] == [a.headers["correlation-id"] for a in answers]
    assert found[0]["actor"] == found[3]["actor"] == found[4]["actor"]
    assert found[1]["actor"] == found[2]["actor"] != found[0]["actor"]
    assert "198.51" not in json.dumps(found)


async def test_a_page_that_is_not_there_refuses_nobody_and_leaves_no_record(world: World) -> None:
    """ADR 0022: every visit asks for an icon; and what was asked for may name somebody."""
    missing = [
        await world.http.get(path)
        for path in ("/favicon.ico", "/wp-login.php", "/reset/nguoi.dan", "/token/", "/Authorize")
    ]
    assert {answer.status_code for answer in missing} == {404}
    posted = await world.http.post("/")
    assert (posted.status_code, posted.headers["allow"]) == (405, "GET")
    assert not [a for a in (*missing, posted) if "correlation-id" in a.headers]
    await world.http.get("/token")
    (found,) = await eventually(world, "refused", 1)
    assert found["endpoint"] == "/token"


async def test_whoever_names_no_registered_client_is_unknown(world: World) -> None:
    await world.http.post("/token", data={}, headers=basic("evil\r\nname", SECRET_1))
    await world.browser().authorize(client_id="<svg>")
    found = await eventually(world, "refused", 2)
    assert {r["client"] for r in found} == {"unknown"}


async def test_a_key_client_and_a_client_by_form_are_named_too(world: World) -> None:
    used = world.assertion()
    form = {
        "client_assertion": used,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    await world.http.post("/token", data=form | {"grant_type": "password"})
    await world.token("c2", grant_type="password")
    await world.token("n1", grant_type="password")
    found = await eventually(world, "refused", 3)
    assert [r["client"] for r in found] == ["k1", "c2", "n1"]


async def test_a_rejected_sign_in_names_the_participant_and_no_person(world: World) -> None:
    browser = world.browser()
    page = await browser.follow(await browser.authorize())
    told = await browser.submit(page, username="anh.tuyet", password="x" * 20)
    (found,) = await eventually(world, "sign_in_rejected", 1)
    assert found["reason"] == "wrong_credentials"
    assert (found["client"], found["correlation"]) == ("c1", told.headers["correlation-id"])


async def test_a_flood_of_refusals_is_counted_instead_of_written(world: World) -> None:
    for _ in range(SINGLE_PER_MINUTE + 40):
        await world.http.get("/token")
    world.clock.now += 60
    counted = await eventually(world, "refusals_counted", 1)
    assert counted == [
        {
            "event": "refused", "endpoint": "/token", "reason": "method_not_allowed",
            "client": "unknown", "count": 40,
        }
    ]  # fmt: skip
    assert len(await records(world, "refused")) == SINGLE_PER_MINUTE


def test_decisions_are_never_held_back() -> None:
    budget = RefusalBudget()
    for _ in range(1000):
        assert budget.admits("code_issued", {}, NOW, crowded=True)
    assert budget.settled(NOW, ending=True) == []


def test_each_minute_and_each_event_has_a_budget_of_its_own() -> None:
    budget = RefusalBudget()
    for minute in range(2):
        now = NOW + 60 * minute
        for event in ("refused", "otp_rejected"):
            admitted = [budget.admits(event, refusal(), now, crowded=False) for _ in range(130)]
            assert admitted == [True] * SINGLE_PER_MINUTE + [False] * 10
        assert budget.settled(now) == [], "a minute is told when it is over"
        assert {f["event"]: f["count"] for f in budget.settled(now + 60)} == {
            "refused": 10,
            "otp_rejected": 10,
        }


def test_many_kinds_of_refusals_end_in_one_count() -> None:
    budget = RefusalBudget()
    for number in range(GROUPS_PER_MINUTE + 25):
        budget.admits("refused", refusal(client=f"c{number}"), NOW, crowded=True)
    counted = budget.settled(NOW, ending=True)
    assert len(counted) == GROUPS_PER_MINUTE + 1
    assert counted[-1] == {
        "event": "refused", "endpoint": OTHER, "reason": OTHER, "client": OTHER, "count": 25,
    }  # fmt: skip


async def test_a_refusal_is_never_a_503_because_the_audit_cannot_be_written(
    world: World,
) -> None:
    async with open_stores(world.settings, world.clock) as stores:
        witness = audit_witness(world.settings)
        audit = await BatchingAudit.open(stores.database, witness, "crowded", world.clock)
        for _ in range(MAX_WAITING):
            audit.record("signed_out", {"sid": "s", "notices": 0})
        audit.record("refused", refusal() | {"actor": "a", "correlation": "c"})
        audit._waiting.clear()
        await audit.close()
        (row,) = await stores.database.rows(
            "SELECT event, fields FROM audit_record WHERE chain = 'crowded'"
        )
    assert (row["event"], json.loads(str(row["fields"]))["count"]) == ("refusals_counted", 1)

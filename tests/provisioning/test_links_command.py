"""An operator ends a link: told beforehand what it changes, and the system is told afterwards."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.contract import AccountId, SubjectId, SystemId
from connectors.links.model import Evidence, Link, LinkState, Transition
from connectors.links.sql import SqlLinks
from connectors.provisioning.outbox import Outbox
from idp.adapters import open_stores
from idp.cli.main import lienthong
from idp.config import load_settings
from idp.store.sql_migrate import migrate
from keys.sql import Row
from tests.fixtures_world import ENVIRONMENT, write_config
from tests.people import ALICE_NAME, BOB_NAME
from tests.provisioning.test_operator import TOLD

REASON = ("--reason", "khong phai nguoi nay")
NOW = 1_800_000_000


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Somebody has an account in the land registry, two in the portal, and one proposed."""
    path = write_config(tmp_path, f"sqlite:///{tmp_path / 'world.sqlite'}", more=TOLD)
    migrate(f"sqlite:///{tmp_path / 'world.sqlite'}")

    async def fill() -> None:
        async with open_stores(load_settings(path, ENVIRONMENT)) as stores:
            await stores.database.change(
                "INSERT INTO subject (id, kind, enabled, attributes_sealed, created_at, updated_at)"
                " VALUES ('s', 'citizen', 1, $1, 1, 1)",
                b"",
            )
            states = [("land", "active"), ("portal", "active"), ("portal", "disputed"),
                      ("register", "proposed")]  # fmt: skip
            for number, (system, state) in enumerate(states, 1):
                link = Link(
                    link_id=f"link-{number}", subject=SubjectId("s"), system=SystemId(system),
                    account=AccountId(f"a-{number}"), state=LinkState(state), version=1,
                    created_at=NOW,
                )  # fmt: skip
                evidence = Evidence(rule="claimed", rule_version=1)
                why = Transition(actor="t", reason="t", evidence=evidence, at=NOW)
                await SqlLinks(stores.database, outbox=stores.outbox).open(link, why)

    asyncio.run(fill())
    return path


def told(config: Path, *arguments: str, text: str | None = None) -> Result:
    command, *more = arguments
    line = ["links", command, "-c", str(config), *more]
    return CliRunner().invoke(lienthong, line, env=ENVIRONMENT, input=text)


def states(config: Path) -> dict[str, str]:
    rows = json.loads(told(config, "list", "s", "--json").output)["links"]
    return {row["link"]: row["state"] for row in rows}


def rows(config: Path, sql: str) -> list[Row]:
    async def journey() -> list[Row]:
        async with open_stores(load_settings(config, ENVIRONMENT)) as stores:
            return list(await stores.database.rows(sql))

    return asyncio.run(journey())


def waiting(config: Path) -> list[str]:
    async def journey() -> list[str]:
        async with open_stores(load_settings(config, ENVIRONMENT)) as stores:
            return [
                m.kind.value for m in await Outbox(stores.database).waiting(SystemId("land"), 9)
            ]

    return asyncio.run(journey())


def test_the_effects_are_told_before_anything_is_changed(config: Path) -> None:
    asked = told(config, "end", "link-1", *REASON, text="n\n")
    assert asked.exit_code == 1
    assert "The system is told: link_ended." in asked.output
    assert "Sessions stay" in asked.output
    assert states(config)["link-1"] == "active"
    assert waiting(config) == []


def test_a_link_that_is_ended_is_told_to_its_system_and_written_down(config: Path) -> None:
    assert told(config, "end", "s", "land", *REASON, "--yes").exit_code == 0
    assert states(config)["link-1"] == "ended"
    assert waiting(config) == ["link_ended"]
    (step,) = rows(config, "SELECT * FROM link_transition WHERE to_state = 'ended'")
    assert str(step["actor"]).startswith("operator:")
    assert (step["from_state"], step["reason"]) == ("active", REASON[1])
    assert '"ended_by_operator"' in str(step["evidence"])
    (written,) = rows(config, "SELECT * FROM audit_record WHERE event = 'link_ended'")
    assert "link-1" in str(dict(written))
    assert not [
        each for each in ("a-1", ALICE_NAME, BOB_NAME, REASON[1]) if each in str(dict(written))
    ]


def test_a_link_ends_once(config: Path) -> None:
    told(config, "end", "link-1", *REASON, "--yes")
    again = told(config, "end", "link-1", *REASON, "--yes")
    assert (again.exit_code, "ended already" in again.output) == (1, True)
    assert waiting(config) == ["link_ended"]


def test_of_several_links_one_has_to_be_named(config: Path) -> None:
    several = told(config, "end", "s", "portal", *REASON, "--yes")
    assert several.exit_code == 1
    assert "link-2, link-3" in several.output
    assert told(config, "end", "link-3", *REASON, "--yes").exit_code == 0
    assert told(config, "end", "s", "portal", *REASON, "--yes").exit_code == 0
    assert states(config)["link-2"] == "ended"


def test_a_system_without_a_way_hears_nothing_and_that_is_said(config: Path) -> None:
    assert "told nothing" in told(config, "end", "link-4", *REASON, "--yes").output
    assert states(config)["link-4"] == "ended"


WRONG = (
    ("link-9", *REASON), ("s", "nowhere", *REASON), ("nobody", "land", *REASON), ("link-1",),
    ("link-1", "--reason", " "), ("link-1", "--reason", "a\nb"), ("link-1", "--reason", "a" * 201),
)  # fmt: skip


def test_what_names_no_link_or_no_reason_changes_nothing(config: Path) -> None:
    before = states(config)
    for arguments in WRONG:
        assert told(config, "end", *arguments, "--yes").exit_code in (1, 2)
    assert states(config) == before

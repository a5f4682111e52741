"""What an operator sees of the outbox, and does with a dead letter."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.contract import AccountId, SubjectId, SystemId
from connectors.provisioning.messages import Kind, Refused
from connectors.provisioning.outbox import Outbox
from connectors.provisioning.writer import OutboxWriter
from idp.adapters import open_stores
from idp.cli.main import lienthong
from idp.config import load_settings
from idp.store.sql_migrate import migrate
from tests.fixtures_world import ENVIRONMENT, write_config

LAND = SystemId("land")


TOLD = """
[systems.land.provisioning]
mode = "notify"
deliver = "webhook"
url = "https://land.test/events"
secrets = [{ env = "SECRET_1" }]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A province where the land registry has refused one message, and another waits."""
    path = write_config(tmp_path, f"sqlite:///{tmp_path / 'world.sqlite'}", more=TOLD)

    async def fill() -> None:
        async with open_stores(load_settings(path, ENVIRONMENT)) as stores:
            writer, outbox = OutboxWriter({LAND: frozenset(Kind)}), Outbox(stores.database)
            for kind in (Kind.ACCOUNT_DISABLED, Kind.ACCOUNT_ENABLED):
                async with stores.database.transaction() as statements:
                    await writer.write(
                        statements, LAND, kind, SubjectId("s"), 1_800_000_000,
                        account=AccountId("079085001234"),
                    )  # fmt: skip
            await outbox.take_lanes([LAND], "one", 1, 60)
            refused = [(1, Refused("status 404"))]
            await outbox.settle(LAND, "one", refused, 1, leased_until=0, due_at=0)

    migrate(f"sqlite:///{tmp_path / 'world.sqlite'}")
    asyncio.run(fill())
    return path


def told(config: Path, *arguments: str) -> Result:
    command, *more = arguments
    return CliRunner().invoke(
        lienthong, ["outbox", command, "-c", str(config), *more], env=ENVIRONMENT
    )


def listed(config: Path, *more: str) -> list[tuple[str, str]]:
    rows = json.loads(told(config, "list", "--json", *more).output)["messages"]
    return [(row["message"], row["state"]) for row in rows]


def test_the_list_shows_what_waits_and_what_is_dead_and_of_nobody(config: Path) -> None:
    assert listed(config) == [("land:1", "dead"), ("land:2", "waits")]
    assert listed(config, "--dead") == [("land:1", "dead")]
    shown = told(config, "list")
    assert "status 404" in shown.output
    assert "079085001234" not in shown.output + told(config, "list", "--json").output


def test_one_message_is_shown_whole(config: Path) -> None:
    shown = json.loads(told(config, "show", "land:1").output)
    assert (shown["account"], shown["reason"]) == ("079085001234", "status 404")


def test_a_dead_letter_is_sent_again_at_the_end_of_its_lane(config: Path) -> None:
    done = told(config, "replay", "land:1")
    assert (done.exit_code, done.output) == (0, "land:1 waits again, as land:3.\n")
    assert listed(config) == [("land:2", "waits"), ("land:3", "waits")]
    assert told(config, "list", "--dead").output == "No dead message.\n"


@pytest.mark.parametrize("message", ["land:2", "land:9", "nobody:1"])
def test_only_a_dead_message_is_replayed(config: Path, message: str) -> None:
    done = told(config, "replay", message)
    assert done.exit_code == 1
    assert listed(config) == [("land:1", "dead"), ("land:2", "waits")]


@pytest.mark.parametrize("message", ["land", "land:", "land:x", ":1", "land:²", "land:" + "9" * 30])
def test_what_is_no_name_of_a_message_is_told(config: Path, message: str) -> None:
    done = told(config, "show", message)
    assert done.exit_code == 2
    assert "SYSTEM:NUMBER" in done.output


def untold(config: Path) -> None:
    """The agency takes its web-hook away."""
    config.write_text(config.read_text("utf-8").replace(TOLD, ""), "utf-8")


def audited(config: Path) -> list[str]:
    async def read() -> list[str]:
        async with open_stores(load_settings(config, ENVIRONMENT)) as stores:
            sql = "SELECT event FROM audit_record WHERE event LIKE 'message_%'"
            return [str(row["event"]) for row in await stores.database.rows(sql)]

    return asyncio.run(read())


def test_a_dead_letter_is_discarded_and_brought_back(config: Path) -> None:
    done = told(config, "discard", "land:1", "--yes")
    assert (done.exit_code, done.output) == (0, "1 message(s) discarded.\n")
    assert audited(config) == ["message_discarded"]
    assert listed(config) == [("land:2", "waits")]
    assert told(config, "list", "--dead").output == "No dead message.\n"
    assert json.loads(told(config, "show", "land:1").output)["state"] == "discarded"
    assert told(config, "replay", "land:1").exit_code == 0
    assert listed(config) == [("land:2", "waits"), ("land:3", "waits")]


@pytest.mark.parametrize("what", ["land", "land:2", "land:9", "nobody:1"])
def test_what_a_system_has_yet_to_hear_is_not_discarded(config: Path, what: str) -> None:
    assert told(config, "discard", what, "--yes").exit_code == 1
    assert listed(config) == [("land:1", "dead"), ("land:2", "waits")]


def test_a_system_that_is_not_told_any_more_is_shown_so_and_its_messages_go_together(
    config: Path,
) -> None:
    untold(config)
    assert listed(config) == [("land:1", "dead"), ("land:2", "not told any more")]
    assert told(config, "discard", "land").exit_code == 1, "nobody has answered the question"
    assert len(listed(config)) == 2
    done = told(config, "discard", "land", "--yes")
    assert (done.exit_code, done.output) == (0, "2 message(s) discarded.\n")
    assert listed(config) == []

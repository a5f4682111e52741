"""`lienthong outbox`: what systems have yet to hear, and what they refused to."""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from connectors.contract import SystemId
from connectors.provisioning.outbox import Outbox
from idp.adapters import open_stores
from idp.cli.audited import audited
from idp.cli.command import CONFIG, DEMO, lienthong, run, settings_or_exit
from idp.config import Settings
from keys.sql import Row

AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")


@lienthong.group()
def outbox() -> None:
    """Messages to systems: what waits, what is dead, and sending a dead one again."""


@outbox.command("list")
@CONFIG
@DEMO
@AS_JSON
@click.option("--dead", is_flag=True, help="Only what was given up or refused.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
def list_messages(path: Path, *, demo: bool, as_json: bool, dead: bool, limit: int) -> None:
    """What waits and what is dead, oldest first."""
    settings = settings_or_exit(path, demo=demo)

    async def journey() -> list[dict[str, object]]:
        async with open_stores(settings) as stores:
            rows = await Outbox(stores.database).listing(dead_only=dead, limit=limit)
            return [_told(row, settings) for row in rows]

    rows = run(journey())
    if as_json:
        click.echo(json.dumps({"messages": rows}))
        return
    if not rows:
        click.echo("No dead message." if dead else "Nothing waits, and nothing is dead.")
        return
    table = Table("Message", "Event", "Since", "State", "Attempts", "Reason", title="Outbox")
    for row in rows:
        table.add_row(*(str(row[key] or "") for key in _SHOWN))
    Console().print(table)


@outbox.command("show")
@click.argument("message")
@CONFIG
@DEMO
def show(message: str, path: Path, *, demo: bool) -> None:
    """One message (SYSTEM:NUMBER), as JSON. It names the account; keep it out of tickets."""
    settings = settings_or_exit(path, demo=demo)
    system, number = _named(message)

    async def journey() -> Row | None:
        async with open_stores(settings) as stores:
            return await Outbox(stores.database).find(system, number)

    row = run(journey())
    if row is None:
        _stop(f"There is no message {message}.")
    else:
        click.echo(
            json.dumps(_told(row, settings) | {"account": row["account_id"]}, ensure_ascii=False)
        )


@outbox.command("replay")
@click.argument("message")
@CONFIG
@DEMO
def replay(message: str, path: Path, *, demo: bool) -> None:
    """Send a dead message (SYSTEM:NUMBER) again, at the end of its lane.

    The system is told how things stand then, so an old message brings no old state back.
    """
    settings = settings_or_exit(path, demo=demo)
    system, number = _named(message)

    async def journey() -> int | None:
        async with open_stores(settings) as stores:
            return await Outbox(stores.database).replay(system, number, int(time.time()))

    again = run(journey())
    if again is None:
        _stop(f"{message} is not a dead message.")
    else:
        click.echo(f"{message} waits again, as {system}:{again}.")


@outbox.command("discard")
@click.argument("what")
@CONFIG
@DEMO
@click.option("--yes", is_flag=True, help="Do not ask.")
def discard(what: str, path: Path, *, yes: bool, demo: bool) -> None:
    """Give up a dead message (SYSTEM:NUMBER), or all of a SYSTEM that is not told any more.

    `replay` brings one back, until it is swept with what was settled.
    """
    settings = settings_or_exit(path, demo=demo)
    system, number = _named(what) if ":" in what else (SystemId(what), None)
    gone = not _is_told(settings, system)
    if number is None and not gone:
        _stop(f"{system} is told: its messages are discarded one by one.")
    if not yes:
        click.confirm(f"Discard {what}? The system will not hear of it.", abort=True, err=True)

    async def journey() -> int:
        async with open_stores(settings) as stores, audited(settings, stores) as audit:
            now = int(time.time())
            done = await Outbox(stores.database).discard(system, number, now, waiting_too=gone)
            for message in done:
                fields = {"system": system, "message": message.message_id, "kind": message.kind}
                audit.record("message_discarded", fields)
            return len(done)

    count = run(journey())
    if count:
        click.echo(f"{count} message(s) discarded.")
    else:
        _stop(f"{what}: nothing that may be discarded.")


def _is_told(settings: Settings, system: SystemId) -> bool:
    declared = settings.systems.get(system)
    return declared is not None and declared.push is not None


_SHOWN = ("message", "event", "since", "state", "attempts", "reason")


def _told(row: Row, settings: Settings) -> dict[str, object]:
    """A message without whom it is about."""
    told = _is_told(settings, SystemId(str(row["system_id"])))
    since = datetime.fromtimestamp(int(row["created_at"] or 0), UTC)
    state = "waits" if told else "not told any more"
    if row["dead_at"] is not None:
        state = "dead" if row["settled_at"] is None else "discarded"
    elif row["settled_at"] is not None:
        state = "settled"
    return {
        "message": f"{row['system_id']!s}:{row['number']!s}",
        "event": row["kind"],
        "since": since.isoformat(timespec="seconds"),
        "state": state,
        "attempts": row["attempts"],
        "reason": row["reason"],
    }


def _named(message: str) -> tuple[SystemId, int]:
    system, _, number = message.rpartition(":")
    if not system or not (number.isascii() and number.isdigit()) or len(number) > 18:
        raise click.BadParameter("a message is named SYSTEM:NUMBER, as `outbox list` shows it")
    return SystemId(system), int(number)


def _stop(text: str) -> None:
    click.echo(text, err=True)
    sys.exit(1)

"""`lienthong report hand-offs`: what the audit tells of how seamless the province is."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from idp.adapters import open_stores
from idp.audit.hand_offs import HandOffs, counted_hand_offs
from idp.cli.command import CONFIG, DEMO, lienthong, run, settings_or_exit


@lienthong.group()
def report() -> None:
    """Figures, from what was recorded."""


@report.command("hand-offs")
@CONFIG
@DEMO
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def hand_offs(path: Path, *, demo: bool, as_json: bool) -> None:
    """How often a hand-off from the National Portal ended without a second prompt, by system.

    Begun: the link was followed. Finished: the person went on to the service, signed in; the rate
    is over these. Unfinished: all others, whoever cancelled, and whoever is still on the way.
    """
    settings = settings_or_exit(path, demo=demo)

    async def journey() -> HandOffs:
        async with open_stores(settings) as stores:
            return await counted_hand_offs(stores.database)

    rows = run(journey()).by_system()
    if as_json:
        click.echo(json.dumps({"hand_offs": rows}))
        return
    if not rows:
        click.echo("No hand-off has been recorded yet.")
        return
    columns = ("System", "Begun", "Finished", "Unfinished", "Silent", "Prompted", "Re-prompt rate")
    table = Table(*columns, title="Hand-offs")
    for system, row in rows.items():
        rate = row["re_prompt_rate"]
        counts = (row["begun"], row["finished"], row["unfinished"], row["silent"], row["prompted"])
        table.add_row(system, *map(str, counts), "-" if rate is None else f"{rate:.1%}")
    Console().print(table)

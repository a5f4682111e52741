"""`lienthong report hand-offs`: what the audit tells of how seamless the province is."""

import json
from collections import Counter
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from idp.adapters import open_stores
from idp.audit.reading import fields_of
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

    A hand-off that nobody finished is not counted: it stands in the log of the refusals, if
    anywhere.
    """
    settings = settings_or_exit(path, demo=demo)

    async def journey() -> tuple[Counter[str], Counter[str]]:
        silent: Counter[str] = Counter()
        prompted: Counter[str] = Counter()
        async with open_stores(settings) as stores:
            async for fields in fields_of(stores.database, "handed_off"):
                counted = prompted if fields["prompted"] else silent
                counted[str(fields["system"])] += 1
        return silent, prompted

    silent, prompted = run(journey())
    rows = {
        system: {
            "silent": silent[system],
            "prompted": prompted[system],
            "re_prompt_rate": round(prompted[system] / (silent[system] + prompted[system]), 4),
        }
        for system in sorted(silent | prompted)
    }
    if as_json:
        click.echo(json.dumps({"hand_offs": rows}))
        return
    if not rows:
        click.echo("No hand-off has been recorded yet.")
        return
    table = Table("System", "Silent", "Prompted", "Re-prompt rate", title="Hand-offs")
    for system, row in rows.items():
        rate = f"{row['re_prompt_rate']:.1%}"
        table.add_row(system, str(row["silent"]), str(row["prompted"]), rate)
    Console().print(table)

"""`lienthong audit verify`."""

from pathlib import Path

import click

from idp.app import open_stores
from idp.audit.chain import Record, first_broken
from idp.audit.writer import read_chains
from idp.cli.command import CONFIG, DEMO, lienthong, run, settings_or_exit


@lienthong.group()
def audit() -> None:
    """The record of what was decided."""


@audit.command()
@CONFIG
@DEMO
def verify(path: Path, *, demo: bool) -> None:
    """Recompute every chain; name the first record that does not fit."""
    settings = settings_or_exit(path, demo=demo)

    async def journey() -> dict[str, list[Record]]:
        async with open_stores(settings) as stores:
            return await read_chains(stores.database)

    chains = run(journey())
    broken = [record for records in chains.values() if (record := first_broken(records))]
    for record in broken:
        click.echo(f"chain {record.chain}: record {record.seq} does not fit", err=True)
    total = sum(map(len, chains.values()))
    click.echo(f"{len(chains)} chain(s), {total} record(s), {len(broken)} broken.")
    raise SystemExit(1 if broken else 0)

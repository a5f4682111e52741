"""`lienthong audit verify|heads`."""

import json
from pathlib import Path

import click

from idp.adapters import audit_witness, open_stores
from idp.audit.chain import Head
from idp.audit.verify import KeptHead, Verdict, read_heads, verify_chains
from idp.cli.command import CONFIG, DEMO, lienthong, run, settings_or_exit


@lienthong.group()
def audit() -> None:
    """The record of what was decided."""


@audit.command()
@CONFIG
@DEMO
@click.option(
    "--kept",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What `audit heads` printed earlier: the chains must still hold it.",
)
def verify(path: Path, *, demo: bool, kept: Path | None) -> None:
    """Check every chain; name the first record that does not fit, is missing, or was cut off."""
    settings = settings_or_exit(path, demo=demo)
    outside = [] if kept is None else _read_kept(kept)

    async def journey() -> Verdict:
        async with open_stores(settings) as stores:
            return await verify_chains(stores.database, audit_witness(settings), outside)

    verdict = run(journey())
    for fault in verdict.faults:
        click.echo(fault, err=True)
    click.echo(
        f"{verdict.chains} chain(s), {verdict.records} record(s), {len(verdict.faults)} broken."
    )
    raise SystemExit(1 if verdict.faults else 0)


@audit.command()
@CONFIG
@DEMO
def heads(path: Path, *, demo: bool) -> None:
    """Print how far each chain has come, as JSON, to be kept where the database's writers cannot
    reach: `audit verify --kept FILE` then notices also a database that was put back as a whole.
    """
    settings = settings_or_exit(path, demo=demo)

    async def journey() -> list[Head]:
        async with open_stores(settings) as stores:
            return await read_heads(stores.database)

    rows = [{"chain": h.chain, "seq": h.seq, "last": h.last} for h in run(journey())]
    click.echo(json.dumps({"heads": rows}))


def _read_kept(path: Path) -> list[KeptHead]:
    try:
        entries = json.loads(path.read_text("utf-8"))["heads"]
        return [KeptHead(str(e["chain"]), int(e["seq"]), str(e["last"])) for e in entries]
    except (ValueError, KeyError, TypeError):
        raise click.UsageError("--kept: not what `audit heads` prints") from None

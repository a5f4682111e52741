"""`lienthong keys list|rotate|revoke`."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from idp.adapters import key_store, open_stores, rotation_policy
from idp.cli.command import CONFIG, DEMO, lienthong, run, settings_or_exit
from idp.config import Settings
from keys.keyring import KeyRing
from keys.ring import ALGORITHMS, KeyRecord
from keys.rotation import NotYet

JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")


@asynccontextmanager
async def _keyring(settings: Settings) -> AsyncIterator[KeyRing]:
    async with open_stores(settings) as stores:
        store = key_store(settings, stores.database)
        yield await KeyRing.load(store, stores.sealer, rotation_policy(settings), _now())


def _now() -> int:
    return int(time.time())


@lienthong.group()
def keys() -> None:
    """The keys that sign tokens."""


@keys.command("list")
@CONFIG
@DEMO
@JSON
def list_keys(path: Path, *, demo: bool, as_json: bool) -> None:
    """Every key, what it does now, and since when."""
    settings = settings_or_exit(path, demo=demo)

    async def journey() -> tuple[KeyRecord, ...]:
        async with _keyring(settings) as keyring:
            return keyring.listing()

    _print(run(journey()), as_json=as_json)


@keys.command()
@CONFIG
@DEMO
@click.argument("alg", type=click.Choice(ALGORITHMS))
def rotate(path: Path, alg: str, *, demo: bool) -> None:
    """Let the next key of ALG sign, once it has been published long enough."""
    settings = settings_or_exit(path, demo=demo)

    async def journey() -> object:
        async with _keyring(settings) as keyring:
            return await keyring.rotate(alg, _now())

    outcome = run(journey())
    if isinstance(outcome, NotYet):
        click.echo(f"Not yet: the next key may sign from {_time(outcome.permitted_at)}.", err=True)
        raise SystemExit(1)
    click.echo("Done. The former key stays published until its last token has died.")


@keys.command()
@CONFIG
@DEMO
@click.argument("kid")
@click.option("--yes", is_flag=True, help="Do not ask.")
def revoke(path: Path, kid: str, *, demo: bool, yes: bool) -> None:
    """Take a leaked key out at once: everything that it signed is refused from now on."""
    settings = settings_or_exit(path, demo=demo)
    if not yes:
        click.confirm("Everything signed with this key will be refused. Go on?", abort=True)

    async def journey() -> None:
        async with _keyring(settings) as keyring:
            await keyring.revoke(kid, _now())

    run(journey())
    click.echo("Done. Running providers drop it within five seconds; a client may keep it for ten")
    click.echo("minutes more: have those who must not wait fetch the JWK set anew.")


def _print(records: tuple[KeyRecord, ...], *, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "kid": record.kid,
                "alg": record.alg,
                "state": record.state.value,
                "published_at": record.published_at,
                "active_from": record.active_from,
                "retired_at": record.retired_at,
            }
            for record in records
        ]
        click.echo(json.dumps({"keys": rows}))
        return
    table = Table("kid", "alg", "state", "published", "signs since", "retired")
    for record in records:
        times = (record.published_at, record.active_from, record.retired_at)
        table.add_row(record.kid, record.alg, record.state.value, *map(_time, times))
    Console(width=None if Console().is_terminal else 140).print(table)


def _time(seconds: int | None) -> str:
    if seconds is None:
        return "–"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")

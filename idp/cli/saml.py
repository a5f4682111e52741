"""`lienthong saml metadata list|refresh`: what is known of service providers, and since when."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from connectors.contract import SystemId
from connectors.registry import SamlSettings
from idp.adapters import open_stores
from idp.cli.command import CONFIG, DEMO, lienthong, run, settings_or_exit
from idp.config import Settings
from idp.store.saml_metadata import KeptMetadata, SqlSamlMetadata


@lienthong.group()
def saml() -> None:
    """Systems that speak SAML."""


@saml.group()
def metadata() -> None:
    """What they say of themselves."""


@metadata.command("list")
@CONFIG
@DEMO
def list_them(path: Path, *, demo: bool) -> None:
    """Every system with a metadata_url, as one JSON object: what was fetched and what failed."""
    settings = settings_or_exit(path, demo=demo)

    async def journey() -> list[dict[str, object]]:
        async with open_stores(settings) as stores:
            kept = {row.system: row for row in await SqlSamlMetadata(stores.database).all()}
        return [
            _told(system, first, kept.get(system)) for system, first in _renewable(settings).items()
        ]

    click.echo(json.dumps({"saml_metadata": run(journey())}, ensure_ascii=False))


@metadata.command("refresh")
@CONFIG
@DEMO
@click.argument("system")
def refresh(path: Path, system: str, *, demo: bool) -> None:
    """Let the running service ask for this system's metadata now; `list` tells what came."""
    settings = settings_or_exit(path, demo=demo)
    if SystemId(system) not in _renewable(settings):
        click.echo("Refused: no such system, or it has no metadata_url.", err=True)
        raise SystemExit(1)

    async def journey() -> None:
        async with open_stores(settings) as stores:
            await SqlSamlMetadata(stores.database).make_due(SystemId(system))

    run(journey())
    click.echo("Done: the running service asks within a minute.")


def _renewable(settings: Settings) -> Mapping[SystemId, SamlSettings]:
    return {
        name: system.saml
        for name, system in settings.systems.items()
        if system.saml is not None and system.saml.source is not None
    }


def _told(system: SystemId, first: SamlSettings, row: KeptMetadata | None) -> dict[str, object]:
    """Times as people read them; `now` tells those that are over."""
    row = row or KeptMetadata(system=system, version=0)
    return {
        "system": system,
        "file_valid_until": _time(first.valid_until),
        "fetched_at": _time(row.fetched_at),
        "valid_until": _time(row.valid_until),
        "next_at": _time(row.due_at or None),
        "failed_at": _time(row.failed_at),
        "failure": row.failure,
        "now": _time(int(time.time())),
    }


def _time(at: int | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

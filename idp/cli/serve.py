"""`lienthong serve` and `lienthong migrate`."""

import gc
import importlib.util
import logging
import sys
import time
from pathlib import Path

import click
import uvicorn

from idp.adapters import open_stores
from idp.app import open_service
from idp.cli.command import CONFIG, DEMO, lienthong, run, settings_or_exit
from idp.config import Settings
from idp.config_warnings import warnings
from idp.store.schema_version import is_current
from idp.web.http1 import http1_for

FAST = ("uvloop", "httptools")
KEEP_ALIVE_SECONDS = 20
DRAIN_SECONDS = 20
GC_THRESHOLD = 20_000


@lienthong.command()
@CONFIG
@DEMO
@click.option("--listen", help="host:port, instead of the configured one.")
@click.option("--migrate/--no-migrate", default=True, help="Bring the schema up first.")
def serve(path: Path, *, demo: bool, listen: str | None, migrate: bool) -> None:
    """Run the provider until it is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log addresses
    missing = [name for name in FAST if importlib.util.find_spec(name) is None]
    if missing:
        click.echo(f"lienthong: {', '.join(missing)} must be installed", err=True)
        sys.exit(1)
    settings = settings_or_exit(path, demo=demo)
    for line in warnings(settings, int(time.time())):
        logging.getLogger("lienthong.configuration").warning(line)
    if migrate and not run(_is_current(settings)):
        _apply_migrations(settings)
    import uvloop  # noqa: PLC0415 - checked just above

    uvloop.install()
    run(_serve(settings, listen or settings.tables.provider.listen))


async def _serve(settings: Settings, listen: str) -> None:
    host, _, port = listen.rpartition(":")
    async with open_service(settings) as application:
        config = uvicorn.Config(
            application,
            host=host.strip("[]"),
            port=int(port),
            http=http1_for(application),
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            date_header=True,
            lifespan="off",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
        # What was made by now lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        await uvicorn.Server(config).serve()


async def _is_current(settings: Settings) -> bool:
    async with open_stores(settings) as stores:
        return await is_current(stores.database)


def _apply_migrations(settings: Settings) -> None:
    from idp.store.sql_migrate import migrate as apply  # noqa: PLC0415 - see schema_version

    apply(settings.tables.storage.database_url)


@lienthong.command("migrate")
@CONFIG
@DEMO
def migrate_command(path: Path, *, demo: bool) -> None:
    """Bring the database to this release's schema; safe to run again."""
    settings = settings_or_exit(path, demo=demo)
    _apply_migrations(settings)
    click.echo("The schema is up to date.")

"""The top of the command tree, and what every command shares."""

import asyncio
import os
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import TypeVar

import click

from idp.config import ConfigurationRefused, Settings, load_settings
from idp.config_warnings import warnings
from keys.errors import KeysError
from keys.sql import StoreUnavailableError

_T = TypeVar("_T")
CONFIG = click.option(
    "--config",
    "-c",
    "path",
    type=click.Path(path_type=Path),
    envvar="LIENTHONG_CONFIG",
    required=True,
    help="The configuration file (TOML); also LIENTHONG_CONFIG.",
)
DEMO = click.option(
    "--demo", is_flag=True, help="Allow plain http on loopback and secrets in the file."
)


def settings_or_exit(path: Path, *, demo: bool) -> Settings:
    """The settings; or every mistake on standard error, and exit code 1."""
    try:
        return load_settings(path, os.environ, demo=demo)
    except ConfigurationRefused as refused:
        for problem in refused.problems:
            click.echo(str(problem), err=True)
        click.echo(f"{len(refused.problems)} mistake(s); nothing was started.", err=True)
        sys.exit(1)


def run(journey: Coroutine[object, object, _T]) -> _T:
    """Run to the end; a store that is away, or a refusal of the key room, is exit code 1."""
    try:
        return asyncio.run(journey)
    except (StoreUnavailableError, KeysError) as fault:
        click.echo(f"lienthong: {fault}", err=True)
        sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lienthong")
def lienthong() -> None:
    """Liên Thông: one sign-in, recognised by every system under its own account."""


@lienthong.command()
@CONFIG
@DEMO
def check(path: Path, *, demo: bool) -> None:
    """Check the configuration; report every mistake: file, key, what is expected.

    What does not stop a start, as metadata that ran out, is a warning.
    """
    settings = settings_or_exit(path, demo=demo)
    found = list(warnings(settings, int(time.time())))
    for line in found:
        click.echo(line, err=True)
    verdict = f"this will start, with {len(found)} warning(s)" if found else "all well"
    click.echo(f"{len(settings.clients)} client(s), {len(settings.systems)} system(s): {verdict}.")


@lienthong.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell: eval "$(lienthong completion bash)"."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - only needed here

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError("no completion for this shell")
    click.echo(kind(lienthong, {}, "lienthong", "_LIENTHONG_COMPLETE").source())

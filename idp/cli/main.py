"""Every command, in one tree."""

from idp.cli import accounts, audit, demo, keys, links, outbox, report, serve
from idp.cli.command import lienthong

COMMANDS = (accounts, audit, demo, keys, links, outbox, report, serve)
"""Importing a module of commands registers them."""


def main() -> None:
    """Entry point."""
    lienthong()

"""Every command, in one tree."""

from idp.cli import accounts, app_passwords, audit, demo, keys, links, outbox, report, serve
from idp.cli.command import lienthong

COMMANDS = (accounts, app_passwords, audit, demo, keys, links, outbox, report, serve)
"""Importing a module of commands registers them."""


def main() -> None:
    """Entry point."""
    lienthong()

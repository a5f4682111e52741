"""Every command, in one tree."""

from idp.cli import accounts, app_passwords, audit, demo, keys, links, outbox, report, saml, serve
from idp.cli.command import lienthong

COMMANDS = (accounts, app_passwords, audit, demo, keys, links, outbox, report, saml, serve)
"""Importing a module of commands registers them."""


def main() -> None:
    """Entry point."""
    lienthong()

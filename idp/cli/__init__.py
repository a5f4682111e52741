"""The command `lienthong`. Exit codes: 0 done, 1 refused or failed, 2 wrong usage."""

from idp.cli.command import main

__all__ = ["main"]

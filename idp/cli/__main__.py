"""`python -m idp.cli`."""

from idp.cli.command import main

main()

"""`python -m idp.cli`."""

from idp.cli.main import main

main()

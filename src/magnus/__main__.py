"""`python -m magnus` is the command `magnus`."""

from magnus.cli.main import main

main()

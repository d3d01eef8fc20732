"""One module per command, each with a `command`; `magnus.cli.main` has their table."""

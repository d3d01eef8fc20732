"""One module per command, each with a `command`; `magnus.cli.synopsis` has their table."""

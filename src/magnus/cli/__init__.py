"""The command line: one module per command. Only `console` prints."""

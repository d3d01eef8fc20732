"""Shows the runs of a store in a browser, live; `serve` is the entry."""

"""A run as a tree on a terminal, painted while it runs; `model` and `painter` are pure."""

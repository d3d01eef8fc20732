"""Walks the graph of a run with an executor: runs or reuses the next step, starts branches and joins them."""

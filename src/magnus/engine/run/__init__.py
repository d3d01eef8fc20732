"""Walks the graph of a run with an executor: what comes next is done, reused, begun in branches and joined."""

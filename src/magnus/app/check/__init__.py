"""Finds everything that can be known to be wrong with a run before it starts, all at once."""

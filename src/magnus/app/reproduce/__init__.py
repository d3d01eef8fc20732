"""Runs a run again from what was recorded of it, and says whether it came out the same."""

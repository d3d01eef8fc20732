"""Processes of a run: one run at a time, forks by user code, an end for what is left, and who is still alive."""

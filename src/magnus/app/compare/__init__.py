"""Compares two runs and names the first cause of their difference; only `read_run` and `compare` read stores."""

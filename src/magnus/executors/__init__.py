"""Executors: where the steps of a run happen, one module each."""

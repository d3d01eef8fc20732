"""Prepares, creates and executes a run, or transpiles its pipeline."""

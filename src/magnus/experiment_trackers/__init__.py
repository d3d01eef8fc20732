"""Experiment trackers, one module each."""

"""Writes a new project that runs."""

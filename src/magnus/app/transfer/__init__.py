"""Moves runs with their files between stores, as one archive."""

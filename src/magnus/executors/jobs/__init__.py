"""Runs steps as jobs of a batch system."""

"""Reads the configuration and builds the services of a run; alone knows both names and classes."""

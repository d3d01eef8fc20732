"""Secrets providers, one module each."""

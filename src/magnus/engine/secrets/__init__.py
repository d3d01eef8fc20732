"""Masks secrets in output, results, files and records."""

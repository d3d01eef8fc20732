"""Tells before a run which parameters, files and secrets tasks need and set, from signatures and source."""

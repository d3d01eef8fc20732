"""Executors: one module or folder each, behind `interfaces.executor`."""

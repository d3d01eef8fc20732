"""Catalogs: one module or folder a technology, behind `interfaces.catalog`."""

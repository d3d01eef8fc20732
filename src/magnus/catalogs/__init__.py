"""Catalogs, one module or small family of modules each."""

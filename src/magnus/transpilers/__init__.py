"""Writes pipelines down for engines that walk the graph themselves, one package an engine."""

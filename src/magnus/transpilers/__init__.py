"""Writes pipelines for engines that walk the graph themselves: a package for each engine, beside it what all of them share."""

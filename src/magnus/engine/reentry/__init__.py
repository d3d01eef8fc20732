"""Runs that another engine drives: what each of its processes does, and what the engine and magnus say to each other."""

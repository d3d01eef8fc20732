"""Decides without I/O: the next step, the scope of a step, and what fan-out and fan-in make of branches and their values."""

"""Runs notebooks in a kernel: the notebook file, its cells, and the processes that execute them."""

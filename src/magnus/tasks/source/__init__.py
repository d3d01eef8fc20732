"""Reads the source code of the project without importing it: where a function is, and the code a task depends on."""

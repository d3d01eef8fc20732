"""Follows parameters and files along all paths of a pipeline without running it."""

"""Reads initial parameters and follows them through the steps that use them."""

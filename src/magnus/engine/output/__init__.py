"""Captures what a step prints, masked, and shows it."""

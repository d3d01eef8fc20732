"""Reads runs for people and programs: lists, finds, shows them, and gives them as objects."""

"""Calls functions of the user: finds them, binds their arguments, casts parameters and stores their results."""

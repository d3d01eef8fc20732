"""Picklers, one module each: they turn objects into bytes and back."""

"""A run as a tree on a terminal, painted while it goes on.

`reporter` takes events, `model` is what they add up to, `painter` makes lines of that, and `screen` has them on the
terminal; model and painter are pure.
"""

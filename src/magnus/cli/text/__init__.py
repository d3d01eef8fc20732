"""The texts of answers on a terminal, and as JSON."""

"""How objects become bytes and objects again."""

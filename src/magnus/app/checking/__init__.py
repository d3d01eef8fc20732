"""The use case *check*: everything that can be known to be wrong with a run before it begins, all at once."""

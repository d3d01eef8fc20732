"""The use case *report*: a run as one HTML page that needs nothing else. `writing` is what the command calls."""

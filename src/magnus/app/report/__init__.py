"""A run as one HTML page that needs nothing else; `write_report` is the entry."""

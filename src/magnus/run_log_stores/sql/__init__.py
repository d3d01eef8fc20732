"""The run log store of type `sql`: records as rows of PostgreSQL or SQLite, found by hashes of their paths."""

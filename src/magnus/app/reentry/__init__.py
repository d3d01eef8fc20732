"""Re-entry: files and options of a fresh process become calls of the engine."""

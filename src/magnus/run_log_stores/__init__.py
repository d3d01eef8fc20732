"""Stores records behind `interfaces.run_log_store`: a module for each technology, and what the stores in files share."""

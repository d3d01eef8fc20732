"""Stores records behind `interfaces.run_log_store`: a module for each technology, beside it what those in files share."""

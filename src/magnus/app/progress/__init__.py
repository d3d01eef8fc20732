"""Shows the progress of a run while it happens, as lines or as a live tree."""

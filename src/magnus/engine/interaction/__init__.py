"""What user code of a step reads and tells while it runs, in this process and from others."""

"""What tasks of each kind need and set, read from signatures, annotations and source. Used by the task kinds."""

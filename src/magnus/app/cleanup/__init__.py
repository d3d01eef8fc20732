"""The use cases *gc* and *catalog verify*: remove files that no run needs, and read content again to verify it."""

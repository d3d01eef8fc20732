"""The use cases, and the composition root: the only place that knows both the names and the classes of services."""

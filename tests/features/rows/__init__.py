"""The rows of the table, in their order."""

from rows import tasks, data, structure, failure, again, cached, records  # isort: skip

ALL = (tasks, data, structure, failure, again, cached, records)

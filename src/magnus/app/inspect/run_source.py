"""The parts of a run that the objects of its steps read."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from magnus.interfaces.catalog import ReadsLogs
from magnus.interfaces.run_log_store import RunLogStore


class RunSource(Protocol):
    """The places from which the steps of a run are read."""

    run_id: str
    store: RunLogStore
    working_directory: Path
    logs: Callable[[], ReadsLogs]

    @property
    def is_over(self) -> bool:
        """Whether the run can get no more records."""

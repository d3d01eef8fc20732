"""What a run says of itself to tables and pages."""

from datetime import datetime, timedelta
from typing import Protocol

from magnus.run_log.records import RunStatus


class RunFacts(Protocol):
    """The facts of a run in a list of runs; see `Run`."""

    run_id: str
    tag: str

    @property
    def pipeline(self) -> str:
        """The name of the pipeline."""
        ...

    @property
    def status(self) -> RunStatus:
        """The status, which can be LOST or DAMAGED."""
        ...

    @property
    def start_time(self) -> datetime | None:
        """The start, in UTC."""
        ...

    @property
    def duration(self) -> timedelta | None:
        """The time from the start to the end, or to now."""
        ...

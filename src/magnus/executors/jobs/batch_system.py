"""What the base needs of a batch system: four calls of its client, with states of jobs as data.

A call blocks. One thread makes them, one call at a time. A call that gets no answer raises `NoAnswer`: then nothing is
known, and no job counts as over.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from magnus.errors import MagnusError

__all__ = ["Batch", "BatchSystem", "Full", "Job", "Limits", "NoAnswer", "Phase", "Refused"]


class NoAnswer(MagnusError):
    """The batch system did not answer; whether the request took effect is not known."""


class Refused(MagnusError):
    """The batch system will not run these jobs, now or later: an option is wrong."""


class Full(MagnusError):
    """The batch system takes no more jobs of this user at the moment, or not so many at once."""


class Phase(Enum):
    """Where a job is in its life.

    A job that was requeued WAITS again under its id. EXITED says that its process exited by itself: its end mark says
    how. KILLED says that something outside stopped it: its node failed, it was preempted, its time or memory was over, or
    somebody cancelled it.
    """

    WAITING = "waiting"
    RUNNING = "running"
    EXITED = "exited"
    KILLED = "killed"


class Job(Struct, frozen=True):
    """A job as the batch system describes it now.

    Attributes:
        id: by which the batch system and its users name it, such as `17` or `17_3`.
        batch: the key of the batch it was submitted with.
        index: its place in that batch, from 0.
        phase: where it is in its life.
        state: in the words of the batch system, such as `NODE_FAIL`.
        reason: why it waits or was killed, in the words of the batch system, such as `Resources`.
        place: the machine that runs it, or ran it last; "" when there is none yet.
        restarts: how often it was requeued.
        by_user: whether it was killed since a user cancelled it.
    """

    id: str
    batch: str
    index: int
    phase: Phase
    state: str = ""
    reason: str = ""
    place: str = ""
    restarts: int = 0
    by_user: bool = False


class Batch(Struct, frozen=True):
    """Jobs with the same options, which are submitted by one call.

    Attributes:
        key: tells batches of all runs from each other. The batch system keeps it with the jobs, so that jobs are
            found whose submission got no answer.
        run_id: of the run whose steps they are.
        titles: the paths of the steps, one for each job.
        script: an executable file, which runs the step of a job. Each job starts it with four arguments: its index, its
            id, its machine, and how often it was requeued. They are known in the job alone; the id is as in `Job`.
        override: the name of the options that the steps ask for; "" for none.
        logs: the folder for the output of jobs, which exists. The standard output of a job is a file in it.
    """

    key: str
    run_id: str
    titles: Sequence[str]
    script: Path
    override: str
    logs: Path


class Limits(Struct, frozen=True):
    """What the batch system allows.

    Attributes:
        batch: the most jobs in one batch.
        remembers_seconds: how long it tells of a job that is over.
    """

    batch: int
    remembers_seconds: float


class BatchSystem(Protocol):
    """Client of a batch system."""

    def limits(self) -> Limits:
        """What the batch system allows; NoAnswer, or Refused when it cannot be used at all."""
        ...

    def submit(self, batch: Batch) -> Mapping[int, str]:
        """Submit the jobs, all or none. The ids by index. NoAnswer, Full or Refused.

        OSError when a file beside the script cannot be written; then nothing was submitted.
        """
        ...

    def jobs(self, run_ids: Sequence[str]) -> Mapping[str, Sequence[Job]]:
        """All jobs of these runs that the batch system still knows, by the id of the run, in one request; NoAnswer.

        Runs without jobs may be left out.
        """
        ...

    def cancel(self, ids: Sequence[str]) -> None:
        """End these jobs: SIGINT first, so that steps record that the user stopped them, and SIGKILL soon after; NoAnswer.

        Both go to all processes of a job, each once. Jobs that are over, or not known, are passed over. Jobs that wait
        are gone at once. It does not wait until the jobs are over.
        """
        ...

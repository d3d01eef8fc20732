"""The state of a batch system for tests: one file, which its clients and its scheduler change under a lock."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct, field

from magnus.executors.jobs.batch_system import Job, Phase

__all__ = ["Fault", "FaultKind", "JobState", "Order", "State", "open_state", "read_state"]

FaultKind: TypeAlias = Literal["silent", "lost", "late", "doubled", "full", "refused"]
"""How a call goes wrong.

`silent`: no answer and no effect. `lost`: the effect, and no answer. `late`: no answer, and the effect after some time.
`doubled`: carried out twice. `full` and `refused`: as the errors of these names.
"""
Order: TypeAlias = Literal["", "cancel", "requeue", "preempt", "fail", "fail and requeue"]
"""What shall happen to a job: `fail` is the end of its machine, which no process notices before."""


class Fault(Struct):
    """The calls of this name go wrong, from the one of this number (from 0) on, `count` times."""

    call: Literal["submit", "jobs", "cancel", "limits"]
    kind: FaultKind
    number: int = 0
    count: int = 1


class JobState(Struct):
    """A job. Times are seconds since the epoch; it does not start, and is not shown, before its times.

    Attributes:
        job: as clients see it.
        run_id: of its run.
        title: the path of its step.
        script: what it starts.
        logs: the folder for its output.
        starts_at: the earliest start.
        shown_at: since when clients see it.
        pid: of its process, while it runs.
        order: what shall happen to it.
        kill_at: when its processes are killed that did not end.
        over_at: when it was over; 0 if it is not.
    """

    job: Job
    run_id: str
    title: str
    script: str
    logs: str
    starts_at: float = 0.0
    shown_at: float = 0.0
    pid: int = 0
    order: Order = ""
    kill_at: float = 0.0
    over_at: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether it does not run any more, nor again."""
        return self.job.phase in {Phase.EXITED, Phase.KILLED}


class State(Struct):
    """The whole batch system.

    Attributes:
        machines: the number of jobs that run at the same time.
        most_jobs: the most jobs that are not over.
        batch: the most jobs in one batch.
        remembers_seconds: how long it shows a job that is over.
        grace_seconds: the time between the signal that ends a job and SIGKILL.
        is_silent: whether no call gets an answer.
        is_held: whether no job starts.
        starts_that_fail: so many of the next starts end with the machine before the first line of the script.
        last: the number of the last submission.
        calls: the number of calls by name.
        faults: of the calls that are to come.
        jobs: by id.
    """

    machines: int = 4
    most_jobs: int = 100_000
    batch: int = 1000
    remembers_seconds: float = 300.0
    grace_seconds: float = 10.0
    is_silent: bool = False
    is_held: bool = False
    starts_that_fail: int = 0
    last: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    jobs: dict[str, JobState] = field(default_factory=dict)


@contextmanager
def open_state(folder: Path) -> Iterator[State]:
    """The state, which nobody else changes meanwhile; it is written afterwards."""
    with _locked(folder):
        state = _read(folder)
        before = msgspec.json.encode(state)
        try:
            yield state
        finally:  # a call that fails counts too
            if (after := msgspec.json.encode(state)) != before:
                temporary = folder / f"state.new-{os.getpid()}"
                temporary.write_bytes(after)
                temporary.replace(folder / "state")


def read_state(folder: Path) -> State:
    """The state as it is now."""
    with _locked(folder):
        return _read(folder)


def _read(folder: Path) -> State:
    file = folder / "state"
    return msgspec.json.decode(file.read_bytes(), type=State) if file.exists() else State()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)

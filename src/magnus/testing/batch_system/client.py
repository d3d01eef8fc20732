"""The client of a batch system for tests, as a peer of the clients of real ones, and what tests do to it."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from magnus.executors.jobs.batch_system import Batch, Full, Job, Limits, NoAnswer, Phase, Refused
from magnus.testing.batch_system.state import Fault, FaultKind, JobState, Order, State, open_state, read_state

__all__ = ["FakeBatchSystem"]

_LATE_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 1000.0
_START: Final = '"$@" >/dev/null 2>&1 </dev/null &'


class FakeBatchSystem:
    """The batch system whose state is in `folder`; any number of clients, in any process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def limits(self) -> Limits:
        """What the state says."""
        with open_state(self.folder) as state:
            fault = _fault(state, "limits")
            _raise(fault)
            return Limits(state.batch, state.remembers_seconds)

    def submit(self, batch: Batch) -> Mapping[int, str]:
        """Take the jobs, unless a fault says otherwise."""
        with open_state(self.folder) as state:
            fault = _fault(state, "submit")
            alive = sum(not one.is_over for one in state.jobs.values())
            if fault is None and (len(batch.titles) > state.batch or alive + len(batch.titles) > state.most_jobs):
                fault = "full"
            if fault not in {"lost", "late"}:
                _raise(fault)
            ids = _taken(state, batch, time.time() + _LATE_SECONDS if fault == "late" else 0.0)
            if fault == "doubled":
                _taken(state, batch, 0.0)
        self._start_scheduler()
        if fault in {"lost", "late"}:
            raise NoAnswer("the connection was closed before the answer came")
        return ids

    def jobs(self, run_ids: Sequence[str]) -> Mapping[str, Sequence[Job]]:
        """The jobs of the runs that are shown."""
        with open_state(self.folder) as state:
            _raise(_fault(state, "jobs"))
            at = time.time()
            jobs: dict[str, list[Job]] = {run_id: [] for run_id in run_ids}
            for one in state.jobs.values():
                if one.run_id in jobs and one.shown_at <= at:
                    jobs[one.run_id].append(one.job)
            return jobs

    def cancel(self, ids: Sequence[str]) -> None:
        """Order the end of the jobs."""
        with open_state(self.folder) as state:
            fault = _fault(state, "cancel")
            if fault != "lost":
                _raise(fault)
            for job_id in ids:
                if job_id in state.jobs and not state.jobs[job_id].is_over:
                    _order(state.jobs[job_id], "cancel")
        if fault == "lost":
            raise NoAnswer("the connection was closed before the answer came")

    # --- what tests do

    def change(self, change: Callable[[State], None]) -> None:
        """Change the state."""
        with open_state(self.folder) as state:
            change(state)

    def state(self) -> State:
        """The state as it is now."""
        return read_state(self.folder)

    def fail_calls(self, *faults: Fault) -> None:
        """Let calls go wrong that are to come."""
        self.change(lambda state: state.faults.extend(faults))

    def order(self, job: str, order: Order) -> None:
        """Let that happen to a job."""
        self.change(lambda state: _order(state.jobs[job], order))

    def forget(self, job: str) -> None:
        """Show the job no more; it still runs."""
        self.change(lambda state: setattr(state.jobs[job], "shown_at", time.time() + _LONGEST_SECONDS))

    def calls(self, name: str) -> int:
        """The number of calls so far."""
        return self.state().calls.get(name, 0)

    def close(self) -> None:
        """Cancel what is left, and wait for the end of the scheduler."""

        def cancel(state: State) -> None:
            for one in state.jobs.values():
                _order(one, "cancel")

        if not self.folder.exists():
            return
        self.change(cancel)
        lock = os.open(self.folder / "scheduler", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
        finally:
            os.close(lock)

    def _start_scheduler(self) -> None:
        """Start the scheduler as no child of this process, unless it is there."""
        program = [sys.executable, "-m", "magnus.testing.batch_system.scheduler", str(self.folder)]
        subprocess.run(["/bin/sh", "-c", _START, "sh", *program], check=True, start_new_session=True, cwd="/")


def _fault(state: State, call: str) -> FaultKind | None:
    """Count the call; how it goes wrong."""
    number = state.calls.get(call, 0)
    state.calls[call] = number + 1
    if state.is_silent:
        return "silent"
    for fault in state.faults:
        if fault.call == call and fault.number <= number < fault.number + fault.count:
            return fault.kind
    return None


def _raise(fault: FaultKind | None) -> None:
    match fault:
        case "full":
            raise Full("QOSMaxSubmitJobPerUserLimit")
        case "refused":
            raise Refused("invalid partition specified: nowhere")
        case "silent" | "lost" | "late":
            raise NoAnswer("the controller did not answer")
        case _:
            pass


def _taken(state: State, batch: Batch, at: float) -> dict[int, str]:
    """Add the jobs of the batch, which start and are shown at that time at the earliest."""
    state.last += 1
    ids = {index: f"{state.last}_{index}" for index in range(len(batch.titles))}
    for index, job_id in ids.items():
        job = Job(job_id, batch.key, index, Phase.WAITING, "PENDING", "Priority")
        title = batch.titles[index]
        state.jobs[job_id] = JobState(job, batch.run_id, title, str(batch.script), str(batch.logs), at, at)
    return ids


def _order(one: JobState, order: Order) -> None:
    if not one.is_over and one.order != order:
        one.order = order
        one.kill_at = 0.0

"""The scheduler of a batch system for tests, a process of its own: it starts jobs, and does with them what orders say.

Called as `python -m magnus.testing.batch_system.scheduler FOLDER` by the first client that needs it. It outlives the
client, and exits when all jobs have been over for a while.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from magnus.executors.jobs.batch_system import Phase
from magnus.testing.batch_system.state import JobState, Order, State, open_state

_TURN_SECONDS: Final = 0.02
_IDLE_SECONDS: Final = 0.5
_REQUEUE_SECONDS: Final = 0.2
_MACHINES: Final = "machine"
_ENDS: Final[dict[Order, tuple[str, str]]] = {
    "cancel": ("CANCELLED", ""),
    "preempt": ("PREEMPTED", ""),
    "fail": ("NODE_FAIL", "NodeDown"),
}
_SIGNALS: Final[dict[Order, signal.Signals]] = {
    "cancel": signal.SIGINT,
    "preempt": signal.SIGTERM,
    "requeue": signal.SIGTERM,
    "fail": signal.SIGKILL,
    "fail and requeue": signal.SIGKILL,
}


def main(folder: Path) -> None:
    """Run the jobs until none is left."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell ignores it in the background, and jobs would inherit that
    lock = os.open(folder / "scheduler", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    scheduler, idle_since = _Scheduler(), time.monotonic()
    while time.monotonic() - idle_since < _IDLE_SECONDS:
        with open_state(folder) as state:
            if scheduler.turn(state, time.time()):
                idle_since = time.monotonic()
        time.sleep(_TURN_SECONDS)


class _Scheduler:
    """The processes of the jobs, by id."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def turn(self, state: State, at: float) -> bool:
        """Do what is due; whether a job is left that is not over."""
        for one in state.jobs.values():
            if one.is_over:
                continue
            if one.job.phase is Phase.WAITING:
                self._obey_waiting(one, at)
            else:
                self._obey_running(one, state, at)
        self._start_waiting(state, at)
        for job_id in [
            job_id for job_id, one in state.jobs.items() if one.is_over and at - one.over_at > state.remembers_seconds
        ]:
            del state.jobs[job_id]
        return any(not one.is_over for one in state.jobs.values())

    def _start_waiting(self, state: State, at: float) -> None:
        free = state.machines - len(self._processes)
        for one in state.jobs.values():
            if one.job.phase is not Phase.WAITING or one.starts_at > at or state.is_held:
                continue
            if free < 1:
                one.job = replace(one.job, reason="Resources")
                continue
            free -= 1
            self._start(one, state, at)

    def _start(self, one: JobState, state: State, at: float) -> None:
        machine = f"{_MACHINES}-{1 + len(self._processes)}"
        one.job = replace(one.job, phase=Phase.RUNNING, state="RUNNING", reason="", place=machine)
        if state.starts_that_fail:
            state.starts_that_fail -= 1
            one.order = "fail"
            _end(one, at)
            return
        job = one.job
        log = Path(one.logs) / f"{job.id}.out"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [one.script, str(job.index), job.id, machine, str(job.restarts)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, "FAKE_BATCH_JOB": job.id},
            )
        self._processes[job.id], one.pid = process, process.pid

    def _obey_waiting(self, one: JobState, at: float) -> None:
        if one.order in _ENDS:
            _end(one, at)
        one.order = ""

    def _obey_running(self, one: JobState, state: State, at: float) -> None:
        process = self._processes.get(one.job.id)
        if process is None or process.poll() is not None:
            self._processes.pop(one.job.id, None)
            _kill(one.pid, signal.SIGKILL)
            _end(one, at)
            return
        if one.order and not one.kill_at:
            one.kill_at = at + state.grace_seconds
            _kill(one.pid, _SIGNALS[one.order])
        if one.kill_at and at > one.kill_at:
            _kill(one.pid, signal.SIGKILL)


def _end(one: JobState, at: float) -> None:
    """The job is over, or waits again."""
    order, one.order, one.kill_at, one.pid = one.order, "", 0.0, 0
    if order in {"requeue", "fail and requeue"}:
        one.starts_at = at + _REQUEUE_SECONDS
        one.job = replace(
            one.job, phase=Phase.WAITING, state="PENDING", reason="BeginTime", place="", restarts=one.job.restarts + 1
        )
        return
    state, reason = _ENDS.get(order, ("EXITED", ""))
    one.over_at = at
    phase = Phase.KILLED if order else Phase.EXITED
    one.job = replace(one.job, phase=phase, state=state, reason=reason, by_user=order == "cancel")


def _kill(group: int, number: signal.Signals) -> None:
    if group:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The outcome of a step by the end of its job: the error of its future, in words for the user."""

import signal
from typing import Final

from magnus.errors import ProcessDied, TaskFailed
from magnus.executors.jobs.batch_system import Job, Phase
from magnus.executors.jobs.run_folder import RunFolder
from magnus.executors.jobs.step_job import StepJob
from magnus.executors.reentry import ReentryOutput

__all__ = ["died_by_signal", "failed_to_run", "gone", "killed", "without_mark", "without_start"]

_MAGNUS_IS_MISSING: Final = (126, 127)
_SIGNAL: Final = 128
_LONGEST_SHOWN: Final = 1000


def failed_to_run(job: StepJob, status: int, log: str, system: str) -> TaskFailed:
    """The error of a job that exited by itself before its step had a result. `log` is the end of its output."""
    what = f"the job {job.id} of {system}{_on(job)} exited with status {status} before the step had a result"
    fix = ""
    if status in _MAGNUS_IS_MISSING:
        fix = "see that magnus can be started in jobs: the same environment on all machines, or lines of setup for it"
    return TaskFailed(f"{what}{_shown(job, log)}", fix=fix)


def died_by_signal(job: StepJob, status: int, output: ReentryOutput, system: str) -> ProcessDied:
    """The error of a job whose process was stopped by a signal, and that is over."""
    reason = f"exited with status {status}{_name(status - _SIGNAL)}"
    return _died(job, f"the job {job.id} of {system}{_on(job)} {reason}", output)


def killed(job: StepJob, answer: Job, output: ReentryOutput, system: str) -> ProcessDied:
    """The error of a job that something outside stopped."""
    words = answer.state or "killed"
    if answer.reason and answer.reason not in {"None", words}:
        words = f"{words} ({answer.reason})"
    return _died(job, f"the job {job.id} of {system}{_on(job, answer.place)} was stopped: {words}", output, words)


def without_mark(job: StepJob, answer: Job, output: ReentryOutput, system: str) -> ProcessDied:
    """The error of a job that has exited, and left no mark."""
    assert answer.phase is Phase.EXITED
    words = f" ({answer.state})" if answer.state else ""
    message = f"the job {job.id} of {system}{_on(job, answer.place)} is over{words}, and left no exit status"
    return _died(job, message, output)


def without_start(job: StepJob, answer: Job, folder: RunFolder, output: ReentryOutput, system: str) -> ProcessDied:
    """The error of a job that has exited, and did not come so far that it left the mark of its start."""
    words = f" ({answer.state})" if answer.state else ""
    message = f"the job {job.id} of {system}{_on(job, answer.place)} is over{words}, and did not start the step"
    message += f": see that its machine sees the folder '{folder.logs}', may write there, and has /bin/bash"
    log = folder.logs / f"{job.id}.out"
    text = folder.end_of_log(str(log)).strip()[-_LONGEST_SHOWN:]
    return _died(job, f"{message}; the end of {log}:\n{text}" if text else message, output)


def gone(job: StepJob, output: ReentryOutput, system: str) -> ProcessDied:
    """The error of a job that the batch system does not know any more, and that left no mark."""
    return _died(job, f"{system} does not know the job {job.id} any more, and it left no exit status", output)


def _died(job: StepJob, message: str, output: ReentryOutput, reason: str = "") -> ProcessDied:
    machine = "" if job.start is None else job.start.machine
    return ProcessDied(
        message,
        pid=0,
        shown=output.shown_bytes,
        seconds=output.seconds if job.start else 0.0,
        job=job.id,
        machine=machine,
        reason=reason,
    )


def _on(job: StepJob, place: str = "") -> str:
    machine = (job.start.machine if job.start is not None else "") or place
    return f" on {machine}" if machine else ""


def _shown(job: StepJob, log: str) -> str:
    """The end of the output of the job, and where the rest is."""
    where = job.start.log if job.start is not None else ""
    text = log.strip()[-_LONGEST_SHOWN:]
    return (f"; its output is in {where}" if where else "") + (f":\n{text}" if text else "")


def _name(number: int) -> str:
    try:
        return f" ({signal.Signals(number).name})"
    except ValueError:
        return ""

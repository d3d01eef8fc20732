"""An executor whose steps are jobs of a batch system: the base of all live batch systems.

A concrete executor is a class that makes its batch system, and the options of this base from its own options::

    class MyExecutor(JobExecutor):
        options = MyOptions
        capabilities = staticmethod(my_capabilities)

        def __init__(self, options: MyOptions, run_step: StepRunner) -> None:
            super().__init__(MyBatchSystem(options), JobOptions(folder=Path(options.log_folder)), run_step)

It also has `running_jobs` and `cancel_jobs` of `FindsJobs` and `output_folders` of `KeepsOutput`, by `left_jobs`, and `keeps`
with the folder of jobs among its capabilities.
One thread submits the jobs, watches them and cancels them (`watch`).
"""

import time
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from magnus.engine.reentry.protocol import Reentry
from magnus.errors import ServiceError, TaskFailed
from magnus.executors.jobs.batch_system import BatchSystem
from magnus.executors.jobs.options import JobOptions
from magnus.graph.path import StepPath
from magnus.interfaces.executor import StepRequest, StepRunner
from magnus.interfaces.reporter import Warned

if TYPE_CHECKING:
    from concurrent.futures import Future  # lazy: a step in its job knows the options alone

    from magnus.executors.jobs.run_folder import RunFolder
    from magnus.executors.jobs.watch import Watch

__all__ = ["JobExecutor"]

_LONGEST_WAIT_SECONDS: Final = 3600.0


class JobExecutor:
    """Runs steps as jobs of the batch system."""

    job_word = "job"

    def __init__(self, batch_system: BatchSystem, options: JobOptions, run_step: StepRunner) -> None:
        self.slots = options.max_jobs
        self.late_seconds = options.grace_seconds
        self._system = batch_system
        self._options = options
        self._reentry = run_step.reentry_spec()
        self._wake = Event()
        self._is_ending = False
        self._is_stopped = False
        self._folder: RunFolder | None = None
        self._watch: Watch | None = None
        self._thread: Thread | None = None

    def __enter__(self) -> Self:
        """Make the folder of the run, and start the thread; ServiceError if the folder cannot be made."""
        from magnus.executors.jobs.run_folder import RunFolder  # lazy: a step in its job knows the options alone
        from magnus.executors.jobs.script import is_variable
        from magnus.executors.jobs.watch import Watch

        reentry = self._reentry
        self._folder = RunFolder(reentry.working_directory / self._options.folder, reentry.run_id)
        environment = {**reentry.environment, **Reentry(version=reentry.version).variables()}
        if names := ", ".join(sorted(name for name in environment if not is_variable(name))):
            reentry.report(Warned(f"variables that no shell can set are not there in jobs: {names}"))
        try:
            self._folder.make(environment)
        except OSError as error:
            message = f"the folder of jobs '{self._folder.private}' cannot be made: {error.strerror}"
            fix = "let it be in a folder that you can write on all machines"
            raise ServiceError(message, fix=fix) from error
        self._watch = Watch(self._system, self._options, reentry, self._folder, time.monotonic)
        self._thread = Thread(target=self._run, name="magnus jobs", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Cancel the jobs that are not over, wait for their end, and remove all files but the output of jobs.

        If jobs may still be there, only the secrets are removed: a run that resumes this one looks for its jobs.
        """
        assert self._watch is not None
        assert self._thread is not None
        assert self._folder is not None
        self.cancel()
        self._is_ending = True
        self._wake.set()
        self._thread.join()
        if self._watch.leaves_jobs:
            self._folder.remove_secrets()
        else:
            self._folder.remove()

    def submit(self, request: StepRequest) -> "Future[None]":
        """Submit the step as a job, with the steps that are submitted at the same time."""
        from concurrent.futures import Future  # lazy: as above

        from magnus.executors.jobs.requests import Submitted

        assert self._watch is not None
        future: Future[None] = Future()
        if self._is_stopped:
            future.set_exception(TaskFailed("interrupted"))
            return future
        self._watch.add(Submitted(request, future, self._reentry.override(request.path)))
        self._wake.set()
        return future

    def cancel(self) -> None:
        """Cancel all jobs of the run, also jobs that are being submitted now."""
        assert self._watch is not None
        self._is_stopped = True
        self._watch.stop()
        self._wake.set()

    def runs_together(self, path: StepPath) -> bool:
        """Whether one job runs the composite at `path` with all its branches."""
        return self._reentry.override(path) in self._options.together

    def _run(self) -> None:
        assert self._watch is not None
        try:
            while not (self._is_ending and self._watch.is_idle):
                self._wake.clear()
                turn_at = self._watch.turn()
                if self._is_ending and self._watch.is_idle:
                    return
                wait = _LONGEST_WAIT_SECONDS if turn_at is None else turn_at - time.monotonic()
                self._wake.wait(max(0.0, wait))
        except BaseException as error:  # noqa: BLE001 - a fault of magnus or of a batch system: the run must not hang
            self._watch.fail(error)

"""The `local-container` executor: each step runs in a container of its own on this machine, by the re-entry command.

One thread waits for each container. magnus in a container writes events as lines to its standard output, which are
reported here; the outcome of the step is in the run log.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Condition
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from magnus.errors import InvalidConfiguration, JobsUnknown, TaskFailed
from magnus.executors.container.options import ContainerOptions, StepOptions, environment, of_step
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality
from magnus.interfaces.executor import StepRequest, StepRunner
from magnus.system.processors import processors

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor  # lazy: a step in its container knows the options alone

    from magnus.executors.container.docker_engine import DockerEngine, Job
    from magnus.executors.container.mounts import Folder
    from magnus.executors.container.outcome import ContainerExit
    from magnus.executors.reentry import ReentryOutput
    from magnus.interfaces.jobs_of_runs import RunningJob
    from magnus.run_log.records import RunRecord

_GRACE_SECONDS: Final = 3.0


def _capabilities(options: ContainerOptions) -> ExecutorCapabilities:
    return ExecutorCapabilities(runs_on=Locality.HOST, concurrent=options.enable_parallel, reenters=True)


@contextmanager
def _needs_sdk() -> Iterator[None]:
    """JobsUnknown if the Docker SDK is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        message = f"the package '{error.name}' is not installed"
        raise JobsUnknown(message, fix="pip install 'magnus[docker]'") from error


class ContainerExecutor:
    """Runs steps in containers, and steps with `run_in_local` in the calling thread."""

    options = ContainerOptions
    capabilities = staticmethod(_capabilities)
    job_word = "container"

    @staticmethod
    def running_jobs(_options: ContainerOptions, runs: "Sequence[RunRecord]") -> "Mapping[str, Sequence[RunningJob]]":
        """The containers of runs whose process is gone, until the next magnus on this machine ends them."""
        with _needs_sdk():
            from magnus.executors.container.running import running_containers  # lazy: few runs lose their process

        return running_containers(runs)

    @staticmethod
    def cancel_jobs(_options: ContainerOptions, run: "RunRecord", jobs: "Sequence[RunningJob]") -> None:
        """End containers of such a run; none starts without its process."""
        if not jobs:
            return
        with _needs_sdk():
            from magnus.executors.container.running import end_containers  # lazy: likewise

        end_containers(run, jobs)

    def __init__(self, options: ContainerOptions, run_step: StepRunner) -> None:
        self.slots = (options.max_workers or processors()) if options.enable_parallel else 1
        self._options = options
        self._run_step = run_step
        self._reentry = run_step.reentry_spec()
        self._changed = Condition()
        self._running: set[str] = set()
        self._ending = False
        self._folders: Sequence[Folder] | None = None
        self._engine: DockerEngine | None = None
        self._threads: ThreadPoolExecutor | None = None

    @staticmethod
    def begin(_options: ContainerOptions) -> None:
        """Refuse to begin without the Docker SDK; nothing of it is started early."""
        from importlib.util import find_spec  # lazy: not for steps in their containers

        if find_spec("docker") is None:
            message = "executor 'local-container' needs the package 'docker', which is not installed"
            raise InvalidConfiguration(message, fix="pip install 'magnus[docker]'")

    def __enter__(self) -> Self:
        from concurrent.futures import ThreadPoolExecutor  # lazy: as above

        from magnus.executors.container.docker_engine import DockerEngine  # lazy: the SDK takes long to load

        self._engine = DockerEngine()
        self._threads = ThreadPoolExecutor(self.slots, thread_name_prefix="magnus containers")
        self._threads.submit(self._engine.clean_up, os.uname().nodename)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the containers, and interrupt steps that are running."""
        assert self._threads is not None
        assert self._engine is not None
        with self._changed:
            self._ending = True
        try:
            self.cancel()
        finally:
            self._threads.shutdown(cancel_futures=True)
            self._engine.close()

    def submit(self, request: StepRequest) -> "Future[None] | None":
        """Run the step in a container as soon as there is a thread to wait for it."""
        step = of_step(self._options, self._reentry.override(request.path))
        if step.run_in_local:
            from magnus.engine.processes.guard import claimed  # lazy: only a step that runs in this process needs it

            with claimed():
                self._run_step(request)
            return None
        assert self._threads is not None
        return self._threads.submit(self._run, request, step)

    def cancel(self) -> None:
        """Stop the containers since the user stopped the run (SIGTERM would mean an eviction); kill the ones that stay."""
        self._signal("SIGINT")
        deadline = time.monotonic() + _GRACE_SECONDS
        with self._changed:
            while self._running and (seconds := deadline - time.monotonic()) > 0:
                self._changed.wait(seconds)
        self._signal("SIGKILL")

    def _signal(self, name: str) -> None:
        with self._changed:
            running = tuple(self._running)
        for container in running:
            if self._engine is not None:
                self._engine.signal(container, name)

    def _run(self, request: StepRequest, step: StepOptions) -> None:
        """Run the step in a container; TaskFailed when it could not be run, ProcessDied when it was killed."""
        from magnus.executors.container import outcome  # lazy: as the engine

        assert self._engine is not None
        job = self._job(request, step)
        ended, output = self._run_to_end(job)
        if died := outcome.killed(ended, output, step.resources.memory):
            raise died
        image_version = self._version(job) if outcome.needs_a_look(ended, output) else None
        failed = outcome.failure(ended, output, step.image, version=self._reentry.version, image_version=image_version)
        if failed is not None:
            raise failed

    def _version(self, job: "Job") -> str:
        from msgspec.structs import replace  # lazy: images that are wrong

        assert self._engine is not None
        return self._engine.version(replace(job, command=(job.command[0], "--version"), is_removed=True))

    def _run_to_end(self, job: "Job") -> tuple["ContainerExit", "ReentryOutput"]:
        """Run the container, and report the events of magnus in it."""
        from magnus.executors.reentry import ReentryReader  # lazy: as above

        assert self._engine is not None
        reader, container = ReentryReader(self._reentry.report), ""

        def report_id(new: str) -> None:
            nonlocal container
            container = new
            self._note(new)

        try:
            container_exit = self._engine.run(job, reader.feed, report_id)
        finally:
            with self._changed:
                self._running.discard(container)
                self._changed.notify_all()
        return container_exit, reader.end()

    def _note(self, container: str) -> None:
        """Note that the container starts; TaskFailed if the run is being stopped."""
        with self._changed:
            if self._ending:
                raise TaskFailed("interrupted")
            self._running.add(container)

    def _job(self, request: StepRequest, step: StepOptions) -> "Job":
        from magnus.engine.processes import liveness  # lazy: as the engine
        from magnus.engine.reentry.protocol import Reentry
        from magnus.executors.container.docker_engine import Job
        from magnus.executors.container.labels import labels
        from magnus.run_log.records import CodeIdentity

        assert self._engine is not None
        options, reentry_spec = self._options, self._reentry
        image = self._engine.images.get(step.image, options.pull_policy)
        identity = CodeIdentity(image.digest, "docker", code_identifier_dependable=True, code_identifier_url=image.name)
        reentry = Reentry(version=reentry_spec.version, code_identities=(identity,), events=True)
        stays = not options.auto_remove_container
        return Job(
            image=image,
            command=reentry_spec.command(request),
            environment={
                **environment(step.environment, os.environ),
                **reentry_spec.environment,
                **reentry.variables(),
            },
            folders=self._mounted(),
            working_directory=reentry_spec.working_directory,
            labels=labels(liveness.this_process(), reentry_spec.run_id, request.path, stays=stays),
            resources=step.resources,
            network=options.network,
            user=None if options.user is None else str(options.user),
            is_removed=not stays,
        )

    def _mounted(self) -> "Sequence[Folder]":
        from magnus.executors.container.mounts import mounts  # lazy: as the engine

        with self._changed:
            if self._folders is None:
                self._folders = mounts(self._reentry.written, self._reentry.read)
            return self._folders

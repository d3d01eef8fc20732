"""Runs the pods of a simulated workflow as containers of their images, through the container engine of `local-container`.

A container gets the environment, the volumes and the limits that its pod would get, and nothing else of this machine; the
project only with `--mount-project`.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self

from msgspec import Struct
from msgspec.structs import replace

from magnus.engine.files.project_copy import ProjectCopy
from magnus.engine.processes import liveness
from magnus.engine.reentry.protocol import EventLines, Reentry
from magnus.errors import InvalidConfiguration, ServiceError, TaskFailed
from magnus.executors.container import outcome
from magnus.executors.container.labels import labels
from magnus.executors.container.mounts import Folder
from magnus.executors.container.options import Memory, Resources
from magnus.graph.path import StepPath
from magnus.interfaces.reporter import Event, Warned
from magnus.simulation.argo.expressions import substituted
from magnus.simulation.argo.pod import (
    ERROR,
    FAILED,
    GRACE_SECONDS,
    KILLED,
    TOO_LONG,
    Ended,
    Fault,
    Faults,
    Hear,
    Secrets,
    ended,
    paths_of_outputs,
    steps_of,
    variables_of_pod,
)
from magnus.transpilers.argo.manifest import Container, Template, WorkflowSpec, quantity

if TYPE_CHECKING:
    from magnus.executors.container.docker_client import Image
    from magnus.executors.container.docker_engine import Job  # lazy: the SDK may not be there

_PULL: Final[Mapping[str, Literal["missing", "always", "never"]]] = {
    "": "missing",
    "Always": "always",
    "IfNotPresent": "missing",
    "Never": "never",
}


class PodOptions(Struct, frozen=True):
    """What a pod gets.

    Attributes:
        run_id: of the run that the pods are for.
        volumes: the folders of volumes by name.
        project: the folder of the project, if pods see it.
        copy: how each pod gets a fresh copy of the project in its place; None where all share it.
        network: "" for the usual one.
    """

    run_id: str
    volumes: Mapping[str, Path]
    project: Path | None = None
    copy: ProjectCopy | None = None
    network: str = ""


class Containers:
    """Runs pods, at most `slots` at a time. A context; what one that was killed left is removed by the next one."""

    def __init__(
        self, spec: WorkflowSpec, options: PodOptions, *, secrets: Secrets, faults: Faults, slots: int, hear: Hear
    ) -> None:
        if find_spec("docker") is None:
            message = "containers need the package 'docker', which is not installed"
            raise InvalidConfiguration(message, fix="pip install 'magnus[docker]'")
        from magnus.executors.container.docker_engine import DockerEngine  # lazy: as above

        self._spec = spec
        self._options = options
        self._secrets = secrets
        self._faults = faults
        self._hear = hear
        self._engine = DockerEngine()
        self._slots = asyncio.Semaphore(slots)
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="magnus pods")
        self._images: dict[str, Image] = {}
        user = spec.security_context.get("runAsUser")
        self._user = None if user is None else str(user)

    def __enter__(self) -> Self:
        """See that the engine and all images are there, since pods without theirs would wait without end."""
        try:
            self._engine.clean_up(os.uname().nodename)
            for template in self._spec.templates:
                if template.container is not None:
                    self._image(template.container)
        except TaskFailed as error:
            self._close()
            raise ServiceError(str(error)) from error
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._engine.close()

    async def run(self, template: Template, variables: Mapping[str, str], number: int) -> Ended:
        """Run the pod of the template for the `number`-th time."""
        container = template.container
        assert container is not None
        steps = steps_of(variables)
        fault = self._faults.of(steps, number)
        if fault is not None and not fault.signal:
            return fault.end()
        reentry = Reentry(events=True, signal=fault.signal if fault else 0)
        said = variables_of_pod(container, variables, self._secrets)
        command = [substituted(part, variables) for part in container.command]
        job = replace(
            self._job(container, command, steps[0] if steps else ""),
            environment={**said, **reentry.variables()},
            read=list(paths_of_outputs(template).values()),
        )
        async with self._slots:
            if self._options.copy is None or container.working_dir:
                return await self._run(template, job, fault)
            with TemporaryDirectory(prefix="pod-", ignore_cleanup_errors=True) as folder:
                return await self._run_in_copy(template, job, self._options.copy, Path(folder) / "project", fault)

    async def _run_in_copy(
        self, template: Template, job: "Job", project: ProjectCopy, copy: Path, fault: Fault | None
    ) -> Ended:
        """Run the pod with a fresh copy in the place of the project."""
        try:
            await asyncio.to_thread(project.make, copy)
        except TaskFailed as error:
            return Ended(ERROR, message=str(error))
        shared = [folder for folder in job.folders if folder.path != project.project]
        job = replace(job, folders=[*shared, Folder(copy, inside=project.project)])
        return await self._run(template, job, fault)

    async def _run(self, template: Template, job: "Job", fault: Fault | None) -> Ended:
        pod = _Pod(self._hear)
        running = self._threads.submit(self._engine.run, job, pod.hear, pod.begun)
        try:
            in_time = await self._waited(running, pod, template.active_deadline_seconds)
            end = running.result()
        except TaskFailed as error:
            return Ended(ERROR, message=str(error))
        if fault is not None:
            return fault.end()
        if not in_time:
            return Ended(FAILED, exit_code=KILLED, message=TOO_LONG)
        if end.is_out_of_memory:
            return Ended(FAILED, exit_code=end.code, message=f"OOMKilled (exit code {end.code})")
        read = {
            name: end.files[path].decode("utf-8", "replace") if path in end.files else None
            for name, path in paths_of_outputs(template).items()
        }
        return ended(template, end.code, pod.lines.rest.decode(errors="replace").strip(), read)

    async def _waited(self, running: "Future[outcome.ContainerExit]", pod: "_Pod", seconds: int | None) -> bool:
        """Wait for the container; whether it finished in time."""
        waiting = asyncio.wrap_future(running)
        try:
            done, _ = await asyncio.wait([waiting], timeout=seconds)
            if done:
                return True
            await self._end(waiting, pod)
        except asyncio.CancelledError:
            await self._end(waiting, pod)
            raise
        finally:
            if waiting.done() and not waiting.cancelled():
                waiting.exception()  # it is looked at by who asked for this
        return False

    async def _end(self, waiting: "asyncio.Future[outcome.ContainerExit]", pod: "_Pod") -> None:
        """Ask the container to end, and kill it if it does not."""
        pod.is_ending = True
        for name, patience in (("SIGTERM", GRACE_SECONDS), ("SIGKILL", None)):
            if pod.container:
                await asyncio.to_thread(self._engine.signal, pod.container, name)
            await asyncio.wait([waiting], timeout=patience)

    def document(self, configuration_file: str, variables: Mapping[str, str]) -> str:
        """The run log document, as magnus in an image tells it; "" when there is no run.

        It gets the environment of a pod with the `variables` of the workflow: stores may need credentials.
        """
        container = next(template.container for template in self._spec.templates if template.container)
        named = ["--config-file", configuration_file] if configuration_file else []
        command = [container.command[0], "show", self._options.run_id, "--json", *named]
        out, error = bytearray(), bytearray()

        def hear(said: bytes, complained: bytes) -> None:
            out.extend(said)
            error.extend(complained)

        environment = variables_of_pod(container, variables, self._secrets)
        job = replace(self._job(container, command, ""), environment=environment)
        try:
            end = self._engine.run(job, hear, lambda _: None)
        except TaskFailed as failed:
            raise ServiceError(f"the run log cannot be read: {failed}") from failed
        if end.code:
            self._hear(Warned(f"the run log cannot be read: {error.decode(errors='replace').strip()}"))
            return ""
        return out.decode()

    def _job(self, container: Container, command: Sequence[str], step: str) -> "Job":
        from magnus.executors.container.docker_engine import Job  # lazy: as above

        options = self._options
        folders = [Folder(options.volumes[m.name], inside=Path(m.mount_path)) for m in container.volume_mounts]
        if options.project is not None:
            folders.append(Folder(options.project))
        path = StepPath.parse(step) if step else StepPath(("",))
        return Job(
            image=self._image(container),
            command=command,
            environment={},
            folders=folders,
            working_directory=Path(container.working_dir) if container.working_dir else options.project,
            labels=labels(liveness.this_process(), options.run_id, path, stays=False),
            resources=_limits(container),
            network=options.network or None,
            user=self._user,
            is_entrypoint=True,
        )

    def _image(self, container: Container) -> "Image":
        name = container.image
        if name not in self._images:
            self._images[name] = self._engine.images.get(name, _PULL[container.image_pull_policy])
        return self._images[name]


class _Pod:
    """A container that runs: one thread waits for it and reports to the thread of the loop."""

    def __init__(self, hear: Callable[[Event], None]) -> None:
        self._take = hear
        self._loop = asyncio.get_running_loop()
        self.lines = EventLines()
        self.container = ""
        self.is_ending = False

    def hear(self, out: bytes, error: bytes) -> None:
        """Something came out of it."""
        self.lines.note(error)
        for event in self.lines.feed(out):
            self._loop.call_soon_threadsafe(self._take, event)

    def begun(self, container: str) -> None:
        """Start it, unless everything stops."""
        if self.is_ending:
            raise TaskFailed("interrupted")
        self.container = container


def _limits(container: Container) -> Resources:
    """The most it may use; requests and limits of devices are for schedulers."""
    limits = container.resources.limits if container.resources else {}
    cpu = quantity(limits["cpu"]) if "cpu" in limits else None
    memory = Memory(int(quantity(limits["memory"]))) if "memory" in limits else None
    return Resources(cpu, memory)

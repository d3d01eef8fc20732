"""Runs the pods of a simulated workflow as processes of this machine.

A pod gets the environment of its container on top of the one of this process, a folder of its own for temporary files,
and a fresh copy of the project to work in. What it writes to the path of an output goes to a file there: argv are changed accordingly.
"""

import asyncio
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Self

from magnus.engine.files.project_copy import ProjectCopy
from magnus.engine.reentry.protocol import EventLines, Reentry
from magnus.errors import TaskFailed
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
from magnus.transpilers.argo.manifest import Container, Template

_PARAMETERS: Final = "MAGNUS_PRM_"
_PIECE_BYTES: Final = 65_536
_REST_SECONDS: Final = 1.0
_WATCH: Final = """
import os, signal, sys, time
running = set()
for line in sys.stdin:
    (running.add if line[0] == "+" else running.discard)(int(line[1:]))
deadline = time.monotonic() + float(sys.argv[1])
number = signal.SIGTERM
while running:
    for pod in list(running):
        try:
            os.killpg(pod, number)
        except OSError:
            running.discard(pod)
    number = 0 if time.monotonic() < deadline else signal.SIGKILL
    time.sleep(0.05)
"""
"""Ends the pods of a simulation that is gone; asks them first, so that they end what they started."""


class Processes:
    """Runs pods, at most `slots` at a time. A context; none of its pods outlives it or this process."""

    def __init__(
        self,
        working_directory: Path,
        environment: Mapping[str, str],
        *,
        secrets: Secrets,
        faults: Faults,
        slots: int,
        hear: Hear,
        project: ProjectCopy | None = None,
    ) -> None:
        """Without a `project` to copy all pods work in the working directory itself."""
        self._working_directory = working_directory
        self._project = project
        programs = str(Path(sys.executable).parent)
        kept = {name: value for name, value in environment.items() if not name.startswith(_PARAMETERS)}
        self._environment = {**kept, "PATH": os.pathsep.join([programs, kept.get("PATH", os.defpath)])}
        self._secrets = secrets
        self._faults = faults
        self._slots = asyncio.Semaphore(slots)
        self._hear = hear
        self._watch: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._watch = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _WATCH, str(GRACE_SECONDS)],
            stdin=PIPE,
            text=True,
            start_new_session=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._watch is not None
        assert self._watch.stdin is not None
        with suppress(OSError):
            self._watch.stdin.close()
        self._watch.wait()

    async def run(self, template: Template, variables: Mapping[str, str], number: int) -> Ended:
        """Run the pod of the template for the `number`-th time."""
        container = template.container
        assert container is not None
        fault = self._faults.of(steps_of(variables), number)
        if fault is not None and not fault.signal:
            return fault.end()
        async with self._slots:
            with TemporaryDirectory(prefix="pod-", ignore_cleanup_errors=True) as folder:
                try:
                    place = await self._place(container, variables, Path(folder) / "project")
                except TaskFailed as error:
                    return Ended(ERROR, message=str(error))
                own = Path(folder) / "tmp"
                own.mkdir()
                return await self._run(template, container, variables, own, place, fault)

    async def _place(self, container: Container, variables: Mapping[str, str], copy: Path) -> Path:
        """The folder that the pod works in. TaskFailed when the project cannot be copied."""
        if container.working_dir:
            return Path(substituted(container.working_dir, variables))
        if self._project is None:
            return self._working_directory
        await asyncio.to_thread(self._project.make, copy)
        return copy

    async def _run(
        self,
        template: Template,
        container: Container,
        variables: Mapping[str, str],
        folder: Path,
        place: Path,
        fault: Fault | None,
    ) -> Ended:
        paths = paths_of_outputs(template)
        files = {path: str(folder / name) for name, path in paths.items()}
        argv = [substituted(files.get(part, part), variables) for part in container.command]
        said = variables_of_pod(container, variables, self._secrets)
        own = {"TMPDIR": str(folder)}
        reentry = Reentry(events=True, signal=fault.signal if fault else 0)
        environment = {**self._environment, **own, **said, **reentry.variables()}
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, cwd=place, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE,
                start_new_session=True,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            return Ended(ERROR, message=f"'{argv[0]}' cannot be run in '{place}': {error}")
        self._note("+", process.pid)
        lines = EventLines()
        try:
            in_time = await self._followed(process, lines, template.active_deadline_seconds)
        finally:
            self._note("-", process.pid)
        message = lines.rest.decode(errors="replace").strip()
        if fault is not None:
            return fault.end()
        if not in_time:
            return Ended(FAILED, exit_code=KILLED, message=TOO_LONG)
        code = process.returncode or 0
        read = {name: _read(Path(files[path])) for name, path in paths.items()}
        return ended(template, 128 - code if code < 0 else code, message, read)

    async def _followed(self, process: Process, lines: EventLines, seconds: int | None) -> bool:
        """Hear the pod to its end; whether it finished in time."""

        def heard(piece: bytes) -> None:
            for event in lines.feed(piece):
                self._hear(event)

        reading = [
            asyncio.ensure_future(_each(process.stdout, heard)),
            asyncio.ensure_future(_each(process.stderr, lines.note)),
        ]
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            await _end(process)
            return False
        except asyncio.CancelledError:
            await _end(process)
            raise
        finally:
            _kill(process.pid)
            await asyncio.wait(reading, timeout=_REST_SECONDS)  # what left the group may keep the pipes open
            for one in reading:
                one.cancel()
        return True

    def _note(self, sign: str, pid: int) -> None:
        """Tell who watches that a pod runs, or does not any more."""
        if self._watch is not None and self._watch.stdin is not None:
            with suppress(OSError):
                self._watch.stdin.write(f"{sign}{pid}\n")
                self._watch.stdin.flush()


async def _each(stream: asyncio.StreamReader | None, take: Callable[[bytes], None]) -> None:
    while stream is not None and (piece := await stream.read(_PIECE_BYTES)):
        take(piece)


async def _end(process: Process) -> None:
    """Ask the pod to end, and kill it if it does not."""
    _kill(process.pid, signal.SIGTERM)
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), GRACE_SECONDS)
    _kill(process.pid)
    await process.wait()


def _kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send the signal to the pod and what it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None

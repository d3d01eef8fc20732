"""Runs the pods of a simulated workflow as processes of this machine.

A pod gets the environment of its container on top of the one of this process, and the variables of its secrets. What it
writes to the path of an output goes to a file of its own: argv are changed accordingly.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from msgspec import Struct

from magnus.errors import InvalidInput
from magnus.transpilers.argo.expressions import substituted
from magnus.transpilers.argo.manifest import Container, Template

SUCCEEDED: Final = "Succeeded"
FAILED: Final = "Failed"
ERROR: Final = "Error"
SKIPPED: Final = "Skipped"
OMITTED: Final = "Omitted"
KILLED: Final = 137
_TAIL_BYTES: Final = 4_000
_GRACE_SECONDS: Final = 5.0
_PARAMETERS: Final = "MAGNUS_PRM_"


class Ended(Struct, frozen=True):
    """How a node ended: its phase, as Argo calls it, its outputs, and of a pod the exit status and the last it said."""

    phase: str
    outputs: Mapping[str, str] = {}
    exit_code: int | None = None
    message: str = ""


class Fault(Struct, frozen=True):
    """What is to go wrong with a pod: the step, the number of its pod from 0, or None for every one, and how."""

    step: str
    number: int | None
    kills: bool

    def hits(self, step: str, number: int) -> bool:
        """Whether this pod is meant."""
        return self.step == step and self.number in {None, number}


class Processes:
    """Runs pods, at most `slots` at a time."""

    def __init__(
        self, working_directory: Path, secrets: Mapping[str, Mapping[str, str]], faults: Sequence[Fault], slots: int
    ) -> None:
        self._working_directory = working_directory
        self._secrets = secrets
        self._faults = faults
        self._slots = asyncio.Semaphore(slots)

    async def run(self, template: Template, variables: Mapping[str, str], number: int) -> Ended:
        """Run the pod of the template for the `number`-th time."""
        container = template.container
        assert container is not None
        fault = self._fault(variables.get("inputs.parameters.step", ""), number)
        if fault is not None and not fault.kills:
            return Ended(FAILED, exit_code=1, message="failed on purpose")
        async with self._slots:
            with TemporaryDirectory(prefix="magnus-pod-") as folder:
                return await self._run(template, container, variables, Path(folder), kills=fault is not None)

    async def _run(
        self, template: Template, container: Container, variables: Mapping[str, str], folder: Path, *, kills: bool
    ) -> Ended:
        outputs = template.outputs.parameters if template.outputs else ()
        files = {p.value_from.path: folder / p.name for p in outputs if p.value_from}
        argv = [substituted(str(files.get(part, part)), variables) for part in container.command]
        environment = self._environment(container, variables)
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, cwd=self._working_directory, env=environment, stdin=asyncio.subprocess.DEVNULL,
                stdout=PIPE, stderr=STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return Ended(ERROR, message=f"'{argv[0]}' cannot be run: {error.strerror}")
        try:
            if kills:
                await asyncio.sleep(0.05)
                _kill(process.pid)
            said, in_time = await _waited(process, template.active_deadline_seconds)
        finally:
            _kill(process.pid)
        message = said[-_TAIL_BYTES:].decode(errors="replace")
        if kills:
            return Ended(ERROR, exit_code=KILLED, message="pod deleted")
        if not in_time:
            return Ended(
                FAILED, exit_code=KILLED, message="Pod was active on the node longer than the specified deadline"
            )
        code = process.returncode or 0
        code = 128 - code if code < 0 else code
        values = {p.name: _read(files[p.value_from.path], p.value_from.default) for p in outputs if p.value_from}
        return Ended(FAILED if code else SUCCEEDED, values, code, message)

    def _fault(self, step: str, number: int) -> Fault | None:
        return next((fault for fault in self._faults if fault.hits(step, number)), None)

    def _environment(self, container: Container, variables: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_PARAMETERS)}
        programs = str(Path(sys.executable).parent)
        found = {**kept, "PATH": os.pathsep.join([programs, kept.get("PATH", os.defpath)])}
        for variable in container.env:
            if variable.value_from is not None:
                found[variable.name] = self._secret(
                    variable.value_from.secret_key_ref.name, variable.value_from.secret_key_ref.key
                )
            else:
                found[variable.name] = substituted(variable.value or "", variables)
        return found

    def _secret(self, name: str, key: str) -> str:
        try:
            return self._secrets[name][key]
        except KeyError:
            fix = f"write '{name}: {{{key}: ...}}' into a file, and name it with --secrets"
            raise InvalidInput(f"there is no key '{key}' of a secret '{name}'", fix=fix) from None


async def _waited(process: asyncio.subprocess.Process, seconds: int | None) -> tuple[bytes, bool]:
    """What the process said, and whether it ended in time."""
    reading = asyncio.ensure_future(process.communicate())
    try:
        said, _ = await asyncio.wait_for(asyncio.shield(reading), seconds)
    except TimeoutError:
        _kill(process.pid, signal.SIGTERM)
        try:
            said, _ = await asyncio.wait_for(asyncio.shield(reading), _GRACE_SECONDS)
        except TimeoutError:
            _kill(process.pid)
            said, _ = await reading
        return said, False
    except asyncio.CancelledError:
        _kill(process.pid, signal.SIGTERM)
        await asyncio.wait([reading], timeout=_GRACE_SECONDS)
        _kill(process.pid)
        await reading
        raise
    return said, True


def _kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send the signal to the pod and what it started."""
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def _read(file: Path, default: str | None) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return default or ""


Tell = Callable[[str, str, Ended | None], None]
"""Called with the name of a template, the path of a step and, at its end, how a pod ended."""

"""Runs a task kind in a fresh python process, which can be killed. Called by `engine.step.attempts` for steps with a timeout.

The request goes to the child, and the outcome comes back, as pickles in two unnamed files: unlike pipes they take any
amount without anybody reading. The output of the child is that of the step.
"""

import os
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Final

from msgspec.structs import replace

import magnus
from magnus.engine import faults
from magnus.engine.interaction.channel import say_loading
from magnus.engine.processes import forks
from magnus.engine.user_code.imports import project_modules, watched_project
from magnus.engine.values import pickles
from magnus.errors import MagnusError, Problem, TaskFailed
from magnus.graph.nodes import TaskSpec
from magnus.interfaces.task_kind import TaskCall, TaskKind, TaskOutcome
from magnus.system.child_process import describe_exit, run_process

_ROOT: Final = Path(magnus.__file__).parent.parent
_START: Final = "import sys; sys.path.append(sys.argv[1]); from magnus.engine.step.child import main; main()"


def run_in_child(kind: TaskKind, call: TaskCall, *, timeout: float | None) -> TaskOutcome:
    """What `kind.run(call)` comes to in a python process of its own, in the environment of the call.

    The child has the import path of this process behind the working directory, its `sys.argv`, and a session of its
    own, which is killed when `timeout` (seconds) is over and on an interruption.

    Raises:
        TaskFailed: the task raised it, the time is over, or the child died before it was done.
    """
    from tempfile import TemporaryFile  # lazy: the child does not need it

    try:
        with TemporaryFile() as request, TemporaryFile() as result:
            _write_request(request, kind, call)
            files = (request.fileno(), result.fileno())
            code = run_process(
                [sys.executable, "-P", "-c", _START, str(_ROOT), *map(str, files)],
                environment=call.environment,
                working_directory=call.working_directory,
                timeout=timeout,
                pass_fds=files,
            )
            return _read_result(result, code)
    except OSError as error:
        raise TaskFailed(f"the step could not be sent to a child process: {error.strerror}") from error


def main() -> None:
    """What the child does: read the request, run it, write what came of it."""
    request_file, result_file = (int(descriptor) for descriptor in sys.argv[2:])
    os.set_inheritable(result_file, False)  # noqa: FBT003 - the signature of os
    with open(request_file, "rb") as request:  # noqa: PTH123 - a descriptor
        path, own, sys.argv[:] = pickles.load(request)
        sys.path[:] = [*path, own]  # a file of the user must not take the place of a module that the kind imports
        kind, call = pickles.load(request)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    forks.watch()
    try:
        with open(result_file, "wb") as result:  # noqa: PTH123 - a descriptor
            _write_result(result, kind, call, path)
    except OSError as error:
        sys.exit(f"magnus: the result of the step could not be returned: {error.strerror}")


def _write_result(result: BinaryIO, kind: TaskKind, call: TaskCall, path: list[str]) -> None:
    """Write the outcome; of a fault of magnus, or of the kind, what it says."""
    try:
        pickles.dump(_outcome(kind, call, path), result)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - the step fails in the process that waits for this one
        result.seek(0)
        result.truncate()
        pickles.dump(Problem(faults.failure_of(error, call.mask)), result)


@contextmanager
def _loading(module: str) -> Iterator[None]:
    """Say to the process of the step what is loaded here."""
    say_loading(module)
    try:
        yield
    finally:
        say_loading("")


def _outcome(kind: TaskKind, call: TaskCall, path: list[str]) -> TaskOutcome | Problem:
    """The outcome, or what the error says that came in its place; `path` is the import path without the project."""
    project = call.code_directory
    with watched_project(project, _loading):
        if project_modules(str(project)) is None:
            sys.path[:] = [str(project), *path]
        try:
            return kind.run(call)
        except MagnusError as error:
            return error.problems[0]


def _write_request(request: BinaryIO, kind: TaskKind, call: TaskCall) -> None:
    """The import path comes first: the kind may be of a package that only this path leads to."""
    own = str(call.code_directory)
    pickles.dump(([entry for entry in sys.path if entry not in {"", own}], own, sys.argv), request)
    pickles.dump((kind, replace(call, spec=_portable(call.spec), environment=dict(call.environment))), request)
    request.seek(0)  # the child shares the position


def _portable(spec: TaskSpec) -> TaskSpec:
    """The task with a function that only this process has as bytes."""
    if spec.function is None:
        return spec
    from magnus.engine.user_code.pickled_functions import pickled  # lazy: most functions are in modules

    return replace(spec, function=pickled(spec.function))


def _read_result(result: BinaryIO, code: int) -> TaskOutcome:
    result.seek(0)
    try:
        outcome = pickles.load(result)
    except (EOFError, pickle.UnpicklingError):
        raise TaskFailed(f"the child process exited before the task finished: {describe_exit(code)}") from None
    if isinstance(outcome, Problem):
        raise TaskFailed(outcome.message, fix=outcome.fix)
    assert isinstance(outcome, TaskOutcome)
    return outcome

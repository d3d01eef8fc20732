"""Runs a task under a debugger, or opens a shell or a notebook in its place. Called by `debug_step`."""

import json
import os
import pdb  # noqa: T100 - this module is about it
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import Final

from magnus.errors import InvalidInput, Problem, TaskFailed
from magnus.graph.nodes import TaskSpec
from magnus.interfaces.task_kind import OpensInEditor, TaskCall, TaskKind, TaskOutcome
from magnus.run_log.parameters import plain
from magnus.run_log.records import CatalogRecord
from magnus.tasks.functions.call import call_function
from magnus.tasks.functions.commands import load_function
from magnus.tasks.functions.user_errors import library_frames
from magnus.tasks.python import PythonLambdaTask, PythonTask, lambda_function
from magnus.values import Json, UserObject

_PYTHON: Final = (PythonTask, PythonLambdaTask)
_SHELLS: Final = ("bash", "sh")


class Mode(Enum):
    """What happens at the step."""

    DEBUGGER = "debugger"
    POST_MORTEM = "post-mortem"
    SHELL = "shell"
    PRINT = "print"


class DebuggedTask:
    """Stands for the task kind; `say` shows a line to the user, `entries` returns the files that the step got.

    The debugger has the terminal, so that the task runs in this process.
    """

    isolates = False

    def __init__(
        self,
        kind: TaskKind,
        mode: Mode,
        say: Callable[[str], None],
        entries: Callable[[], Sequence[CatalogRecord]],
    ) -> None:
        self.kind = kind
        self.mode = mode
        self.say = say
        self.entries = entries
        self.options = kind.options

    def problems(self, spec: TaskSpec, working_directory: Path) -> Sequence[Problem]:
        """As the task kind."""
        return self.kind.problems(spec, working_directory)

    def run(self, call: TaskCall) -> TaskOutcome:
        """Do what the mode says, in the folder and with the environment of the step."""
        self.say(f"in {call.working_directory}, which is removed afterwards")
        if self.mode is Mode.PRINT:
            return _printed(call, [entry.name for entry in self.entries()])
        if self.mode is Mode.SHELL:
            return self._shell(call)
        if isinstance(self.kind, _PYTHON):
            return _called(call, is_lambda=isinstance(self.kind, PythonLambdaTask), mode=self.mode)
        return self._notebook(call) if isinstance(self.kind, OpensInEditor) else self._shell(call)

    def _shell(self, call: TaskCall) -> TaskOutcome:
        self.say(f"the command of the step is: {call.spec.command}")
        shells = filter(None, (os.environ.get("SHELL"), *map(shutil.which, _SHELLS)))
        return _exited(
            subprocess.run([next(shells)], cwd=call.working_directory, env=dict(call.environment), check=False)
        )

    def _notebook(self, call: TaskCall) -> TaskOutcome:
        """Open the notebook with the parameters in it."""
        assert isinstance(self.kind, OpensInEditor)
        file = self.kind.write_parameters(call)
        jupyter = shutil.which("jupyter-lab") or shutil.which("jupyter-notebook")
        if jupyter is None:
            self.say(f"there is no jupyter-lab to open {file}; this is a shell in its folder (pip install jupyterlab)")
            return self._shell(call)
        command = [jupyter, str(file)]
        return _exited(subprocess.run(command, cwd=call.working_directory, env=dict(call.environment), check=False))


def check_mode(mode: Mode, kind: TaskKind, word: str) -> None:
    """Raise InvalidInput if a task of the kind cannot be run in the mode."""
    if mode is Mode.POST_MORTEM and not isinstance(kind, _PYTHON):
        raise InvalidInput(f"a step of type '{word}' raises no exception of python", fix="leave out --post-mortem")


def _exited(done: "subprocess.CompletedProcess[bytes]") -> TaskOutcome:
    return TaskOutcome(failure=f"it exited with {done.returncode}" if done.returncode else "")


def _called(call: TaskCall, *, is_lambda: bool, mode: Mode) -> TaskOutcome:
    """The call of the function under the debugger, or with the debugger at its exception."""
    function = _function(call.spec, call, is_lambda=is_lambda)
    at_exception = mode is Mode.POST_MORTEM
    watched = _at_exception(function, call.code_directory) if at_exception else _under_debugger(function)
    return call_function(watched, "the lambda" if is_lambda else f"{call.spec.command}()", call)


def _function(spec: TaskSpec, call: TaskCall, *, is_lambda: bool) -> Callable[..., UserObject]:
    if spec.function is not None:
        return spec.function
    return lambda_function(spec.command) if is_lambda else load_function(spec.command, call.code_directory)


class _Debugger(pdb.Pdb):
    """Remembers that the user left it; `runcall` does not say so."""

    was_left = False

    def set_quit(self) -> None:
        """Leave the debugger."""
        self.was_left = True
        super().set_quit()


def _under_debugger(function: Callable[..., UserObject]) -> Callable[..., UserObject]:
    @wraps(function)
    def watched(*arguments: UserObject, **named: UserObject) -> UserObject:
        debugger = _Debugger()
        returned = debugger.runcall(function, *arguments, **named)
        if debugger.was_left:
            raise TaskFailed("the debugger was left before the step finished")
        return returned

    return watched


def _at_exception(function: Callable[..., UserObject], project: Path) -> Callable[..., UserObject]:
    @wraps(function)
    def watched(*arguments: UserObject, **named: UserObject) -> UserObject:
        try:
            return function(*arguments, **named)
        except BaseException as error:
            inside = error.__traceback__.tb_next if error.__traceback__ is not None else None
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            _look_at(inside or error.__traceback__, project)
            raise

    return watched


def _look_at(traceback: TracebackType | None, project: Path) -> None:
    """Open the debugger at the innermost frame of the project, where libraries that it called raised the exception."""
    debugger = pdb.Pdb()
    debugger.reset()
    if below := library_frames(traceback, project):
        debugger.cmdqueue.append(f"up {below}")
    debugger.interaction(None, traceback)


def _printed(call: TaskCall, files: Sequence[str]) -> TaskOutcome:
    """Print what the step gets as JSON, without the values of secrets."""
    inputs: Mapping[str, Json] = {
        "command": call.spec.command,
        "command_type": call.spec.kind,
        "parameters": {name: plain(value) for name, value in call.parameters.items()},
        "files": sorted(files),
        "environment": {name: text for name, text in sorted(call.environment.items()) if name.startswith("MAGNUS_")},
    }
    sys.stdout.write(json.dumps(inputs, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.flush()
    return TaskOutcome()

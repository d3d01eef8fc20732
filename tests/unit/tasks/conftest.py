"""What the tests of python task kinds share: calls, and folders of user code."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from magnus.graph.nodes import Return, TaskSpec
from magnus.interfaces.task_kind import TaskCall, TaskOutcome
from magnus.run_log.parameters import JsonParameter, Parameter
from magnus.tasks.functions.call import call_function
from magnus.tasks.python import PythonTask


class UserFolder:
    """A working directory with python files, on the import path for the length of a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, source: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(source))
        return file

    def run(self, command: str, *, returns=None, **values) -> TaskOutcome:
        return PythonTask().run(new_call(self.folder, command=command, returns=returns, **values))


def new_call(folder: Path, *, command: str = "", returns=None, **values) -> TaskCall:
    declared = None if returns is None else tuple(as_return(item) for item in returns)
    parameters = {name: as_parameter(value) for name, value in values.items()}
    return TaskCall(TaskSpec("python", command, returns=declared), parameters, {}, folder)


def as_parameter(value) -> Parameter:
    return value if isinstance(value, Parameter) else JsonParameter(value)


def as_return(item) -> Return:
    return item if isinstance(item, Return) else Return(item)


@pytest.fixture
def call(tmp_path) -> Callable[..., TaskOutcome]:
    """Call a function with parameters by name, as a step would."""

    def call_it(function, *, returns=None, **values) -> TaskOutcome:
        return call_function(function, "f()", new_call(tmp_path, returns=returns, **values))

    return call_it


@pytest.fixture
def user_folder(tmp_path, monkeypatch) -> Iterator[UserFolder]:
    """An empty working directory for user code; what is imported from it is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield UserFolder(tmp_path)
    forget_modules_below(tmp_path)


def forget_modules_below(folder: Path) -> None:
    imported = {
        name.partition(".")[0]
        for name, module in list(sys.modules.items())
        if (getattr(module, "__file__", None) or "").startswith(str(folder))
    }
    for name in [name for name in sys.modules if name.partition(".")[0] in imported]:
        del sys.modules[name]

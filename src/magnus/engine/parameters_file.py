"""The file that `MAGNUS_PARAMETERS_FILE` names: all parameters of the step in progress, as JSON. Used by `engine.step`."""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from magnus.engine.parameters import Texts
from magnus.errors import TaskFailed
from magnus.run_log.parameters import Scope, plain


class ParametersFile:
    """One file a run, written anew for each step; a context manager around the run.

    It stays open: to open a file that was written before costs more than everything else around a step.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "parameters.json"
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def write(self, scope: Scope, texts: Texts) -> str:
        """Make `scope` what the file says, and return its path; TaskFailed when there is no room."""
        members = [f"{json.dumps(name)}: {texts(parameter)}" for name, parameter in scope.items()]
        try:
            text = ("{" + ", ".join(members) + "}").encode()
        except UnicodeEncodeError:  # half of a surrogate pair: only an escape can say it
            text = json.dumps({name: plain(parameter) for name, parameter in scope.items()}).encode()
        try:
            written = 0
            while written < len(text):
                written += os.pwrite(self._descriptor, text[written:], written)
            os.ftruncate(self._descriptor, len(text))
        except OSError as error:
            raise TaskFailed(f"the parameters could not be written to '{self.path}': {error.strerror}") from error
        return str(self.path)

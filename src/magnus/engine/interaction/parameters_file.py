"""The file that `MAGNUS_PARAMETERS_FILE` names: all parameters of the step in progress, as JSON.

Made by `app.composition.run_context`; steps have it in their context.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from magnus.engine.values.parameter_values import Texts
from magnus.errors import TaskFailed
from magnus.run_log.parameters import Scope, plain

_LONG_TEXT: Final = 4096
"""Members with more characters stand in front, and stay there as long as they are the same."""


class ParametersFile:
    """One file a run, written again for each step; a context manager around the run.

    It stays open: to open a file that was written before costs more than everything else around a step.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "parameters.json"
        self._descriptor = -1
        self._front: list[tuple[str, str]] = []
        self._front_bytes = 0

    def __enter__(self) -> Self:
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def write(self, scope: Scope, texts: Texts) -> str:
        """Make `scope` what the file says, and return its path; TaskFailed when there is no room."""
        members = [(name, texts(parameter)) for name, parameter in scope.items()]
        front = [member for member in members if len(member[1]) > _LONG_TEXT]
        rest = [member for member in members if len(member[1]) <= _LONG_TEXT]
        try:
            try:
                self._write_front(front)
                end = f"{', ' if front and rest else ''}{_joined(rest)}}}".encode()
                self._write(end, self._front_bytes)
            except UnicodeEncodeError:  # half of a surrogate pair: only an escape can say it
                self._front_bytes = 0
                self._write(json.dumps({name: plain(parameter) for name, parameter in scope.items()}).encode(), 0)
        except OSError as error:
            self._front_bytes = 0
            raise TaskFailed(f"the parameters could not be written to '{self.path}': {error.strerror}") from error
        return str(self.path)

    def _write_front(self, front: list[tuple[str, str]]) -> None:
        if self._front_bytes and front == self._front:
            return
        self._front_bytes = 0
        text = f"{{{_joined(front)}".encode()
        self._write(text, 0)
        self._front, self._front_bytes = front, len(text)

    def _write(self, text: bytes, start: int) -> None:
        """Make the text the end of the file from `start` on."""
        written = 0
        while written < len(text):
            written += os.pwrite(self._descriptor, memoryview(text)[written:], start + written)
        os.ftruncate(self._descriptor, start + len(text))


def _joined(members: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{json.dumps(name)}: {text}" for name, text in members)

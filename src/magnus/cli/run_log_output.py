"""Writes the run log to standard output at the end of a run, unless it would flood a terminal."""

import re
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from magnus.cli import console

if TYPE_CHECKING:
    from magnus.interfaces.run_log_store import RunLogStore

_MOST_STEPS: Final = 20
_STEP: Final = '"step_type": '
_RUN_ID: Final = r'"run_id": "([^"\\]+)"'


class RunLogOutput:
    """Prints the pieces of a run log; a context manager around the run.

    With `when` "auto" a terminal gets a run log of a few steps, and of more where it is; what is no terminal gets it all.
    """

    def __init__(self, output: console.Output, when: str, store: "RunLogStore | None", run_id: str) -> None:
        self._output = output
        self._is_printed = when == "always" or (when == "auto" and not output.is_terminal)
        self._waits = when == "auto" and not self._is_printed
        self._store = store
        self._run_id = run_id
        self._waiting: list[str] = []
        self._steps = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._waits:
            return
        if self._steps <= _MOST_STEPS:
            for piece in self._waiting:
                self._output.emit(piece)
        else:
            console.note(self._where())

    def emit(self, piece: str) -> None:
        """Take the next piece of the run log."""
        if self._is_printed:
            self._output.emit(piece)
        elif self._waits:
            self._wait(piece)

    def _wait(self, piece: str) -> None:
        if not self._run_id and (match := re.search(_RUN_ID, piece)):
            self._run_id = match[1]
        self._steps += piece.count(_STEP)
        if self._steps > _MOST_STEPS:
            self._waiting.clear()
        else:
            self._waiting.append(piece)

    def _where(self) -> str:
        run_id = self._run_id or "latest"
        location = getattr(self._store, "location", None)
        file = None if location is None else location / f"{run_id}.json"
        place = f" is in {file}," if file is not None and file.is_file() else " is not printed,"
        return (
            f"the run log of {self._steps} steps{place} see it with: magnus show {run_id}\n"
            f"  as JSON: magnus show {run_id} --json, or --json always"
        )

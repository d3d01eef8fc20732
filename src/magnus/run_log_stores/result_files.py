"""Keeps which steps have a result under a key as files, one for each key. Used by stores of files and of objects.

    .results/<first two digits of the key>/<the rest>    lines of JSON, the newest result first

A file is replaced at once and never added to, as network file systems need it. If two processes put a result under one key
at the same time, one of the two may be lost: its step runs again some day. A line that cannot be read counts for nothing.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from magnus.graph.path import StepPath
from magnus.interfaces.run_log_store import StepResult
from magnus.run_log_stores import failures
from magnus.system import atomic_files
from magnus.system.system_calls import SystemCalls

_FOLDER: Final = ".results"
_PREFIX_DIGITS: Final = 2
_MOST_RESULTS: Final = 8


class ResultFiles:
    """The results in one log folder."""

    def __init__(self, folder: Path, system: SystemCalls) -> None:
        self._folder = folder / _FOLDER
        self._system = system

    def put(self, key: str, run_id: str, path: StepPath) -> None:
        """Put a result first, and forget the oldest ones; RunLogStoreError when that fails."""
        lines = [with_result(self.results(key), run_id, path)]
        file = self._file(key)
        try:
            try:
                atomic_files.replace(file, lines, self._system, durable=False)
            except FileNotFoundError:
                file.parent.mkdir(parents=True, exist_ok=True)
                atomic_files.replace(file, lines, self._system, durable=False)
        except OSError as error:
            raise failures.failed("write", file, error) from error

    def results(self, key: str) -> Sequence[StepResult]:
        """The results under a key, the newest first; RunLogStoreError when they cannot be read."""
        file = self._file(key)
        try:
            content = b"".join(atomic_files.blocks(file, self._system))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise failures.failed("read", file, error) from error
        return results_in(content)

    def remove_leftovers(self, before: float, has_run: Callable[[str], bool]) -> None:
        """Remove the files without a result of a run that is there, unless they were written after this time; OSError."""
        for file in self._files(before):
            with suppress(FileNotFoundError):
                results = results_in(file.read_bytes())
                if file.stat().st_mtime < before and not any(has_run(result.run_id) for result in results):
                    self._system.unlink(file)

    def _files(self, before: float) -> Iterator[Path]:
        for folder in self._folder.glob("*"):
            atomic_files.remove_leftovers(folder, before, self._system)
            yield from (folder / name for name in os.listdir(folder) if not name.startswith("."))  # noqa: PTH208

    def _file(self, key: str) -> Path:
        return self._folder / key[:_PREFIX_DIGITS] / key[_PREFIX_DIGITS:]


def with_result(results: Sequence[StepResult], run_id: str, path: StepPath) -> bytes:
    """The content of a file with a new result before the others, without the oldest ones."""
    new = StepResult(run_id, path, datetime.now(UTC))
    others = [result for result in results if (result.run_id, result.path) != (run_id, path)]
    return b"".join(_line(result) for result in (new, *others[: _MOST_RESULTS - 1]))


def results_in(content: bytes) -> Sequence[StepResult]:
    """The results in the content of a file, the newest first."""
    return [result for line in content.splitlines() if (result := _result(line)) is not None]


def _line(result: StepResult) -> bytes:
    return json.dumps([result.run_id, str(result.path), result.time.isoformat()]).encode() + b"\n"


def _result(line: bytes) -> StepResult | None:
    try:
        run_id, path, time = json.loads(line)
        when = datetime.fromisoformat(time)
        return None if when.tzinfo is None else StepResult(str(run_id), StepPath.parse(path), when)
    except (ValueError, TypeError, AttributeError):
        return None

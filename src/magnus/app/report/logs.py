"""The end of what steps printed, as a report shows it: all of it together stays small, what failed shows more."""

import re
from collections.abc import Sequence
from contextlib import ExitStack
from io import SEEK_END
from typing import BinaryIO, Final

from magnus.app.report.budget import Budget
from magnus.app.report.model import Log
from magnus.graph.path import StepPath
from magnus.interfaces.catalog import Catalog, ReadsLogs

_OTHERS: Final = Budget(base=250_000, each=1_000, longest=16_000)
_FAILED: Final = Budget(base=150_000, each=500, longest=64_000)
_MOST_LINES: Final = 200
_MOST_LINES_OF_FAILED: Final = 1_000
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Logs:
    """The logs of a run in a catalog; there are none where it cannot read them."""

    def __init__(self, catalog: Catalog, run_id: str) -> None:
        self._catalog = catalog if isinstance(catalog, ReadsLogs) else None
        self._run_id = run_id

    def ends(self, steps: Sequence[tuple[StepPath, bool]], total: int) -> list[Log | None]:
        """The end of the log of each step, of which it says whether it failed; the run has `total` steps in all.

        CatalogError when one cannot be read.
        """
        if self._catalog is None:
            return [None] * len(steps)
        sizes = [self._size(path) for path, _ in steps]
        limits = {
            failed: budget.limit(
                [size for size, (_, is_so) in zip(sizes, steps, strict=True) if is_so is failed], total
            )
            for failed, budget in ((True, _FAILED), (False, _OTHERS))
        }
        return [
            self._end(path, size, limits[failed], _MOST_LINES_OF_FAILED if failed else _MOST_LINES) if size else None
            for size, (path, failed) in zip(sizes, steps, strict=True)
        ]

    def _size(self, path: StepPath) -> int:
        with ExitStack() as stack:
            log = self._open(path, stack)
            return 0 if log is None else log.seek(0, SEEK_END)

    def _end(self, path: StepPath, size: int, most_bytes: int, most_lines: int) -> Log | None:
        with ExitStack() as stack:
            log = self._open(path, stack)
            if log is None:
                return None
            log.seek(max(0, size - most_bytes))
            kept = last_lines(log.read(most_bytes), most_lines)
        return Log(readable(kept), max(0, size - len(kept)))

    def _open(self, path: StepPath, stack: ExitStack) -> BinaryIO | None:
        assert self._catalog is not None
        log = self._catalog.read_log(self._run_id, path)
        return None if log is None else stack.enter_context(log)


def last_lines(text: bytes, number: int) -> bytes:
    """The last so many lines; what does not end with a line break is one, too."""
    place = len(text) - 1 if text.endswith(b"\n") else len(text)
    for _ in range(number):
        place = text.rfind(b"\n", 0, place)
        if place < 0:
            return text
    return text[place + 1 :]


def readable(text: bytes) -> str:
    """The text as a terminal would leave it: without colours, and of lines that overwrite one another the last."""
    plain = _ESCAPES.sub("", text.decode(errors="replace"))
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in plain.split("\n"))
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", "\n".join(lines))

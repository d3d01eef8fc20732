"""The end of what steps printed, as a report shows it: all of it together stays small, what failed shows more."""

import re
from collections.abc import Sequence
from io import SEEK_END
from typing import Final

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
        found = [self._end(path, _FAILED if failed else _OTHERS) for path, failed in steps]
        sizes = {True: [0], False: [0]}
        for (_, failed), (_, size) in zip(steps, found, strict=True):
            sizes[failed].append(size)
        limits = {True: _FAILED.limit(sizes[True], total), False: _OTHERS.limit(sizes[False], total)}
        return [
            _log(end, size, limits[failed], _MOST_LINES_OF_FAILED if failed else _MOST_LINES)
            for (_, failed), (end, size) in zip(steps, found, strict=True)
        ]

    def _end(self, path: StepPath, budget: Budget) -> tuple[bytes, int]:
        """As much of the end of a log as could be shown of it, and the size of all of it."""
        assert self._catalog is not None
        log = self._catalog.read_log(self._run_id, path)
        if log is None:
            return b"", 0
        with log:
            size = log.seek(0, SEEK_END)
            log.seek(max(0, size - budget.longest))
            return log.read(budget.longest), size


def _log(end: bytes, size: int, most_bytes: int, most_lines: int) -> Log | None:
    if not size:
        return None
    kept = last_lines(end[max(0, len(end) - most_bytes) :], most_lines)
    return Log(readable(kept), max(0, size - len(kept)))


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

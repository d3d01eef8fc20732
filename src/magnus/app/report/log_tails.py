"""The end of the logs of steps for a report: all of it stays small, failed steps show more."""

import re
from collections.abc import Sequence
from io import SEEK_END
from typing import Final

from magnus.app.report.interned_texts import Budget, characters_within, size_of
from magnus.app.report.model import Log
from magnus.app.text.escapes import without_escapes
from magnus.errors import CatalogError
from magnus.graph.path import StepPath
from magnus.interfaces.catalog import Catalog, ReadsLogs

_OTHERS: Final = Budget(base=250_000, each=1_000, longest=16_000)
_FAILED: Final = Budget(base=150_000, each=500, longest=64_000)
_EMPTY: Final = 2  # the bytes of "" as JSON
_MOST_LINES: Final = 200
_MOST_LINES_OF_FAILED: Final = 1_000
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Logs:
    """The logs of a run in a catalog; there are none where it cannot read them."""

    def __init__(self, catalog: Catalog, run_id: str) -> None:
        self._catalog = catalog if isinstance(catalog, ReadsLogs) else None
        self._run_id = run_id

    def ends(self, steps: Sequence[tuple[StepPath, bool]], total: int) -> list[Log | None]:
        """The end of the log of each step, given with whether it failed; the run has `total` steps in all."""
        if self._catalog is None:
            return [None] * len(steps)
        ends = [self._end(path, failed=failed) for path, failed in steps]
        sizes = [size_of(end.text) for end in ends]
        limits = {
            failed: budget.limit(
                [size for size, (_, is_so) in zip(sizes, steps, strict=True) if is_so is failed], total
            )
            for failed, budget in ((True, _FAILED), (False, _OTHERS))
        }
        return [
            _within(end, size, limits[failed]) if size > _EMPTY else None
            for end, size, (_, failed) in zip(ends, sizes, steps, strict=True)
        ]

    def _end(self, path: StepPath, *, failed: bool) -> Log:
        """The longest end of the log that the report may show."""
        assert self._catalog is not None
        most_bytes, most_lines = (_FAILED.longest, _MOST_LINES_OF_FAILED) if failed else (_OTHERS.longest, _MOST_LINES)
        try:
            log = self._catalog.read_log(self._run_id, path)
        except CatalogError as error:
            return Log(f"The output cannot be shown: {error.problems[0].message}\n")
        if log is None:
            return Log("")
        with log:
            size = log.seek(0, SEEK_END)
            log.seek(max(0, size - most_bytes))
            end = last_lines(log.read(most_bytes), most_lines)
        return Log(readable(end), max(0, size - len(end)))


def _within(end: Log, size: int, limit: int) -> Log:
    """The end of the log that takes `limit` bytes."""
    left_out = len(end.text) - characters_within(end.text, size, limit)
    return Log(end.text[left_out:], end.left_out + len(end.text[:left_out].encode(errors="replace")))


def last_lines(text: bytes, number: int) -> bytes:
    """The last `number` lines; text behind the last line break is a line, too."""
    place = len(text) - 1 if text.endswith(b"\n") else len(text)
    for _ in range(number):
        place = text.rfind(b"\n", 0, place)
        if place < 0:
            return text
    return text[place + 1 :]


def readable(text: bytes) -> str:
    """The text as a terminal displays it: without colours, and with the last of lines that overwrite one another."""
    plain = without_escapes(text.decode(errors="replace"))
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in plain.split("\n"))
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", "\n".join(lines))

"""Gives the end of the output of a step, and what follows as long as it runs, as text for a page.

The output of a step with branches is that of the steps in it, in whole lines, each time under the name of the step.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from magnus.app.inspect.find import find_step
from magnus.app.inspect.read_logs import Output, RunOutput
from magnus.app.inspect.redaction import WHY_NO_LOG, Redactor
from magnus.app.report.interned_texts import readable_log
from magnus.graph.path import print_names
from magnus.interfaces.catalog import ReadsLogs
from magnus.interfaces.run_log_store import RunLogStore

_MOST_BYTES: Final = 256 * 1024
"""The output before the last so many bytes is left out."""
_LONGEST_LINE: Final = 64 * 1024
"""The most bytes of an unfinished line that are kept; a progress bar may be one line for hours."""


class Piece(Struct, omit_defaults=True):
    """New output.

    Attributes:
        text: new lines.
        line: the last line so far, which has no end yet.
        left_out: the bytes before the text that are left out.
    """

    text: str = ""
    line: str = ""
    left_out: int = 0


class FollowedOutput:
    """The output of one step. InvalidInput if the run has no such step."""

    def __init__(self, store: RunLogStore, logs: Callable[[], ReadsLogs], run_id: str, step: str) -> None:
        seen = find_step(store, run_id, step)
        self._hidden = bool(Redactor(store.get_run(run_id)).names)
        self._output = RunOutput(store, logs(), run_id, seen, last_bytes=_MOST_BYTES)
        self._unfinished = b""
        self._line = ""
        self._heading: tuple[str, ...] = seen.names
        self.is_over = False

    def new(self) -> Iterator[Piece]:
        """The output since the last call; afterwards `is_over` says whether more can follow.

        CatalogError or RunLogStoreError when it cannot be read.
        """
        if self._hidden:
            yield Piece(WHY_NO_LOG)
            self.is_over = True
            return
        is_over = self._output.is_over
        yield from self._of_branches() if self._output.has_branches else self._of_step()
        self.is_over = is_over

    def _of_step(self) -> Iterator[Piece]:
        for output in self._output.now():
            lines, end, rest = (self._unfinished + output.data).rpartition(b"\n")
            self._unfinished = rest[-_LONGEST_LINE:]
            if end:
                self._line = ""
                yield Piece(readable_log(lines + end), left_out=output.left_out)
        line = readable_log(self._unfinished)
        if line != self._line:
            self._line = line
            yield Piece(line=line)

    def _of_branches(self) -> Iterator[Piece]:
        """The whole lines of the steps in the branches; the last ones of many."""
        last: deque[Output] = deque()
        size = left_out = 0
        for output in self._output.now(lines=True):
            last.append(output)
            size += len(output.data)
            left_out += output.left_out
            while size > _MOST_BYTES and len(last) > 1:
                number = len(last.popleft().data)
                size, left_out = size - number, left_out + number
        for output in last:
            heading = "" if output.names == self._heading else f"==> {print_names(output.names)} <==\n"
            self._heading = output.names
            end = "" if output.data.endswith(b"\n") else "\n"
            yield Piece(heading + readable_log(output.data) + end, left_out=left_out)
            left_out = 0

"""Paints the tree of a run ten times a second in a thread of its own.

`report` puts the event in a queue, which takes a microsecond and no lock; the thread does everything else. A run that ends
before the first painting shows its final tree alone.
"""

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event as Signal
from threading import Lock, Thread, current_thread, main_thread
from types import FrameType
from typing import Final, Self

from magnus.app.progress.line_reporter import ShowOutput, Tails, WholeLines, text_of
from magnus.app.progress.live.model import Tree
from magnus.app.progress.live.painter import final, frame
from magnus.app.progress.live.screen import ASCII, Glyphs, Look, Screen, onto
from magnus.app.progress.step_labels import StepLabels
from magnus.app.text.palette import Style, coloured
from magnus.interfaces.reporter import (
    AttemptFailed,
    Event,
    Logged,
    Planned,
    RunEnded,
    RunStarted,
    StepEnded,
    StepOutput,
    Warned,
)
from magnus.run_log.records import Status

_PAINT_EVERY_SECONDS: Final = 0.1
_STOPPED_SECONDS: Final = 1.0
_MOST_WAITING_BYTES: Final = 1 << 20
_TAIL_LINES = 5
_FEWEST_ROWS = 10


class LiveReporter:
    """A reporter for one run on a terminal; a context manager around it.

    Args:
        screen: the screen to paint on.
        look: gives the current look, which changes with the terminal.
        output: the shown part of the output of steps.
        waits_to_stay: whether the final tree is shown at the end of the context and not of the run, below text that
            is written in between.
        clock: monotonic, in seconds.
    """

    def __init__(
        self,
        screen: Screen,
        look: Callable[[], Look],
        *,
        is_in_front: Callable[[], bool] = lambda: True,
        output: ShowOutput = "all",
        waits_to_stay: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._screen = screen
        self._look = look
        self._is_in_front = is_in_front
        self._waits_to_stay = waits_to_stay
        self._clock = clock
        self._events: deque[tuple[Event, float]] = deque()
        self._waiting_bytes = 0
        self._tree = Tree()
        self._shows_output = output != "none"
        self._output_above = _OutputAbove(output)
        self._lock = Lock()
        self._over = Signal()
        self._thread: Thread | None = None
        self._is_final = False

    def __enter__(self) -> Self:
        self._end_of_handler = _when_continued(self._screen.forget)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._end_of_handler()

    def report(self, event: Event) -> None:
        """Show the event soon."""
        self._events.append((event, self._clock()))
        match event:
            case StepOutput(data=data):
                self._waiting_bytes += len(data)
                if (
                    self._waiting_bytes > _MOST_WAITING_BYTES
                ):  # a step that prints more than a terminal shows has to wait
                    self._paint()
            case RunStarted():
                self._thread = Thread(target=self._keep_painting, name="magnus progress", daemon=True)
                self._thread.start()
            case RunEnded() if not self._waits_to_stay:
                self._end()
            case RunEnded():
                self._stop_painting()
            case _ if self._thread is None:
                self._paint()
            case _:
                pass

    def _keep_painting(self) -> None:
        before = self._clock()
        while not self._over.wait(_PAINT_EVERY_SECONDS):
            if self._clock() - before > _STOPPED_SECONDS:  # perhaps by Ctrl-Z: let the handler run first
                time.sleep(_PAINT_EVERY_SECONDS)
            self._paint()
            before = self._clock()

    def _stop_painting(self) -> None:
        self._over.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
            self._paint(with_tree=False)

    def _end(self) -> None:
        """Show the final tree; nothing is painted afterwards."""
        self._stop_painting()
        with self._safely():
            above = self._drained()
            self._tree.stop()
            stays = [] if self._is_final else final(self._tree, self._look())
            text = "".join(f"{line}\n" for line in stays).encode("utf-8", "backslashreplace")
            self._screen.show(above + text, [])
            self._is_final = True

    def _paint(self, *, with_tree: bool = True) -> None:
        with self._safely():
            above = self._drained()
            is_painted = with_tree and self._tree.ended is None and not self._is_final and self._is_in_front()
            self._screen.show(above, frame(self._tree, self._clock(), self._look()) if is_painted else [])

    @contextmanager
    def _safely(self) -> Iterator[None]:
        """One thread at a time; a terminal that is gone, or a fault here, stops no run."""
        with self._lock:
            try:
                yield
            except OSError:
                pass
            except Exception:  # a fault of the display must not stop the run
                import logging  # lazy: for bugs alone

                logging.getLogger(__name__).debug("the run cannot be shown", exc_info=True)

    def _drained(self) -> bytes:
        """Add the waiting events to the tree; the output that stays on the terminal."""
        self._waiting_bytes = 0
        colour, above = self._look().colour, []
        while self._events:
            event, at = self._events.popleft()
            if self._shows_output or not isinstance(event, StepOutput):
                self._tree.take(event, at)
            above.append(self._output_above.of(event, colour=colour))
        return b"".join(above)


class _OutputAbove:
    """The lines for events that stay above the tree: output of steps, warnings, failed attempts."""

    def __init__(self, output: ShowOutput) -> None:
        self._output = output
        self._lines = WholeLines(named=False)
        self._tails = Tails()
        self._step_labels = StepLabels()

    def of(self, event: Event, *, colour: bool) -> bytes:
        """The whole lines for the event."""
        event = self._step_labels.labelled(event)
        match event:
            case RunStarted(concurrent=True):
                self._lines = WholeLines(named=True)
            case StepOutput(path, data) if self._output == "all":
                return self._lines.of(path, data)
            case StepOutput(path, data) if self._output == "tail":
                self._tails.take(path, data)
            case StepEnded(path=path, status=status):
                tail = self._tails.of(path)
                return self._lines.rest(path) + (tail if status is Status.FAIL else b"")
            case Warned() | AttemptFailed() | Planned() | Logged():
                style = Style.QUIET if isinstance(event, Planned | Logged) else Style.CAREFUL
                return coloured(text_of(event), style, colour=colour).encode("utf-8", "backslashreplace") + b"\n"
            case _:
                pass
        return b""


def _when_continued(do: Callable[[], None]) -> Callable[[], None]:
    """Call `do` when a stopped process continues, unless user code handles that signal; the result ends it."""
    if current_thread() is not main_thread() or signal.getsignal(signal.SIGCONT) is not signal.SIG_DFL:
        return lambda: None

    def continued(_number: int, _frame: FrameType | None) -> None:
        do()

    def end() -> None:
        if signal.getsignal(signal.SIGCONT) is continued:
            signal.signal(signal.SIGCONT, signal.SIG_DFL)

    signal.signal(signal.SIGCONT, continued)
    return end


def live_reporter(
    descriptor: int, *, colour: bool, unicode: bool, output: ShowOutput, waits_to_stay: bool
) -> LiveReporter:
    """A reporter that paints on the descriptor, which must stay open as long."""
    glyphs = Glyphs() if unicode else ASCII
    tail_lines = _TAIL_LINES if output == "tail" else 0

    def look() -> Look:
        size = size_of(descriptor)
        rows = max(min(size.lines - 1, _FEWEST_ROWS), size.lines * 2 // 3)  # the rest is for the output of steps
        return Look(size.columns - 1, rows, colour, glyphs, tail_lines)

    screen = Screen(onto(descriptor), lambda: size_of(descriptor).columns)
    return LiveReporter(screen, look, is_in_front=_is_in_front(descriptor), output=output, waits_to_stay=waits_to_stay)


def size_of(descriptor: int) -> os.terminal_size:
    """The size of the terminal; 80 columns and 24 lines if it is unknown."""
    size = os.terminal_size((0, 0))
    with suppress(OSError):
        size = os.get_terminal_size(descriptor)
    return os.terminal_size((size.columns or 80, size.lines or 24))


def _is_in_front(descriptor: int) -> Callable[[], bool]:
    """Whether this process has the terminal; another one may have it after `bg`, and is not painted over."""

    def is_in_front() -> bool:
        try:
            return os.tcgetpgrp(descriptor) == os.getpgrp()
        except OSError:  # it controls no session
            return True

    return is_in_front

"""Reports a run as lines of text, and joins the output of steps to whole lines."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from magnus.app.progress.step_labels import StepLabels
from magnus.app.text.plain_text import plain, plain_lines
from magnus.app.text.units import elapsed
from magnus.graph.path import StepPath, print_names
from magnus.interfaces.reporter import (
    AttemptFailed,
    BranchEnded,
    BranchesStarted,
    Event,
    Logged,
    Planned,
    RunEnded,
    RunStarted,
    StepEnded,
    StepLoading,
    StepOutput,
    StepReused,
    StepStarted,
    StepWaiting,
    Warned,
)
from magnus.run_log.records import Status

if TYPE_CHECKING:
    from magnus.app.text.palette import Style  # lazy: as where it is used

ShowOutput: TypeAlias = Literal["all", "tail", "none"]
"""The shown part of the output of steps: all; the end of it while they run and when they fail; none."""
_LONGEST_PART_BYTES: Final = 64 * 1024
_TAIL_BYTES: Final = 4096
_TAIL_LINES: Final = 20


class WholeLines:
    """Joins output to whole lines; if steps run at the same time, each line has the name of its step."""

    def __init__(self, *, named: bool) -> None:
        self._named = named
        self._parts: dict[StepPath, bytes] = {}

    def of(self, path: StepPath, data: bytes) -> bytes:
        """The lines that are whole now."""
        whole, newline, part = (self._parts.pop(path, b"") + data).rpartition(b"\n")
        if len(part) > _LONGEST_PART_BYTES:
            whole, newline, part = whole + newline + part, b"\n", b""
        if part:
            self._parts[path] = part
        return self._lines(path, whole) if newline else b""

    def rest(self, path: StepPath) -> bytes:
        """The last line of the step, if it has no end of line."""
        part = self._parts.pop(path, b"")
        return self._lines(path, part) if part else b""

    def _lines(self, path: StepPath, text: bytes) -> bytes:
        if self._named or b"\r" in text:
            return _as_displayed(path if self._named else None, text)
        return text + b"\n"


class Tails:
    """Keeps the end of the output of each step, to show it if the step fails."""

    def __init__(self) -> None:
        self._tails: dict[StepPath, bytes] = {}

    def take(self, path: StepPath, data: bytes) -> None:
        """Add output of the step."""
        self._tails[path] = (self._tails.get(path, b"") + data)[-_TAIL_BYTES:]

    def of(self, path: StepPath) -> bytes:
        """The last lines of a finished step, each with its name."""
        data = self._tails.pop(path, b"").removesuffix(b"\n")
        return _as_displayed(path, b"\n".join(data.split(b"\n")[-_TAIL_LINES:])) if data else b""


def _as_displayed(path: StepPath | None, text: bytes) -> bytes:
    """The lines behind the name of the step; of a line that was written over, such as a bar, its last state."""
    before = b"" if path is None else f"  {print_names(path.parts)} | ".encode("utf-8", "backslashreplace")
    shown = (line.removesuffix(b"\r").rpartition(b"\r")[2] for line in text.split(b"\n"))
    return b"".join(before + line + b"\n" for line in shown)


class LineReporter:
    """Writes progress as lines, with the output of steps between them; output of concurrent steps is lines with names.

    From the start of the run, or of a step in a process of its own, lines start with the time from `now`. Exceptions of
    `write` are ignored.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        now: Callable[[], datetime],
        *,
        colour: bool = False,
        output: ShowOutput = "all",
    ) -> None:
        self._show = write
        self._now = now
        self._colour = colour
        self._shown_output = output
        self._at_line_start = True
        self._lines: WholeLines | None = None
        self._tails = Tails()
        self._step_labels = StepLabels()
        self._has_started = False
        self._second: datetime | None = None
        self._second_text = ""
        self._shown_waiting: set[tuple[str, ...]] = set()

    def report(self, event: Event) -> None:
        """Show the event; a reader that is gone is no reason to stop."""
        event = self._step_labels.labelled(event)
        match event:
            case StepOutput(path, data):
                self._take_output(path, data)
                return
            case StepStarted():
                self._has_started = True
            case StepEnded(path=path):
                self._rest_of_output(path, event)
            case BranchesStarted() | BranchEnded() | StepLoading(what="") | StepWaiting(reason=""):
                return
            case StepWaiting(path, _, reason):
                if self._was_shown(path, reason):
                    return
            case Logged(text):
                self._begin_line()
                self._write(f"{text}\n".encode("utf-8", "backslashreplace"))
                return
            case RunStarted(concurrent=is_concurrent):
                self._has_started = True
                self._lines = WholeLines(named=True) if is_concurrent else None
            case _:
                pass
        self._begin_line()
        self._write(self._line(event).encode("utf-8", "backslashreplace"))

    def _was_shown(self, path: StepPath, reason: str) -> bool:
        """Whether a step of this name was shown to wait for this reason, perhaps in another branch; it counts as shown now."""
        shown, waiting = self._shown_waiting, (*path.parts[::2], reason)
        if waiting in shown:
            return True
        shown.add(waiting)
        return False

    def _line(self, event: Event) -> str:
        text = f"{self._stamp() if self._has_started else ''}{text_of(event)}\n"
        if not self._colour:
            return text
        from magnus.app.text.palette import coloured  # lazy: logs have no colours

        first, newline, rest = text.partition("\n")
        return f"{coloured(first, _style(event), colour=True)}{newline}{rest}"

    def _stamp(self) -> str:
        """The time in whole seconds; many lines have the same."""
        second = self._now().replace(microsecond=0)
        if second != self._second:
            self._second, self._second_text = second, f"{second.isoformat()[:19]}Z "
        return self._second_text

    def _take_output(self, path: StepPath, data: bytes) -> None:
        if self._shown_output == "tail":
            self._tails.take(path, data)
        elif self._shown_output == "all":
            self._output(data if self._lines is None else self._lines.of(path, data))

    def _rest_of_output(self, path: StepPath, event: StepEnded) -> None:
        if self._lines is not None:
            self._output(self._lines.rest(path))
        if self._shown_output == "tail":
            tail = self._tails.of(path)
            self._output(tail if event.status is Status.FAIL else b"")

    def _begin_line(self) -> None:
        if not self._at_line_start:
            self._write(b"\n")
            self._at_line_start = True

    def _output(self, data: bytes) -> None:
        if data:
            self._write(data)
            self._at_line_start = data.endswith(b"\n")

    def _write(self, data: bytes) -> None:
        with suppress(OSError, ValueError):
            self._show(data)


class FailureReporter:
    """Shows only the reason of a failure; of a run that succeeds it shows nothing."""

    def __init__(self, lines: LineReporter) -> None:
        self._lines = lines
        self._step_labels = StepLabels()
        self._failed: list[StepEnded] = []

    def report(self, event: Event) -> None:
        """Show the failures when the run has failed."""
        event = self._step_labels.labelled(event)
        match event:
            case StepEnded(status=Status.FAIL):
                self._failed.append(event)
            case RunEnded(status=Status.FAIL):
                for failed in self._failed:
                    if failed.message not in event.message:
                        self._lines.report(failed)
                self._lines.report(event)
            case _:
                pass


def text_of(event: Event) -> str:
    """The text for the event, with names as people read them and without control characters."""
    match event:
        case StepStarted(path) | StepReused(path):
            return f"  {_name(path)}: {'started' if isinstance(event, StepStarted) else 'reused'}"
        case StepEnded(path, _, status, message, duration):
            return f"  {_name(path)}: {status} in {elapsed(duration)}" + (
                f": {plain_lines(message)}" if message else ""
            )
        case RunStarted(run_id, name):
            return f"run {run_id} started" + (f" ({plain(name)})" if name else "")
        case Planned(text) | Logged(text):
            return plain_lines(text)
        case StepLoading() | StepWaiting():
            return f"  {_name(event.path)}: {_remark(event)}"
        case AttemptFailed(path, attempt, message, retry_in):
            wait = f" in {elapsed(retry_in)}" if retry_in else ""
            return f"  {_name(path)}: attempt {attempt + 1} failed, the next one starts{wait}: {plain_lines(message)}"
        case Warned(message, path):
            return (f"  {_name(path)}: " if path else "") + _warning(plain_lines(message))
        case RunEnded(run_id, status, message, duration):
            ended = f"run {run_id}: {status.value} in {elapsed(duration)}" + (
                f": {plain_lines(message)}" if message else ""
            )
            return "\n".join((ended, *command_lines(event)))
        case StepOutput() | BranchesStarted() | BranchEnded():
            return ""


def command_lines(ended: RunEnded) -> list[str]:
    """The lines with the commands to continue with after a failure."""
    return [f"  {purpose}: {command}" for purpose, command in ended.commands]


def _remark(event: StepLoading | StepWaiting) -> str:
    """The reason why a step does nothing yet."""
    if isinstance(event, StepLoading):
        return f"loading {plain(event.what)}"
    return f"waits{waiting_remark(event.job, event.reason)}"


def waiting_remark(job: str, reason: str) -> str:
    """Why a step waits, and the job that people look for."""
    return (f" ({plain(reason)})" if reason else "") + (f", job {plain(job)}" if job else "")


def _warning(message: str) -> str:
    """The message marked as a warning; problems of files contain the mark, behind the place."""
    return message if "warning: " in message else f"warning: {message}"


def _name(path: StepPath) -> str:
    """The step as people read and write it."""
    return print_names(path.parts)


def _style(event: Event) -> "Style":
    from magnus.app.text.palette import Style, style_of  # lazy: as above

    match event:
        case StepEnded(status=status) | RunEnded(status=status):
            return style_of(status)
        case AttemptFailed() | Warned():
            return Style.CAREFUL
        case _:
            return Style.QUIET

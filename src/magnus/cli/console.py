"""What the command line says: the run log on standard output, everything else on standard error.

On a terminal progress is set in colour by rich, which is loaded for it alone; elsewhere it is plain lines. No text of
a user is ever read as markup.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from io import TextIOWrapper
from typing import TYPE_CHECKING, Final

from magnus.errors import MagnusError
from magnus.graph.path import StepPath
from magnus.interfaces.reporter import (
    AttemptFailed,
    Event,
    Reporter,
    RunEnded,
    RunStarted,
    StepEnded,
    StepOutput,
    StepStarted,
    Warned,
)
from magnus.run_log.records import Status

if TYPE_CHECKING:
    from rich.console import Console

_LONGEST_PART_BYTES: Final = 64 * 1024


def environment() -> Mapping[str, str]:
    """The environment magnus was started with, as the input it is."""
    return dict(os.environ)


def write_utf8() -> None:
    """Write the run log as UTF-8, which JSON is, whatever the locale says."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def emit(text: str) -> None:
    """Write a piece of the run log to standard output; a reader that went away is no reason to stop."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()


def show_error(error: MagnusError) -> None:
    """Say what is wrong, where, and what to do."""
    _say(str(error))


def show_bug(error: Exception) -> None:
    """Say that magnus itself is at fault, with what helps to mend it."""
    import traceback  # lazy: for bugs alone

    _say("".join(traceback.format_exception(error)).rstrip())
    _say("error: this is a fault of magnus itself, not of the pipeline\n  fix: report it with the lines above")


def drop_output() -> None:
    """Nobody reads standard output any more; let the interpreter end without a complaint about it."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def set_up_logging(level: str | None) -> None:
    """Show the diagnosis of magnus from `level` on, on standard error."""
    if level is not None:
        import logging  # lazy: only who asks for it pays for it

        logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")


@contextmanager
def reporter() -> Iterator[Reporter]:
    """Shows progress on what is standard error now, whatever becomes of descriptor 2 during a step."""
    descriptor = os.dup(2)
    try:
        yield _Coloured(descriptor) if os.isatty(descriptor) else _Plain(descriptor)
    finally:
        os.close(descriptor)


class _Plain:
    """Progress as lines, and the output of steps between them; of steps that run at a time, whole lines with names."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at_line_start = True
        self._lines: _Lines | None = None

    def report(self, event: Event) -> None:
        """Show the event; a reader that is gone is no reason to stop."""
        match event:
            case StepOutput(path, data):
                self._output(data if self._lines is None else self._lines.of(path, data))
                return
            case RunStarted(concurrent=True):
                self._lines = _Lines()
            case StepEnded(path=path) if self._lines is not None:
                self._output(self._lines.rest(path))
            case _:
                pass
        if not self._at_line_start:
            self._write(b"\n")
            self._at_line_start = True
        self.line(_text(event), _style(event))

    def line(self, text: str, style: str) -> None:  # noqa: ARG002 - colour is for terminals
        """Write one line of progress."""
        self._write((text + "\n").encode("utf-8", "backslashreplace"))

    def _output(self, data: bytes) -> None:
        if data:
            self._write(data)
            self._at_line_start = data.endswith(b"\n")

    def _write(self, data: bytes) -> None:
        with suppress(OSError):
            while data:
                data = data[os.write(self._descriptor, data) :]


class _Lines:
    """Makes whole lines, each with the name of its step, of what steps print at the same time."""

    def __init__(self) -> None:
        self._parts: dict[StepPath, bytes] = {}

    def of(self, path: StepPath, data: bytes) -> bytes:
        """The lines that are whole now."""
        whole, newline, part = (self._parts.pop(path, b"") + data).rpartition(b"\n")
        if len(part) > _LONGEST_PART_BYTES:
            whole, newline, part = whole + newline + part, b"\n", b""
        if part:
            self._parts[path] = part
        return self._named(path, whole) if newline else b""

    def rest(self, path: StepPath) -> bytes:
        """What the step left without an end of line."""
        part = self._parts.pop(path, b"")
        return self._named(path, part) if part else b""

    def _named(self, path: StepPath, text: bytes) -> bytes:
        """The lines; of one that was written over, as bars of progress are, how it looked last."""
        before = f"  {_name(path)} | ".encode("utf-8", "backslashreplace")
        shown = (line.removesuffix(b"\r").rpartition(b"\r")[2] for line in text.split(b"\n"))
        return b"".join(before + line + b"\n" for line in shown)


class _Coloured(_Plain):
    """Progress on a terminal."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self._console = _rich_console(descriptor)

    def line(self, text: str, style: str) -> None:
        """Write one line of progress, as text and never as markup."""
        from rich.text import Text  # lazy: loaded with the console

        with suppress(OSError):
            self._console.print(Text(text, style=style), soft_wrap=True)


def _rich_console(descriptor: int) -> "Console":
    from rich.console import Console  # lazy: terminals alone

    return Console(
        file=os.fdopen(os.dup(descriptor), "w", encoding="utf-8", errors="backslashreplace"), highlight=False
    )


def _text(event: Event) -> str:
    match event:
        case RunStarted(run_id, name):
            return f"run {run_id} started" + (f" ({name})" if name else "")
        case StepStarted(path):
            return f"  {_name(path)}: started"
        case AttemptFailed(path, attempt, message, retry_in):
            return f"  {_name(path)}: attempt {attempt} failed, the next one in {retry_in:g} s: {message}"
        case StepEnded(path, _, status, message, duration):
            return f"  {_name(path)}: {status.value} in {_took(duration)}" + (f": {message}" if message else "")
        case Warned(message, path):
            return (f"  {_name(path)}: warning: " if path else "") + message
        case RunEnded(run_id, status, message, duration):
            return f"run {run_id}: {status.value} in {_took(duration)}" + (f": {message}" if message else "")
        case StepOutput():
            return ""


def _name(path: StepPath) -> str:
    """The step as people read it: its name behind those of what it is in."""
    return "/".join(path.parts)


def _style(event: Event) -> str:
    match event:
        case StepEnded(status=status) | RunEnded(status=status):
            return "green" if status is Status.SUCCESS else "bold red"
        case AttemptFailed() | Warned():
            return "yellow"
        case RunStarted() | StepStarted() | StepOutput():
            return "dim"


def _took(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else str(timedelta(seconds=round(seconds, 1)))[:9]


def _say(text: str) -> None:
    with suppress(OSError):
        os.write(2, (text + "\n").encode("utf-8", "backslashreplace"))

"""What happens during a run, as lines of text. Used by the front doors, which know where to write them."""

import shlex
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final

from magnus.graph.path import StepPath
from magnus.interfaces.reporter import (
    AttemptFailed,
    Event,
    Planned,
    RunEnded,
    RunStarted,
    StepEnded,
    StepOutput,
    StepReused,
    StepStarted,
    Warned,
)
from magnus.run_log.records import Status

_LONGEST_PART_BYTES: Final = 64 * 1024


class Lines:
    """Progress as lines, and the output of steps between them; of steps that run at a time, whole lines with names.

    `write` shows text; what it raises is not told to anybody.
    """

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._show = write
        self._at_line_start = True
        self._lines: _OfEach | None = None

    def report(self, event: Event) -> None:
        """Show the event; a reader that is gone is no reason to stop."""
        match event:
            case StepOutput(path, data):
                self._output(data if self._lines is None else self._lines.of(path, data))
                return
            case RunStarted(concurrent=True):
                self._lines = _OfEach()
            case StepEnded(path=path) if self._lines is not None:
                self._output(self._lines.rest(path))
            case _:
                pass
        if not self._at_line_start:
            self._write(b"\n")
            self._at_line_start = True
        self.line(_text(event), event)

    def line(self, text: str, event: Event) -> None:  # noqa: ARG002 - colour is for terminals
        """Write one line of progress."""
        self._write((text + "\n").encode("utf-8", "backslashreplace"))

    def _output(self, data: bytes) -> None:
        if data:
            self._write(data)
            self._at_line_start = data.endswith(b"\n")

    def _write(self, data: bytes) -> None:
        with suppress(OSError, ValueError):
            self._show(data)


class _OfEach:
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


def _text(event: Event) -> str:
    match event:
        case RunStarted(run_id, name):
            return f"run {run_id} started" + (f" ({name})" if name else "")
        case Planned(line):
            return line
        case StepStarted(path):
            return f"  {_name(path)}: started"
        case StepReused(path):
            return f"  {_name(path)}: reused"
        case AttemptFailed(path, attempt, message, retry_in):
            return f"  {_name(path)}: attempt {attempt} failed, the next one in {retry_in:g} s: {message}"
        case StepEnded(path, _, status, message, duration):
            return f"  {_name(path)}: {status.value} in {_took(duration)}" + (f": {message}" if message else "")
        case Warned(message, path):
            return (f"  {_name(path)}: warning: " if path else "") + message
        case RunEnded(run_id, status, message, duration):
            ended = f"run {run_id}: {status.value} in {_took(duration)}" + (f": {message}" if message else "")
            goes_on = event.is_kept and status is Status.FAIL
            return f"{ended}\n  go on where it stopped: {_how_to_go_on(event)}" if goes_on else ended
        case StepOutput():
            return ""


def _how_to_go_on(ended: RunEnded) -> str:
    if ended.in_program:
        return f"execute(use_cached={ended.run_id!r}) in the program"
    return f"magnus retry {shlex.quote(ended.run_id)}"


def _name(path: StepPath) -> str:
    """The step as people read it: its name behind those of what it is in."""
    return "/".join(path.parts)


def _took(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else str(timedelta(seconds=round(seconds, 1)))[:9]

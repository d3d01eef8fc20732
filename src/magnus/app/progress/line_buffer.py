"""Joins the output of steps to whole lines, and keeps the end of it."""

from typing import Final

from magnus.graph.path import StepPath, print_names

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

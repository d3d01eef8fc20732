"""What steps print, put together to whole lines. Used by all that show progress."""

from typing import Final

from magnus.graph.path import StepPath, print_names

_LONGEST_PART_BYTES: Final = 64 * 1024
_TAIL_BYTES: Final = 4096
_TAIL_LINES: Final = 20


class WholeLines:
    """Makes whole lines of what steps print; of steps that run at the same time, each with the name of its step."""

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
        """What the step left without an end of line."""
        part = self._parts.pop(path, b"")
        return self._lines(path, part) if part else b""

    def _lines(self, path: StepPath, text: bytes) -> bytes:
        if self._named or b"\r" in text:
            return _as_they_looked(path if self._named else None, text)
        return text + b"\n"


class Tails:
    """The end of what each step printed, for those that fail."""

    def __init__(self) -> None:
        self._tails: dict[StepPath, bytes] = {}

    def take(self, path: StepPath, data: bytes) -> None:
        """The step printed this."""
        self._tails[path] = (self._tails.get(path, b"") + data)[-_TAIL_BYTES:]

    def of(self, path: StepPath) -> bytes:
        """The last lines of the step, which has ended, each with its name."""
        data = self._tails.pop(path, b"").removesuffix(b"\n")
        return _as_they_looked(path, b"\n".join(data.split(b"\n")[-_TAIL_LINES:])) if data else b""


def _as_they_looked(path: StepPath | None, text: bytes) -> bytes:
    """The lines, with the name of the step; of one that was written over, as bars of progress are, how it looked last."""
    before = b"" if path is None else f"  {print_names(path.parts)} | ".encode("utf-8", "backslashreplace")
    shown = (line.removesuffix(b"\r").rpartition(b"\r")[2] for line in text.split(b"\n"))
    return b"".join(before + line + b"\n" for line in shown)

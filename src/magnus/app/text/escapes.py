"""Removes escape sequences (ECMA-48) from the output of steps: all of them, or all but colours."""

import re
from typing import Final

_WITH_PARAMETERS: Final = r"[0-?]*[ -/]*"
_WITH_TEXT: Final = r"[\]PX^_][^\x07\x1b\n]*"
_SEQUENCE: Final = re.compile(
    rf"\x1b\[{_WITH_PARAMETERS}[@-~]?"  # sequences that colour, move, erase or ask
    rf"|\x1b{_WITH_TEXT}(?:\x07|\x1b\\)?"  # titles, notes to the terminal
    r"|\x1b[ -/]*[0-~]?"
)
_HARMFUL: Final = re.compile(
    rf"\x1b\[(?![\d;:]*m){_WITH_PARAMETERS}[@-~]?".encode()
    + rf"|\x1b{_WITH_TEXT}(?:\x07|\x1b\\)?".encode()
    + rb"|\x1b(?!\[)[ -/]*[0-~]?|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]|\xc2[\x80-\x9f]"
)
_SUSPECT: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")
_UNFINISHED: Final = re.compile(rf"\x1b(?:\[{_WITH_PARAMETERS}|{_WITH_TEXT}\x1b?|[ -/]*)?\Z".encode() + rb"|\xc2\Z")
_LONGEST_UNFINISHED_BYTES: Final = 4096
_UNCOLOURED: Final = b"\x1b[0m"


def without_escapes(text: str) -> str:
    """The text without escape sequences."""
    return _SEQUENCE.sub("", text) if "\x1b" in text else text


def harmless(output: bytes) -> bytes:
    """The output with its colours, without anything that moves the cursor or changes the terminal; it ends uncoloured."""
    pieces = HarmlessPieces()
    return pieces.feed(output) + pieces.rest()


class HarmlessPieces:
    """Does the same for output that comes in pieces; a piece may end in the middle of a sequence."""

    def __init__(self) -> None:
        self._unfinished = b""
        self._is_coloured = False

    def feed(self, piece: bytes) -> bytes:
        """The output that can be shown by now."""
        output, self._unfinished = self._unfinished + piece, b""
        if output.isascii() and not _SUSPECT.search(output):
            return output
        end = _UNFINISHED.search(output, max(0, len(output) - _LONGEST_UNFINISHED_BYTES))
        if end is not None:
            output, self._unfinished = output[: end.start()], end[0]
        return self._shown(output)

    def rest(self) -> bytes:
        """The rest of the output, which ends uncoloured."""
        shown = self._shown(self._unfinished)
        is_coloured, self._unfinished, self._is_coloured = self._is_coloured, b"", False
        return shown + (_UNCOLOURED if is_coloured else b"")

    def _shown(self, output: bytes) -> bytes:
        shown = _HARMFUL.sub(b"", output) if _SUSPECT.search(output) else output
        self._is_coloured = self._is_coloured or b"\x1b[" in shown
        return shown

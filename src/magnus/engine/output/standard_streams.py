"""The streams of python and of the C library onto descriptors 1 and 2. Used by `engine.output.capture`."""

import io
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from ctypes import CDLL

_AS_MADE: Final = ("utf-8", "backslashreplace", True)
"""Encoding, treatment of errors and line buffering of the text streams of a step."""


class CStreams:
    """The streams of the C library, which keep what C extensions print until they are flushed."""

    def __init__(self) -> None:
        self._library: CDLL | None = None

    def flush(self) -> None:
        """Flush them, where an extension that could have printed may be loaded."""
        if "ctypes" not in sys.modules:
            return
        if self._library is None:
            self._library = sys.modules["ctypes"].CDLL(None)
        self._library.fflush(None)


def text_stream(descriptor: int) -> TextIO:
    """A text stream onto the descriptor that shows each line at once and never fails for a character."""
    raw = io.FileIO(descriptor, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True)


def is_changed(stream: TextIO) -> bool:
    """Whether a stream is closed, taken apart, or no longer as `text_stream` made it."""
    try:
        return stream.closed or (stream.encoding, stream.errors, stream.line_buffering) != _AS_MADE
    except (ValueError, AttributeError):
        return True


def flush(streams: Iterable[TextIO]) -> None:
    """Flush streams of whomever; one that cannot be flushed is left alone."""
    for stream in streams:
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            continue


def flush_or_close(streams: Iterable[TextIO]) -> None:
    """Flush streams of ours; what cannot be written is dropped, or it would come out in a later step."""
    for stream in streams:
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            with suppress(OSError, ValueError, AttributeError):
                stream.buffer.raw.close()  # type: ignore[attr-defined]  # it is a FileIO


def occupy(descriptor: int) -> None:
    """Open the null device where a standard descriptor is closed, so that no other file gets its number."""
    try:
        os.fstat(descriptor)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != descriptor:
            os.dup2(null, descriptor)
            os.close(null)

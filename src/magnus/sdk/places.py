"""Where in a user's program something is written. Used by the objects of the front door."""

import os
import sys
from types import FrameType

from magnus.errors import Location


def here() -> Location:
    """The innermost line of the program that is not in this package; a file in the working directory by its name there."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect would read the source
    while frame is not None and frame.f_globals.get("__name__", "").startswith("magnus.sdk"):
        frame = frame.f_back
    if frame is None:
        return Location("")
    file = frame.f_code.co_filename
    relative = os.path.relpath(file) if os.path.isabs(file) and os.path.exists(file) else file  # noqa: PTH110, PTH117 - a path as text
    return Location(file if relative.startswith("..") else relative, frame.f_lineno)

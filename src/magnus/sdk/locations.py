"""Finds the line of the user's program that calls the SDK. Used by all objects of the SDK."""

import os
import re
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Final

from magnus.errors import Location
from magnus.values import UserObject

_CELLS: Final = re.compile(r"[/\\]ipykernel_\d+[/\\]|^<ipython-input-")
_NOTEBOOK: Final = "notebook"
_SAID_BY: Final = ("__vsc_ipynb_file__", "__session__")
"""Variables in which front ends put the name of the notebook."""


def here() -> Location:
    """The innermost line of the program that is not in this package; a file in the working directory by its name there.

    A cell of a notebook by the name of the notebook, as far as the front end says it.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect would read the source
    while frame is not None and frame.f_globals.get("__name__", "").startswith("magnus.sdk"):
        frame = frame.f_back
    if frame is None:
        return Location("")
    file = frame.f_code.co_filename
    if _is_cell(file):
        return Location(_notebook(frame.f_globals), frame.f_lineno)
    relative = os.path.relpath(file) if os.path.isabs(file) and os.path.exists(file) else file  # noqa: PTH110, PTH117 - a path as text
    return Location(file if relative.startswith("..") else relative, frame.f_lineno)


def _is_cell(file: str) -> bool:
    return _CELLS.search(file) is not None


def _notebook(variables: Mapping[str, UserObject]) -> str:
    """The name of the notebook that a cell is in, "notebook" if no front end gives it."""
    names = [variables.get(name) for name in _SAID_BY]
    names.append(os.environ.get("JPY_SESSION_NAME"))
    name = next((text for text in names if isinstance(text, str) and text.endswith(".ipynb")), "")
    return os.path.basename(name) or _NOTEBOOK  # noqa: PTH119 - a path as text

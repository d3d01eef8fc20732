"""Recognises code of notebook cells, whose file names are made up. Used where places of user code are shown."""

import re
from typing import Final

_CELLS: Final = re.compile(r"[/\\]ipykernel_\d+[/\\]|^<ipython-input-")


def is_cell(file: str) -> bool:
    """Whether this is the file name of a cell, as ipykernel and IPython make them."""
    return _CELLS.search(file) is not None

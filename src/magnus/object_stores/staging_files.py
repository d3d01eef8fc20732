"""Removes the files that killed processes leave in a folder of objects.

The client writes an object as `<name>#<number>` and renames it. It lists no such files, and no key has a `#`.
"""

import os
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import chain
from pathlib import Path
from stat import S_ISREG
from typing import Final

_STAGING_FILE: Final = re.compile(r"(?P<name>[^#]+)#[0-9]+")


def remove_staging_files(
    top: Path, before: datetime, *, folders: Collection[str], is_own: Callable[[str], bool]
) -> None:
    """Remove those below the folders of `top`, and those of own names in `top`, if nobody wrote to them since `before`.

    Raises OSError when one cannot be removed.
    """
    for path in chain(_direct(top, is_own), *(_below(top / folder) for folder in folders)):
        with suppress(FileNotFoundError):  # it was renamed, or another clean-up was faster
            status = path.lstat()
            if S_ISREG(status.st_mode) and status.st_mtime < before.timestamp():
                path.unlink()


def _direct(top: Path, is_own: Callable[[str], bool]) -> Iterator[Path]:
    with suppress(FileNotFoundError), os.scandir(top) as entries:
        for entry in entries:
            match = _STAGING_FILE.fullmatch(entry.name)
            if match and is_own(match["name"]):
                yield top / entry.name


def _below(folder: Path) -> Iterator[Path]:
    for path, _, names in os.walk(folder):
        yield from (Path(path, name) for name in names if _STAGING_FILE.fullmatch(name))

"""Commands that name a function of a script: `path/to/script.py:function`. Used where functions are found."""

from pathlib import Path
from typing import Final

_SUFFIX: Final = ".py"


def split(command: str, working_directory: Path) -> tuple[Path, list[str]] | None:
    """The file and the dotted name of the function; None when the command is not of this form."""
    file, colon, name = command.rpartition(":")
    if not colon or not file.endswith(_SUFFIX) or not all(part.isidentifier() for part in name.split(".")):
        return None
    return working_directory / file, name.split(".")


def joined(file: Path, name: str, working_directory: Path) -> str:
    """The command; the file is relative to the working directory when it is in there."""
    inside = file.is_relative_to(working_directory)
    return f"{file.relative_to(working_directory) if inside else file}:{name}"

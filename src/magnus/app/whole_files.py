"""Files that are there as a whole or not at all. Used by all that write files for users."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from magnus.errors import InvalidInput

_LONGEST_NAME: Final = 200


def write_whole(file: Path, text: str) -> None:
    """Write, or replace, a file of text: under another name beside it first. OSError when that fails."""
    other = file.with_name(
        f".{file.name.encode()[:_LONGEST_NAME].decode(errors='ignore')}.{os.getpid()}.{os.urandom(4).hex()}"
    )
    try:
        other.write_text(text, encoding="utf-8")
        other.replace(file)
    except BaseException:
        with suppress(OSError):
            other.unlink()
        raise


def write_output(file: Path, text: str) -> None:
    """The same for the file that a user names with `-o`; InvalidInput when it cannot be written."""
    try:
        write_whole(file, text)
    except OSError as error:
        message = f"the file '{file}' cannot be written: {error.strerror}"
        raise InvalidInput(message, fix="choose another place with -o") from error

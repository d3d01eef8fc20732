"""What a user reads after `magnus init`: the files, and the next commands."""

import os
from collections.abc import Sequence
from shlex import quote
from string import ascii_letters, digits
from typing import Final

from magnus.app.text.plain_text import plain

_UNQUOTED: Final = frozenset(f"{ascii_letters}{digits} ./_-".encode())


def next_commands(folder: str, files: Sequence[str]) -> str:
    """The files that were written to the folder, and the commands that try them."""
    is_here = folder in {".", "./"}
    place = "" if is_here else f" to {plain(folder)}"
    change = [] if is_here else [f"cd {_shell_word(folder if not folder.startswith('-') else f'./{folder}')}"]
    commands = [
        *change,
        "magnus execute          # run the pipeline",
        "magnus report latest    # write the run as one HTML file",
        "python -m pytest        # test it; before: pip install pytest",
    ]
    return "\n".join([f"wrote {', '.join(files)}{place}", "next:", *(f"  {line}" for line in commands), ""])


def _shell_word(name: str) -> str:
    """The name as bash and zsh read it; if a terminal would not show all of it, with its bytes as escapes."""
    if plain(name) == name:
        return quote(name)
    escaped = (chr(byte) if byte in _UNQUOTED else f"\\x{byte:02x}" for byte in os.fsencode(name))
    return f"$'{''.join(escaped)}'"

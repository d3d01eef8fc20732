"""What a user reads after `magnus init`: the files, and the next commands."""

from collections.abc import Sequence
from shlex import quote

from magnus.app.text.plain_text import plain


def next_commands(folder: str, files: Sequence[str]) -> str:
    """The files that were written to the folder, and the commands that try them."""
    is_here = folder in {".", "./"}
    place = "" if is_here else f" to {plain(folder)}"
    change = [] if is_here else [f"cd {plain(quote(folder if not folder.startswith('-') else f'./{folder}'))}"]
    commands = [
        *change,
        "magnus execute          # run the pipeline",
        "magnus report latest    # write the run as one HTML file",
        "python -m pytest        # test it; before: pip install pytest",
    ]
    return "\n".join([f"wrote {', '.join(files)}{place}", "next:", *(f"  {line}" for line in commands), ""])

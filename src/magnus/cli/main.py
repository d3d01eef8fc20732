"""The command `magnus`: writes what `synopsis` can answer, and leaves all else to `program`, which needs click."""

import os
import sys

from magnus.cli import console, synopsis

TYPE_CHECKING = False  # the import of typing would cost a tenth of an answer
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn


def main(arguments: "Sequence[str] | None" = None) -> "NoReturn":
    """Run the command line and exit."""
    _leave_folder()
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    answer = synopsis.answer(arguments, os.environ)
    if answer is not None and console.has_emitted(answer):
        sys.exit(0)
    from magnus.system import gc_pause  # lazy: the answers above need neither

    gc_pause.pause()
    from magnus.cli import program

    sys.exit(program.run(arguments))


def _leave_folder() -> None:
    """Import nothing from the working directory, where `python -m magnus` would look first: its modules are for tasks.

    If `PYTHONPATH` names it, it stays.
    """
    try:
        named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if sys.path and sys.path[0] in {"", os.getcwd()} and sys.path[0] not in named:  # noqa: PTH109 - a path costs more
            del sys.path[0]
    except OSError:
        pass

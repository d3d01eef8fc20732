"""Turns errors that neither a task nor a service reports into messages: faults of magnus, of a plugin or of the system.

Such an error fails the step and no more, so that its message is in the run log. Used by `engine.step.run_step`,
`engine.step.attempts` and the code that joins branches.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

import magnus
from magnus.errors import MagnusError, RunLogStoreError

_OWN_FOLDER: Final = str(Path(magnus.__file__).parent) + os.sep
_LONGEST: Final = 1000


def failure_of(error: Exception, mask: Callable[[str], str] = str) -> str:
    """Why a step failed in which `error` was raised, around its task; `mask` takes secrets out of a text.

    Raises RunLogStoreError again: nothing can be recorded then.
    """
    if isinstance(error, RunLogStoreError):
        raise error
    if isinstance(error, MagnusError):
        return error_text(error)
    _log(error, mask)
    return _described(error, mask)


def error_text(error: MagnusError) -> str:
    """What an error says, with what to do about it, as the message of a step."""
    return "\n".join(problem.message + (f"; {problem.fix}" if problem.fix else "") for problem in error.problems)


def _described(error: Exception, mask: Callable[[str], str]) -> str:
    frames = list(_frames(error.__traceback__))
    own = [frame for frame in frames if frame[0].startswith(_OWN_FOLDER)]
    file, line, function = (own or frames or [("", 0, "")])[-1]
    place = f" ({os.path.relpath(file, Path(_OWN_FOLDER).parent)}:{line} in {function})" if own else ""
    try:
        text = " ".join(mask(str(error)).split())[:_LONGEST]
    except Exception:  # noqa: BLE001 - the text of an error may be anybody's code, and the fault may be in the mask
        text = ""
    what = ": ".join(filter(None, (type(error).__name__, text)))
    if isinstance(error, OSError | MemoryError):
        return f"the system refused what the step needs: {what}{place}"
    return f"this is a fault of magnus itself or of a plugin, not of the task: {what}{place}; please report it"


def _frames(traceback: TracebackType | None) -> Iterator[tuple[str, int, str]]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield code.co_filename, traceback.tb_lineno, code.co_name
        traceback = traceback.tb_next


def _log(error: Exception, mask: Callable[[str], str]) -> None:
    """The traceback, for a report."""
    import logging  # lazy: for faults alone
    from traceback import format_exception  # lazy: as above

    with suppress(Exception):  # the fault may be in the mask
        logging.getLogger(__name__).error("%s", mask("".join(format_exception(error)).rstrip()))

"""Errors of the stores that keep files: what cannot be a run id, and what the operating system says. Used by them."""

import errno
import os
from pathlib import Path

from magnus.errors import InvalidRunId, RunExists, RunLogStoreError, RunNotFound


def refuse_unusable(run_id: str, longest_bytes: int) -> None:
    """InvalidRunId when no file can be named after the run id."""
    if problem := unusable(run_id, longest_bytes):
        raise InvalidRunId(
            f"the run id '{run_id}' cannot be used: {problem}",
            fix="use letters, digits, '-', '_' and '.'",
        )


def unusable(run_id: str, longest_bytes: int) -> str:
    """Why no file can be named after the run id; "" when one can."""
    if not run_id or run_id.startswith("."):
        return "it is empty or begins with a dot"
    if "/" in run_id or "\0" in run_id or os.sep in run_id:
        return "it holds a path separator"
    try:
        return "it is too long" if len(os.fsencode(run_id)) > longest_bytes else ""
    except UnicodeEncodeError:
        return "it is not valid text"


def run_exists(run_id: str, folder: Path) -> RunExists:
    """The run id is in use."""
    return RunExists(f"there is a run '{run_id}' already in '{folder}'", fix="choose another run id")


def run_not_found(run_id: str, folder: Path) -> RunNotFound:
    """No run has this id."""
    return RunNotFound(f"there is no run '{run_id}' in '{folder}'")


def failed(verb: str, file: Path, error: OSError) -> RunLogStoreError:
    """Something could not be done to the file."""
    reason = error.strerror or str(error)
    return RunLogStoreError(f"the run log store cannot {verb} '{file}': {reason}", fix=_fix(error.errno))


def _fix(number: int | None) -> str:
    """What the user can do about an error of the operating system."""
    match number:
        case errno.ENOSPC | errno.EDQUOT:
            return "free space on that disk"
        case errno.EFBIG:
            return "raise the limit on the size of files (`ulimit -f`)"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "make it writable, or set `log_folder` of the run log store to a folder that is"
        case errno.EEXIST | errno.ENOTDIR:
            return "a file is in the way: remove it, or set `log_folder` of the run log store to another folder"
        case errno.EMFILE | errno.ENFILE:
            return "raise the limit on open files (`ulimit -n`)"
        case _:
            return ""

"""Errors of the stores that keep files: run ids that cannot name a file, and errors of the operating system."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from magnus.errors import InvalidRunId, RunExists, RunLogStoreError, RunNotFound
from magnus.system.system_calls import what_to_do

if TYPE_CHECKING:
    from magnus.run_log.summary import DamagedRun

_NOT_WRITABLE: Final = "make it writable, or set `log_folder` of the run log store to a folder that is"
_NOT_READABLE: Final = "see that you may read it: change its permissions, or ask its owner"
_IN_THE_WAY: Final = "a file is in the way: remove it, or set `log_folder` of the run log store to another folder"


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


def run_exists(run_id: str, folder: Path | str) -> RunExists:
    """The run id is in use."""
    return RunExists(f"there is a run '{run_id}' already in '{folder}'", fix="choose another run id")


def run_not_found(run_id: str, folder: Path | str) -> RunNotFound:
    """No run has this id."""
    return RunNotFound(f"there is no run '{run_id}' in '{folder}'", fix="magnus runs lists those there are")


def of_another_run(run_id: str, other: str) -> RunLogStoreError:
    """The record stored under the run id is that of another run."""
    fix = "give it the name of that run again, or remove it"
    return RunLogStoreError(
        f"the run log stored as that of the run '{run_id}' is the run log of the run '{other}'", fix=fix
    )


def link_to_nothing(run_id: str, file: Path) -> "DamagedRun | None":
    """The listed run of a file that is missing: none when the file is gone, a damaged run when it is a link."""
    from magnus.run_log.summary import DamagedRun  # lazy: only listings need it

    return DamagedRun(run_id, f"'{file}' is a link to nothing") if file.is_symlink() else None


def failed(verb: str, file: Path | str, error: OSError) -> RunLogStoreError:
    """Something could not be done to the file."""
    reason = error.strerror or str(error)
    fix = what_to_do(
        error.errno, not_writable=_NOT_READABLE if verb == "read" else _NOT_WRITABLE, in_the_way=_IN_THE_WAY
    )
    return RunLogStoreError(f"the run log store cannot {verb} '{file}': {reason}", fix=fix)


def no_run_record(file: Path | str) -> RunLogStoreError:
    """The file that makes a run has no record of it that is whole."""
    return RunLogStoreError(f"'{file}' is damaged: it holds no record of the run", fix="remove the file")

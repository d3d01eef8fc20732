"""Removes the folders that executors left for the users of a run, such as the output of jobs, and nothing beside them."""

import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.composition.output_of_runs import RunOutput
from magnus.interfaces.catalog import Usage
from magnus.system import atomic_files


class OutputFolder(Struct, frozen=True):
    """A folder with output of a run.

    Attributes:
        path: the folder.
        usage: the files in it.
        problem: why it stays although its run goes; "" if it goes.
    """

    path: Path
    usage: Usage = Usage()
    problem: str = ""


def output_folders(output: RunOutput) -> Iterator[OutputFolder]:
    """The folders that are there, each with the reason if it must stay."""
    for folder in output.folders:
        if os.path.lexists(folder):
            problem = _problem(folder, output)
            yield OutputFolder(folder, Usage() if problem else _usage(folder), problem)


def remove(folder: OutputFolder) -> OutputFolder:
    """Remove the folder with all that is in it. Links in it are removed, not followed."""
    if not folder.problem:
        atomic_files.remove_folder(folder.path)
        if os.path.lexists(folder.path):
            return replace(folder, problem="a part of it cannot be removed")
    return folder


def _problem(folder: Path, output: RunOutput) -> str:
    """Why the folder must stay: it is none, or is not where the executor has its own files."""
    keep = next((keep for keep in output.keeps if keep in folder.parents), None)
    if keep is None:
        return "it is in no folder of its executor"
    if folder.resolve() != keep.resolve() / folder.relative_to(keep):
        return f"a symbolic link leads from it out of '{keep}'"
    return "" if folder.is_dir() else "it is no folder"


def _usage(folder: Path) -> Usage:
    sizes = []
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append(os.lstat(f"{parent}/{name}").st_size)
            except OSError:
                continue  # it was removed just now
    return Usage(len(sizes), sum(sizes))

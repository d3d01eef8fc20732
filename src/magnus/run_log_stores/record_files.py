"""Where the records of a run are as files, one each: names for any step, on any file system. Used by `chunked-fs`.

    .runs/<run id>                                  the record of the run
    .steps/<run id>/<step>.json                     the record of a step that has not succeeded
    .steps/<run id>/<step>.done.json                the record of its success
    .steps/<run id>/<step>.in/<branch>/<step>.json  the same in a branch of that step
    .steps/.removed/<run id>                        the steps of a run that is being removed

A step or branch is named as in paths, percent-encoded, but in lower case: `=a` stands for `A`, so that no two names are
one where case is ignored. A name that is too long for a file is replaced by its hash, after a `~`.
"""

import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from magnus.graph.path import BranchPath, StepPath, print_parts

DONE: Final = ".done.json"
NOT_DONE: Final = ".json"
_INSIDE: Final = ".in"
_LONGEST_NAME: Final = 200
"""In bytes; a name gets an ending, and one that is written gets a longer one for a while."""
_ESCAPED_OR_CAPITAL: Final = re.compile(r"%[0-9A-F]{2}|[A-Z]")


class RecordFiles:
    """The places of the records in one log folder."""

    def __init__(self, folder: Path) -> None:
        self.runs = folder / ".runs"
        self.steps = folder / ".steps"

    def run(self, run_id: str) -> Path:
        """The record of the run."""
        return self.runs / run_id

    def removed(self, run_id: str) -> Path:
        """Where the folder of its steps goes when the run is removed; no run id begins with a dot."""
        return self.steps / ".removed" / run_id

    def branch(self, run_id: str, branch: BranchPath) -> Path:
        """The folder with the records of the steps directly in the branch."""
        folder = self.steps / run_id
        for step, key in zip(branch.parts[::2], branch.parts[1::2], strict=True):
            folder = folder / (file_name(step) + _INSIDE) / file_name(key)
        return folder

    def changed(self, run_id: str) -> datetime | None:
        """When a record of the run was put last; each is renamed into the folder where it stands. None when there is none."""
        places = [str(self.run(run_id)), *(folder for folder, _, _ in os.walk(str(self.steps / run_id)))]
        times = []
        for place in places:
            with suppress(OSError):  # removed just now
                times.append(Path(place).stat().st_mtime)
        return datetime.fromtimestamp(max(times), UTC) if times else None

    def step(self, run_id: str, path: StepPath) -> Path:
        """The record of the step, without its ending."""
        return self.branch(run_id, path.branch) / file_name(path.name)


def file_name(part: str) -> str:
    """The name of a step or branch as the name of a file; different for all that are different."""
    name = _ESCAPED_OR_CAPITAL.sub(_in_lower_case, print_parts((part,)))
    if not name:
        return "="
    if len(name) <= _LONGEST_NAME:
        return name
    from hashlib import sha256  # lazy: names are short

    return "~" + sha256(part.encode("utf-8", "surrogatepass")).hexdigest()


def names_step(branch: BranchPath, name: str, step: str | None) -> bool:
    """Whether a file of this name in the folder of the branch is that of the step, by its path as text."""
    path = None if step is None else StepPath.parse(step)
    return path is not None and path.branch == branch and file_name(path.name) == name


def _in_lower_case(found: re.Match[str]) -> str:
    text = found[0].lower()
    return text if text.startswith("%") else "=" + text

"""Files that sibling branches put and that a step finds untouched in the working directory they share. Used by `engine.step.run_step`.

In pods each step has a working directory of its own, so a pattern such as `out/*` never means the files of a sibling
branch. Where branches share one, those files are left out of a put.
"""

import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from magnus.graph.nodes import CompositeNode, Graph, RepeatedBranch
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import StepRecord

_NANOSECONDS = 1_000_000_000
_CLOCK_STEP_SECONDS = 0.02


class FileClock:
    """Tells files that were there before a step from those it touched, by the clock that file systems take times from.

    That clock advances in steps of a few milliseconds. A step that may share files with siblings starts in another tick
    than the last put of this process, so that the same time never means both.
    """

    def __init__(self) -> None:
        self._last_put = 0

    def start(self) -> int:
        """The time in nanoseconds since 1970 before which a file was changed that the step does not touch."""
        while (now := _file_time()) <= self._last_put:
            time.sleep(0.001)
        return now

    def note_put(self) -> None:
        """A step of this process has put files."""
        self._last_put = time.time_ns()


def _file_time() -> int:
    clock = getattr(time, "CLOCK_REALTIME_COARSE", None)  # Linux; others take file times from the precise clock
    return time.time_ns() if clock is None else time.clock_gettime_ns(clock)


def has_siblings(graph: Graph, branch: BranchPath) -> bool:
    """Whether other branches may run beside the branch, or have run, that it does not see."""
    return any(True for _ in _composites(graph, branch))


def put_by_siblings(
    graph: Graph,
    store: RunLogStore,
    run_id: str,
    branch: BranchPath,
    *,
    names: Collection[str],
    folder: Path,
    start: int,
) -> frozenset[str]:
    """The `names` of files below `folder` that siblings of the branch put and that were not changed since `start`.

    RunLogStoreError when the records cannot be read.
    """
    run_start = (store.get_run(run_id).start_time.timestamp() - _CLOCK_STEP_SECONDS) * _NANOSECONDS
    untouched = {name for name in names if run_start < _changed(f"{folder}/{name}") < start}
    if not untouched:
        return frozenset()
    found: set[str] = set()
    for composite, own in _composites(graph, branch):
        record = store.get_step(run_id, composite)
        for key in record.branching.keys if record is not None and record.branching is not None else ():
            if key != own:
                found |= untouched & set(_names_put(store, run_id, composite.into(key)))
    return frozenset(found)


def _composites(graph: Graph, branch: BranchPath) -> Iterator[tuple[StepPath, str]]:
    """The composites around the branch whose branches do not see each other, each with the key of the way down."""
    for depth in range(0, len(branch.parts), 2):
        composite = StepPath(branch.parts[: depth + 1])
        node = graph.step(composite)
        assert isinstance(node, CompositeNode)
        if not isinstance(node.branches, RepeatedBranch):
            yield composite, branch.parts[depth + 1]


def _names_put(store: RunLogStore, run_id: str, branch: BranchPath) -> Iterator[str]:
    """The names of all files that steps of the branch put, also in branches inside it."""
    for step in store.list_steps(run_id, branch):
        yield from _put_by(step)
        for key in step.branching.keys if step.branching is not None else ():
            yield from _names_put(store, run_id, step.path.into(key))


def _put_by(step: StepRecord) -> Iterator[str]:
    return (entry.name for entry in step.catalog if entry.stage == "put")


def _changed(path: str) -> int:
    """When the file, or what leads to it, was last changed, in nanoseconds since 1970; 0 when it is gone."""
    try:
        return os.stat(path).st_ctime_ns  # noqa: PTH116 - thousands of files
    except OSError:
        return 0

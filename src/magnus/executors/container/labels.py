"""Labels of containers, by which another magnus finds containers of a run, and of a magnus that died."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from magnus.engine.processes import liveness
from magnus.graph.path import StepPath
from magnus.run_log.records import Owner, RunRecord

HOST: Final = "magnus.host"
_PID: Final = "magnus.pid"
_PROCESS_START: Final = "magnus.process-start"
RUN: Final = "magnus.run"
STEP: Final = "magnus.step"
_STAYS: Final = "magnus.stays"

RUNNING: Final = frozenset({"running", "paused", "restarting"})
"""The states of containers that are not over."""


def labels(owner: Owner, run_id: str, path: StepPath, *, stays: bool) -> dict[str, str]:
    """The labels of the container of a step; `stays` says that it is not removed when it has exited."""
    return {
        HOST: owner.host,
        _PID: str(owner.pid),
        _PROCESS_START: owner.process_start,
        RUN: run_id,
        STEP: str(path),
        _STAYS: "yes" if stays else "no",
    }


def to_be_done(labelled: Mapping[str, str], state: str) -> Literal["remove", "kill", "nothing"]:
    """The action for a container in this state; none while the process that started it may be there."""
    pid = labelled.get(_PID, "")
    if not pid.isdigit():
        return "nothing"
    owner = Owner(labelled.get(HOST, ""), int(pid), labelled.get(_PROCESS_START, ""))
    if not liveness.lost(owner):
        return "nothing"
    if labelled.get(_STAYS) != "yes":
        return "remove"
    return "kill" if state in RUNNING else "nothing"


def run_of(labelled: Mapping[str, str], runs: Iterable[RunRecord]) -> str:
    """The id of the run that the container belongs to; "" for none. Runs of two projects may have the same id."""
    keys = (RUN, HOST, _PID, _PROCESS_START)
    values = tuple(labelled.get(key, "") for key in keys)
    for run in runs:
        owner = run.owner
        if values == (run.run_id, owner.host, str(owner.pid), owner.process_start):
            return run.run_id
    return ""

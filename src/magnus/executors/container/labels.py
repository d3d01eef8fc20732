"""Labels of containers, by which the next magnus on this host finds containers of one that died."""

from collections.abc import Mapping
from typing import Final, Literal

from magnus.engine.processes import liveness
from magnus.graph.path import StepPath
from magnus.run_log.records import Owner

HOST: Final = "magnus.host"
_PID: Final = "magnus.pid"
_PROCESS_START: Final = "magnus.process-start"
_RUN: Final = "magnus.run"
_STEP: Final = "magnus.step"
_STAYS: Final = "magnus.stays"


def labels(owner: Owner, run_id: str, path: StepPath, *, stays: bool) -> dict[str, str]:
    """The labels of the container of a step; `stays` says that it is not removed when it has exited."""
    return {
        HOST: owner.host,
        _PID: str(owner.pid),
        _PROCESS_START: owner.process_start,
        _RUN: run_id,
        _STEP: str(path),
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
    return "kill" if state in {"running", "paused", "restarting"} else "nothing"

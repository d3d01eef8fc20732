"""The states of jobs of Slurm, as data: the phase of each, in the words of `squeue --states`."""

from collections.abc import Mapping
from typing import Final

from magnus.executors.jobs.batch_system import Phase

PHASES: Final[Mapping[str, Phase]] = {
    # before the job has a node, or has it back in the queue
    "PENDING": Phase.WAITING,
    "CONFIGURING": Phase.WAITING,
    "POWER_UP_NODE": Phase.WAITING,
    "REQUEUED": Phase.WAITING,
    "REQUEUE_HOLD": Phase.WAITING,
    "REQUEUE_FED": Phase.WAITING,
    "RESV_DEL_HOLD": Phase.WAITING,
    "SPECIAL_EXIT": Phase.WAITING,
    # on its node
    "RUNNING": Phase.RUNNING,
    "COMPLETING": Phase.RUNNING,
    "RESIZING": Phase.RUNNING,
    "SIGNALING": Phase.RUNNING,
    "STAGE_OUT": Phase.RUNNING,
    "STOPPED": Phase.RUNNING,
    "SUSPENDED": Phase.RUNNING,
    # over
    "COMPLETED": Phase.EXITED,
    "FAILED": Phase.EXITED,
    "BOOT_FAIL": Phase.KILLED,
    "CANCELLED": Phase.KILLED,
    "DEADLINE": Phase.KILLED,
    "LAUNCH_FAILED": Phase.KILLED,
    "NODE_FAIL": Phase.KILLED,
    "OUT_OF_MEMORY": Phase.KILLED,
    "PREEMPTED": Phase.KILLED,
    "RECONFIG_FAIL": Phase.KILLED,
    "REVOKED": Phase.KILLED,
    "TIMEOUT": Phase.KILLED,
}
"""A state that is not here is of a later version of Slurm: such a job counts as running, since it must not count as over."""


_KILLED: Final = frozenset({"JobLaunchFailure"})
"""Reasons of FAILED that are no exit of the process: its start failed, or its memory was over where Slurm uses no cgroups."""


def phase_of(state: str, reason: str = "") -> Phase:
    """The phase of a job in this state, for this reason."""
    if state == "FAILED" and reason in _KILLED:
        return Phase.KILLED
    return PHASES.get(state, Phase.RUNNING)

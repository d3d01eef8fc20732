"""Says how a run stands now: as recorded, still running without its process, or lost. Used wherever runs are shown."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from magnus.engine.processes import liveness
from magnus.run_log.records import ENDED, Owner, RunHealth, RunRecord, RunStatus, Status

_GONE: Final = "its orchestrator is gone"


class RunState(Struct, frozen=True):
    """How a run stands.

    Attributes:
        status: LOST if nothing of the run runs any more, although it has not finished.
        message: why it failed or is lost, or why it is not known whether it runs; "" if there is nothing to say.
        has_jobs: whether its process is gone, but jobs of it run, or may run.
    """

    status: RunStatus
    message: str
    has_jobs: bool = False

    @property
    def is_over(self) -> bool:
        """Whether the run can get no more records."""
        return self.status in ENDED or self.status in RunHealth

    @property
    def lost(self) -> str:
        """Why the run is lost; "" if it is not."""
        return self.message if self.status is RunHealth.LOST else ""


def state_of(run: RunRecord) -> RunState:
    """How the run stands; its executor looks for jobs if its process is gone."""
    return states_of([run])[run.run_id]


def states_of(runs: Sequence[RunRecord]) -> Mapping[str, RunState]:
    """How runs stand, by their ids; one request for the jobs of all runs of one executor."""
    gone = [run for run in runs if process_is_gone(run.status, run.owner)]
    states = {run.run_id: state_by_process(run.status, run.owner, run.message) for run in runs}
    if gone:
        from magnus.app.composition.jobs_of_runs import jobs_of_runs  # lazy: few runs lose their process

        for run_id, jobs in jobs_of_runs(gone).items():
            if jobs.sentence:
                states[run_id] = RunState(Status.PROCESSING, f"{_GONE}; {jobs.sentence}", has_jobs=True)
    return states


def process_is_gone(status: Status, owner: Owner) -> bool:
    """Whether a run has not finished and its process is gone, as this host can tell."""
    return status not in ENDED and bool(liveness.lost(owner))


def state_by_process(status: Status, owner: Owner, message: str) -> RunState:
    """How a run stands as its process alone says."""
    if status not in ENDED and (lost := liveness.lost(owner)):
        return RunState(RunHealth.LOST, lost)
    return RunState(status, message or liveness.unknown(status, owner))

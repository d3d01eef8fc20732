"""Finds the run that a new run resumes, and its pipeline. Called by `app.run.prepare`.

It changes nothing in the original run.
"""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from magnus.app.inspect.find import find_run
from magnus.definition.built_pipeline import BuiltPipeline, recorded_pipeline
from magnus.engine.processes import liveness
from magnus.engine.secrets.mask_run import masked_parameters
from magnus.errors import InvalidInput
from magnus.graph.path import BranchPath
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.parameters import Scope
from magnus.run_log.records import ENDED, IMPORTING, RunRecord, Status
from magnus.system import descendants

_ENDING_SECONDS: Final = 3.0
"""How long processes of a run that has just been killed may take to end."""
_LOOK_AGAIN_SECONDS: Final = 0.05
_MOST_SHOWN: Final = 5


def original_run(
    store: RunLogStore,
    run_id: str,
    *,
    assume_lost: bool = False,
    settle: Callable[[RunRecord], None] | None = None,
) -> RunRecord:
    """The run to resume, by its id, a prefix of it, or as `latest`.

    InvalidInput when there is none, more than one, it may still be running, or a part of it was imported. With `assume_lost` a run counts as lost if
    this machine cannot tell whether it is running. `settle` is called for a run whose process is gone, or that failed: jobs
    of it may still run. It returns when the run may be resumed.
    """
    if not store.capabilities.persistent:
        fix = "configure a run log store of type file-system"
        raise InvalidInput("runs whose run log was kept in memory cannot be run again", fix=fix)
    record = find_run(store, run_id)
    if record.status not in ENDED:
        _refuse_running(store, record, assume_lost=assume_lost)
    if IMPORTING in record.run_config:
        message = f"the run '{record.run_id}' is not here as a whole: its import was killed"
        raise InvalidInput(message, fix="import its archive again (magnus import)")
    if settle is not None and record.status is not Status.SUCCESS:
        settle(record)
    return record


def _refuse_running(store: RunLogStore, run: RunRecord, *, assume_lost: bool) -> None:
    """InvalidInput for a run that runs, may run, or was killed and left processes that still run."""
    if liveness.runs_here(run.owner):
        raise InvalidInput(f"the run '{run.run_id}' is still running", fix="wait for its end, or end it")
    if liveness.lost(run.owner):
        processes = _remaining_processes(run)
        if processes:
            message = f"the run '{run.run_id}' was killed, but processes of it are still running: "
            numbers = " ".join(map(str, processes))
            raise InvalidInput(message + _titles(processes), fix=f"wait for their end, or end them: kill {numbers}")
    elif (doubt := liveness.doubt(run.owner)) and not assume_lost:
        message = f"the run '{run.run_id}' may still be running: {doubt}, and it has recorded nothing since "
        fix = "make sure that it has stopped, then add --assume-lost (in Python: assume_lost=True)"
        raise InvalidInput(f"{message}{_last_record(store, run):%Y-%m-%d %H:%M:%S} UTC", fix=fix)


def _remaining_processes(run: RunRecord) -> list[int]:
    """The processes of a run that was killed, when they have had the time to end with it."""
    is_of_run = descendants.of_lost_run(run.run_id, run.owner.pid)
    deadline = monotonic() + _ENDING_SECONDS
    while (processes := descendants.alive(is_of_run)) and monotonic() < deadline:
        sleep(_LOOK_AGAIN_SECONDS)
    return processes


def _titles(processes: Sequence[int]) -> str:
    titles = (f"{process} ({title})" for process in processes[:_MOST_SHOWN] if (title := descendants.title(process)))
    more = ", and more" if len(processes) > _MOST_SHOWN else ""
    return ", ".join(titles) + more


def _last_record(store: RunLogStore, run: RunRecord) -> datetime:
    """When the run recorded something for the last time, as far as its steps outside branches say."""
    ends = (attempt.end_time for step in store.list_steps(run.run_id, BranchPath()) for attempt in step.attempts)
    return max(ends, default=run.start_time)


def pipeline_of(original: RunRecord) -> tuple[str, BuiltPipeline | None]:
    """The pipeline file of a run, and the pipeline if a program built it.

    InvalidInput when the pipeline calls functions that only its program has.
    """
    file = str(original.run_config.get("pipeline_file", ""))
    built = importable_pipeline(
        original, file, fix=f"execute it in the program again, with execute(use_cached={original.run_id!r})"
    )
    return file, None if file.endswith((".yaml", ".yml", ".json")) else built


def importable_pipeline(run: RunRecord, file: str, *, fix: str) -> BuiltPipeline:
    """The pipeline as the run log has it, with the files that it names; `file` is the path of its file now.

    If a program built it, its modules can be imported afterwards, as for a script that is run. InvalidInput, with the
    `fix`, when the pipeline calls functions that only its program has.
    """
    if local := run.run_config.get("local_functions"):
        message = (
            f"the pipeline of the run '{run.run_id}' calls functions that only its program has: {', '.join(local)}"
        )
        raise InvalidInput(message, fix=fix)
    folder = str(Path(file).absolute().parent)
    if file.endswith(".py") and folder not in sys.path:
        sys.path.insert(0, folder)
    return recorded_pipeline({**run.run_config, "pipeline_file": file})


def merged_parameters(original: RunRecord, new: Scope) -> Scope:
    """The initial parameters of the original under new ones; InvalidInput for a masked value without a new one."""
    parameters = {**original.parameters, **new}
    masked = [name for name in masked_parameters(original.parameters) if name not in new]
    if masked:
        message = f"the initial parameter '{masked[0]}' of the run '{original.run_id}' held a secret, and is not in its run log"
        raise InvalidInput(message, fix=f"give it again: --{masked[0]} VALUE")
    return parameters

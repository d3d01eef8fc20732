"""The run that another one goes on with, and its pipeline. Called by `app.prepare`.

Nothing of the original is changed.
"""

import sys
from pathlib import Path

from magnus.app.finding import find_run
from magnus.definition.built import BuiltPipeline
from magnus.definition.yaml_text import Document
from magnus.engine import liveness
from magnus.engine.masked_runs import masked_parameters
from magnus.errors import InvalidInput
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.parameters import Scope
from magnus.run_log.records import ENDED, RunRecord


def original_run(store: RunLogStore, run_id: str) -> RunRecord:
    """The run to resume, by its id, the beginning of it, or as `latest`.

    InvalidInput when there is none, more than one, or its process is still there.
    """
    if not store.capabilities.persistent:
        fix = "configure a run log store of type file-system"
        raise InvalidInput("runs whose run log was kept in memory cannot be run again", fix=fix)
    record = find_run(store, run_id)
    if record.status not in ENDED and liveness.runs_here(record.owner):
        raise InvalidInput(f"the run '{record.run_id}' is still running", fix="wait for its end, or end it")
    return record


def pipeline_of(original: RunRecord) -> tuple[str, BuiltPipeline | None]:
    """The pipeline file of a run; for one that a program built, what it built.

    InvalidInput when there are functions in it that only its program has.
    """
    config = original.run_config
    if local := config.get("local_functions"):
        message = f"the pipeline of the run '{original.run_id}' calls what its program alone has: {', '.join(local)}"
        fix = f"execute it in the program again, with execute(use_cached={original.run_id!r})"
        raise InvalidInput(message, fix=fix)
    file = str(config.get("pipeline_file", ""))
    if not file.endswith((".yaml", ".yml", ".json")):
        folder = str(Path(file).absolute().parent)
        if file.endswith(".py") and folder not in sys.path:  # as for a script that is run
            sys.path.insert(0, folder)
        return file, BuiltPipeline(Document(file, {"dag": config.get("dag")}, {}, {}), {})
    return file, None


def merged_parameters(original: RunRecord, given: Scope) -> Scope:
    """The initial parameters of the original, and those that are given anew; InvalidInput for one that was masked."""
    parameters = {**original.parameters, **given}
    gone = [name for name in masked_parameters(original.parameters) if name not in given]
    if gone:
        message = (
            f"the initial parameter '{gone[0]}' of the run '{original.run_id}' held a secret, and is not in its run log"
        )
        raise InvalidInput(message, fix=f"give it again: --{gone[0]} VALUE")
    return parameters

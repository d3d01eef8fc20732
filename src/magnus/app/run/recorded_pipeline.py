"""Loads the pipeline of an existing run from its record, so that every process of a run has the same pipeline.

Called by `app.run.prepare` for processes that continue a run. The pipeline was checked when the run was created.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from magnus.app.run.load_pipeline import find_node_type, python_file
from magnus.definition.loader import LoadedPipeline, load_recorded
from magnus.errors import RunNotFound
from magnus.interfaces.run_log_store import HoldsConnection, RunLogStore

_DAG: Final = "dag"


def pipeline_of_run(
    store: RunLogStore, run_id: str, environment: Mapping[str, str], working_directory: Path
) -> LoadedPipeline | None:
    """The pipeline in the record; None if there is no such run yet, or if functions in it are in its program alone.

    InvalidDefinition if this process misses a variable or a node type of it.
    """
    if isinstance(store, HoldsConnection):
        store.connect_by_statement()
    try:
        run = store.get_run(run_id)
    except RunNotFound:
        return None
    config = run.run_config
    if _DAG not in config or config.get("local_functions"):
        return None
    file = str(config.get("pipeline_file", ""))
    _find_modules_beside(file, working_directory)
    return load_recorded(
        file,
        {**config.get("included", {}), file: config[_DAG]},
        environment,
        find_node_type,
        dag_hash=run.dag_hash,
        variables=frozenset(config.get("variables", ())),
    )


def _find_modules_beside(file: str, working_directory: Path) -> None:
    """Let imports find the modules beside a python file, as they do where the file is run."""
    script, _ = python_file(file)
    if script:
        for folder in (str(working_directory), str((working_directory / script).parent)):
            if folder not in sys.path:
                sys.path.insert(0, folder)

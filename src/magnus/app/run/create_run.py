"""Creates the record of a prepared run with its provenance, and the context of its steps with the run's reporter.

Called by the use cases that create a run or run a part of one.
"""

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from threading import Lock

from magnus.app.composition import executors, run_context
from magnus.app.composition.configuration import hashes_of_variables
from magnus.app.inspect.step_code import code_of_steps, encoded_code
from magnus.app.run.prepare import PreparedRun
from magnus.engine.context import RunContext, now
from magnus.engine.provenance.environment import environment
from magnus.engine.secrets import mask_run
from magnus.errors import CatalogError, Problem, RunExists
from magnus.interfaces.catalog import Catalog, KeepsChanges, StoresBlobs
from magnus.interfaces.reporter import Event, Reporter, Warned
from magnus.run_log.records import Owner, RunRecord, Status
from magnus.run_log.run_ids import new_run_id
from magnus.values import Json


def begin(prepared: PreparedRun, owner: Owner, reporter: Reporter) -> RunRecord:
    """Create the run of `owner` in the run log; RunExists when the given run id is in use.

    Changes of the code are kept then; that they cannot be is a warning.
    """
    asked = prepared.execution
    while True:
        started = now()
        record = RunRecord(
            run_id=asked.run_id or new_run_id(started, os.urandom),
            status=Status.PROCESSING,
            dag_hash=prepared.pipeline.dag_hash,
            start_time=started,
            owner=owner,
            tag=asked.tag,
            use_cached=prepared.original is not None,
            original_run_id="" if prepared.original is None else prepared.original.run_id,
            parameters=prepared.parameters,
            code_identities=prepared.code_identities,
            run_config=_run_config(prepared),
        )
        try:
            prepared.services.run_log_store.create_run(record)
        except RunExists:
            if asked.run_id:
                raise
        else:
            _keep_changes(prepared, record.run_id, reporter)
            return record


def _keep_changes(prepared: PreparedRun, run_id: str, reporter: Reporter) -> None:
    catalog = prepared.services.catalog
    if prepared.changes and isinstance(catalog, KeepsChanges):
        try:
            catalog.keep_changes(run_id, prepared.changes)
        except CatalogError as error:
            [problem] = error.problems
            message = f"what differs from the commit is not kept: {problem.message}"
            reporter.report(Warned(str(Problem(message, problem.fix, severity="warning"))))


def _run_config(prepared: PreparedRun) -> Mapping[str, Json]:
    asked, configuration, pipeline = prepared.execution, prepared.configuration, prepared.pipeline
    runs_in = environment(sys.path, asked.working_directory)
    made_of = prepared.code if prepared.code is not None else code_of_steps(pipeline.steps, asked.working_directory)
    names = sorted(pipeline.variables | configuration.variables)
    return {
        **configuration.as_json(),
        "pipeline_file": asked.file,
        "parameters_file": asked.parameters_file,
        "configuration_file": configuration.file,
        "variables": names,
        "dag": pipeline.dag,
        "command_line": mask_run.masked_command_line(asked.command_line),
        "environment": runs_in.facts,
        **facts(
            variable_hashes=hashes_of_variables(names, asked.environment),
            included=dict(pipeline.included),
            local_functions=sorted(pipeline.functions),
            code=encoded_code(made_of),
            from_step=asked.from_step,
            outdated={} if prepared.plan is None else {**prepared.plan.outdated_paths},
            packages=kept(prepared.services.catalog, runs_in.packages),
            changes=content(prepared.changes) if prepared.changes else {},
        ),
    }


def context_of(
    prepared: PreparedRun, reporter: Reporter, *, runs_together: bool = False
) -> AbstractContextManager[RunContext]:
    """The context of the run that is asked for.

    With `runs_together` this process runs steps for which the engine otherwise has a process each.
    """
    asked = prepared.execution
    return run_context.run_context(
        asked.run_id,
        prepared.pipeline.graph,
        prepared.services,
        OneAtATime(reporter),
        working_directory=asked.working_directory,
        temporary=run_context.temporary_folder(asked.environment),
        tag=asked.tag,
        definition_file=asked.file,
        configuration_file=prepared.configuration.file,
        shared=_shared(prepared, runs_together=runs_together),
    )


def _shared(prepared: PreparedRun, *, runs_together: bool) -> Sequence[Path] | None:
    """The folders that steps share where each works in a copy of the project; None where they work in the project.

    Steps that run together work apart if the engine's processes do. What these share stays shared: volumes, and a project
    that is in one.
    """
    project = prepared.execution.working_directory
    capabilities = executors.executor_capabilities(prepared.configuration)
    shared = tuple(Path(folder) for folder in capabilities.shares)
    is_apart = runs_together and capabilities.apart and not any(project.is_relative_to(folder) for folder in shared)
    return shared if capabilities.copies_project or is_apart else None


def facts(**known: Json) -> Mapping[str, Json]:
    """Those of the facts that there are."""
    return {name: fact for name, fact in known.items() if fact}


def kept(catalog: Catalog, fact: bytes) -> Mapping[str, Json]:
    """How the run log speaks of a fact that the catalog keeps once for all runs; nothing where it cannot be kept."""
    if isinstance(catalog, StoresBlobs):
        with suppress(CatalogError):
            catalog.store_blob(fact)
            return content(fact)
    return {}


def content(data: bytes) -> Mapping[str, Json]:
    """How the run log speaks of content in the catalog; `magnus gc` goes by it."""
    return {"data_hash": hashlib.sha256(data, usedforsecurity=False).hexdigest(), "size": len(data)}


class Quiet:
    """Shows nothing, where nobody looks."""

    def report(self, event: Event) -> None:
        """Show nothing."""


class OneAtATime:
    """Hands events of any thread to a reporter, one at a time, and what is to be said once only once."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._lock = Lock()
        self._said: set[str] = set()

    def report(self, event: Event) -> None:
        """Show the event when its turn comes."""
        with self._lock:
            if isinstance(event, Warned) and event.once:
                if event.once in self._said:
                    return
                self._said.add(event.once)
            self._reporter.report(event)

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
from magnus.engine.provenance import environment
from magnus.engine.secrets import mask_run
from magnus.errors import CatalogError, Problem, RunExists
from magnus.interfaces.catalog import Catalog, KeepsChanges, StoresBlobs
from magnus.interfaces.reporter import Event, Reporter, Warned
from magnus.run_log.records import Owner, RunRecord, Status
from magnus.run_log.run_ids import new_run_id
from magnus.values import Json


def create_run(prepared: PreparedRun, owner: Owner, reporter: Reporter) -> RunRecord:
    """Create the run of `owner` in the run log; RunExists when the requested run id is in use.

    It also stores uncommitted changes of the code, and warns when it cannot.
    """
    request = prepared.request
    while True:
        started = now()
        record = RunRecord(
            run_id=request.run_id or new_run_id(started, os.urandom),
            status=Status.PROCESSING,
            dag_hash=prepared.pipeline.dag_hash,
            start_time=started,
            owner=owner,
            tag=request.tag,
            use_cached=prepared.original is not None,
            original_run_id="" if prepared.original is None else prepared.original.run_id,
            parameters=prepared.parameters,
            code_identities=prepared.code_version.identities,
            run_config=_run_config(prepared),
        )
        try:
            prepared.services.run_log_store.create_run(record)
        except RunExists:
            if request.run_id:
                raise
        else:
            _keep_changes(prepared, record.run_id, reporter)
            return record


def _keep_changes(prepared: PreparedRun, run_id: str, reporter: Reporter) -> None:
    catalog = prepared.services.catalog
    if prepared.code_version.changes and isinstance(catalog, KeepsChanges):
        try:
            catalog.keep_changes(run_id, prepared.code_version.changes)
        except CatalogError as error:
            [problem] = error.problems
            message = f"the changes since the commit are not stored: {problem.message}"
            reporter.report(Warned(str(Problem(message, problem.fix, severity="warning"))))


def _run_config(prepared: PreparedRun) -> Mapping[str, Json]:
    request, configuration, pipeline = prepared.request, prepared.configuration, prepared.pipeline
    runs_in = environment(sys.path, request.working_directory)
    code = prepared.code if prepared.code is not None else code_of_steps(pipeline.steps, request.working_directory)
    names = sorted(pipeline.variables | configuration.variables)
    return {
        **configuration.as_json(),
        "pipeline_file": request.file,
        "parameters_file": request.parameters_file,
        "configuration_file": configuration.file,
        "variables": names,
        "dag": pipeline.dag,
        "command_line": mask_run.masked_command_line(request.command_line),
        "environment": runs_in.facts,
        **facts(
            variable_hashes=hashes_of_variables(names, request.environment),
            included=dict(pipeline.included),
            local_functions=sorted(pipeline.functions),
            code=encoded_code(code),
            from_step=request.from_step,
            no_cache=request.no_cache,
            refresh=list(request.refresh),
            until=request.until,
            reproduces=request.reproduces,
            outdated={} if prepared.plan is None else {**prepared.plan.outdated_paths},
            packages=stored_blob(prepared.services.catalog, runs_in.packages),
            changes=content(prepared.code_version.changes) if prepared.code_version.changes else {},
        ),
    }


def context_of(
    prepared: PreparedRun, reporter: Reporter, *, runs_together: bool = False
) -> AbstractContextManager[RunContext]:
    """The context of the requested run.

    With `runs_together` this process runs steps that otherwise have a process of the engine each.
    """
    request = prepared.request
    return run_context.run_context(
        request.run_id,
        prepared.pipeline.graph,
        prepared.services,
        SerializedReporter(reporter),
        working_directory=request.working_directory,
        temporary=run_context.temporary_folder(request.environment),
        tag=request.tag,
        definition_file=request.file,
        configuration_file=prepared.configuration.file,
        shared=_shared(prepared, runs_together=runs_together),
        own_folders=_own_folders(prepared),
    )


def _own_folders(prepared: PreparedRun) -> Sequence[Path]:
    """The folders in which the executor has files of its own."""
    keeps = executors.executor_capabilities(prepared.configuration).keeps
    return [prepared.request.working_directory / folder for folder in keeps]


def _shared(prepared: PreparedRun, *, runs_together: bool) -> Sequence[Path] | None:
    """The folders that steps share where each works in a copy of the project; None where they work in the project.

    Steps that run together work apart if the engine's processes do. They share the volumes of these processes, and a
    project that is in a volume.
    """
    project = prepared.request.working_directory
    capabilities = executors.executor_capabilities(prepared.configuration)
    shared = tuple(Path(folder) for folder in capabilities.shares)
    is_apart = runs_together and capabilities.apart and not any(project.is_relative_to(folder) for folder in shared)
    return shared if capabilities.copies_project or is_apart else None


def facts(**values: Json) -> Mapping[str, Json]:
    """The facts that are not empty."""
    return {name: fact for name, fact in values.items() if fact}


def stored_blob(catalog: Catalog, fact: bytes) -> Mapping[str, Json]:
    """Store a fact in the catalog, once for all runs; returns its reference for the run log, or nothing if that fails."""
    if isinstance(catalog, StoresBlobs):
        with suppress(CatalogError):
            catalog.store_blob(fact)
            return content(fact)
    return {}


def content(data: bytes) -> Mapping[str, Json]:
    """The reference of the run log to content in the catalog; `magnus gc` reads it."""
    return {"data_hash": hashlib.sha256(data, usedforsecurity=False).hexdigest(), "size": len(data)}


class Quiet:
    """Shows nothing, where nobody looks."""

    def report(self, event: Event) -> None:
        """Show nothing."""


class SerializedReporter:
    """Passes events of all threads to a reporter, one at a time, and warnings that are shown once only once."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._lock = Lock()
        self._shown_once: set[str] = set()

    def report(self, event: Event) -> None:
        """Show the event when its turn comes."""
        with self._lock:
            if isinstance(event, Warned) and event.once:
                if event.once in self._shown_once:
                    return
                self._shown_once.add(event.once)
            self._reporter.report(event)

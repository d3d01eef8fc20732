"""The use case *execute*: a pipeline file becomes a run and a run log."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from magnus.app import comparable, wiring
from magnus.app.check import check_steps, step_problems
from magnus.app.config import initial_parameters, load_configuration
from magnus.app.configuration import Configuration, hashes_of_variables
from magnus.app.overrides import check_overrides
from magnus.app.pipelines import examine_pipeline
from magnus.app.reporters import OneAtATime
from magnus.app.resume import merged_parameters, original_run, pipeline_of
from magnus.app.run_ids import check_run_id, new_run_id
from magnus.app.sources import code, sources
from magnus.app.whole_files import write_whole
from magnus.definition.built import BuiltPipeline
from magnus.definition.loader import LoadedPipeline
from magnus.definition.variables import PREFIX as VARIABLE_PREFIX
from magnus.definition.yaml_text import dump
from magnus.engine import code_diff, code_identity, command_line, liveness, orchestrator
from magnus.engine.claim import claimed
from magnus.engine.context import RunContext, Services, now
from magnus.engine.environment import environment
from magnus.errors import (
    CatalogError,
    InvalidConfiguration,
    InvalidDefinition,
    InvalidInput,
    MagnusError,
    Problem,
    RunExists,
    in_order,
)
from magnus.interfaces.capabilities import Reach
from magnus.interfaces.catalog import KeepsChanges
from magnus.interfaces.executor import Begun
from magnus.interfaces.reporter import Planned, Reporter, Warned
from magnus.interfaces.run_log_store import KeepsDocuments, RunLogStore
from magnus.run_log.parameters import Scope
from magnus.run_log.records import CodeIdentity, Owner, RunRecord, Status
from magnus.run_log.view import document_lines
from magnus.values import Json

if TYPE_CHECKING:
    from magnus.app.plan import Plan  # lazy: only runs that go on with another one have a plan

DEFAULT_PIPELINE: Final = "pipeline.yaml"


class Execution(Struct, frozen=True):
    """What the user asked for; `environment` is input too.

    `arguments` are the `--name value` of the command line, `parameters` are values that win over those. `built` is the
    pipeline where a program built it; `definition_file` is then what it is written to for executors that read it.
    `use_cached` is a run to go on with, whose pipeline and parameters count where nothing else is said; with `strict`
    nothing may have changed since.
    `command_line` is recorded, and not read otherwise.
    """

    file: str
    configuration_file: str = ""
    parameters_file: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""
    run_id: str = ""
    parameters: Mapping[str, Json] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    built: BuiltPipeline | None = None
    definition_file: str = ""
    use_cached: str = ""
    strict: bool = False
    working_directory: Path = field(default_factory=Path.cwd)
    command_line: tuple[str, ...] = ()


class Prepared(Struct, frozen=True):
    """Everything that is known, and checked, before a run begins; `changes` differ from the commit, where that is kept."""

    execution: Execution
    configuration: Configuration
    pipeline: LoadedPipeline
    parameters: Scope
    services: Services
    code_identities: tuple[CodeIdentity, ...]
    sources: Mapping[str, Json] = field(default_factory=dict)
    original: RunRecord | None = None
    plan: "Plan | None" = None
    begun: Begun | None = None
    changes: bytes = b""


def execute(prepared: Prepared, reporter: Reporter, emit: Callable[[str], None]) -> RunRecord:
    """Run the pipeline to its end and `emit` the run log document, piece by piece; returns the ended run.

    Raises InvalidInput before anything ran, ServiceError when a service failed in a way that ended the run, and passes
    KeyboardInterrupt on; the run log says what happened in each case in which the run had begun.
    """
    store = prepared.services.run_log_store
    begun = nullcontext() if prepared.begun is None else closing(prepared.begun)
    with begun, closing(store), _steps_of_one_run(prepared), context_of(prepared, reporter) as opened:
        record = begin(prepared, liveness.this_process(), reporter)
        context = replace(opened, run_id=record.run_id)
        try:
            executor = wiring.executor(prepared.configuration, context, prepared.begun, _variables(prepared))
            ended = orchestrator.run(context, executor, record, prepared.original)
        except BaseException:
            with suppress(MagnusError):  # the error that is on its way matters more
                finish(store, record.run_id, emit)
            raise
        finish(store, record.run_id, emit)
    return ended


def _variables(prepared: Prepared) -> Mapping[str, str]:
    """The variables of the environment that pipeline and configuration use."""
    names = (VARIABLE_PREFIX + name for name in sorted(prepared.pipeline.variables | prepared.configuration.variables))
    given = prepared.execution.environment
    return {name: given[name] for name in names if name in given}


def _steps_of_one_run(prepared: Prepared) -> AbstractContextManager[None]:
    """What is to be held while steps run in this process."""
    spans = wiring.executor_capabilities(prepared.configuration).spans
    return claimed() if spans is Reach.PROCESS else nullcontext()


def configured_as(asked: Execution) -> Execution:
    """The same with the configuration of the run that it goes on with, when none is named."""
    if asked.configuration_file:
        return asked
    configuration = load_configuration("", asked.environment, asked.working_directory)
    with closing(wiring.run_log_store(configuration, asked.working_directory)) as store:
        original = original_run(store, asked.use_cached)
    return replace(asked, configuration_file=str(original.run_config.get("configuration_file") or ""))


def transpiles(asked: Execution) -> bool:
    """Whether the executor is another engine, for which the pipeline is written down and not run."""
    configuration = load_configuration(asked.configuration_file, asked.environment, asked.working_directory)
    return wiring.transpiler(configuration) is not None


def prepare_to_execute(asked: Execution, reporter: Reporter) -> Prepared:
    """As `prepare`, for `execute`: what the executor can start early gets ready meanwhile."""
    configuration = load_configuration(asked.configuration_file, asked.environment, asked.working_directory)
    begun = wiring.begin(configuration)
    try:
        return replace(_prepared(asked, configuration, reporter), begun=begun)
    except BaseException:
        if begun is not None:
            begun.close()
        raise


def prepare(asked: Execution, reporter: Reporter) -> Prepared:
    """Read and check everything; InvalidInput carries all that is wrong with the part that is."""
    configuration = load_configuration(asked.configuration_file, asked.environment, asked.working_directory)
    return _prepared(asked, configuration, reporter)


def _prepared(asked: Execution, configuration: Configuration, reporter: Reporter) -> Prepared:
    if asked.run_id:
        check_run_id(asked.run_id)
    spread = wiring.executor_capabilities(configuration)
    services = wiring.services(configuration, asked.working_directory)
    misfits = wiring.incompatibilities(configuration, services)
    if any(problem.severity == "error" for problem in misfits):
        raise InvalidConfiguration.of(misfits)
    hidden = wiring.hidden_folders(services)
    original = original_run(services.run_log_store, asked.use_cached) if asked.use_cached else None
    asked = like_original(asked, original)
    question = code_identity.asked(asked.working_directory, asked.environment, hidden)
    wanted = isinstance(services.catalog, KeepsChanges) and services.catalog.capture_diff
    diff = code_diff.asked(asked.working_directory, asked.environment, hidden) if wanted else None
    try:
        pipeline = _loaded(asked, spread.spans)
        if spread.mocks:
            pipeline = wiring.mocked(configuration, pipeline)
        given, warnings = initial_parameters(
            asked.parameters_file, asked.environment, asked.arguments, asked.parameters
        )
        warnings += check_steps(pipeline, asked.working_directory, spread.spans)
        check_overrides(pipeline, configuration)
        files = sources(pipeline.steps, asked.working_directory)
    finally:
        identities, changes = code_identity.answer(question), code_diff.answer(diff)
    if asked.built is not None and spread.reenters:
        asked = replace(asked, file=_written(asked.built, asked.definition_file, asked.working_directory))
    for warning in (*misfits, *pipeline.warnings, *warnings):
        reporter.report(Warned(str(warning)))
    parameters = given if original is None else merged_parameters(original, given)
    prepared = Prepared(
        asked, configuration, pipeline, parameters, services, identities, files, original, changes=changes
    )
    return prepared if original is None else _planned(prepared, original, reporter)


def _loaded(asked: Execution, spans: Reach) -> LoadedPipeline:
    """The pipeline; InvalidDefinition carries all that is wrong with it and with the steps that could be read."""
    examined = examine_pipeline(asked.file, asked.built, asked.environment, asked.working_directory)
    if examined.pipeline is not None:
        return examined.pipeline
    found = (*examined.problems, *step_problems(examined.steps, asked.working_directory, spans))
    raise InvalidDefinition.of(in_order(problem for problem in found if problem.severity == "error"))


def like_original(asked: Execution, original: RunRecord | None) -> Execution:
    """What is asked for with the tag and the pipeline of the original, or the default pipeline, when none is named."""
    if original is not None and not asked.tag:
        asked = replace(asked, tag=original.tag)
    if asked.file or asked.built is not None:
        return asked
    if original is None:
        return replace(asked, file=DEFAULT_PIPELINE)
    file, built = pipeline_of(original)
    return replace(asked, file=file, built=built)


def _planned(prepared: Prepared, original: RunRecord, reporter: Reporter) -> Prepared:
    """The same with the plan, which is shown; InvalidInput when something changed that must not."""
    from magnus.app.changes import changes  # lazy: only runs that go on with another one have a plan
    from magnus.app.plan import plan  # lazy: likewise

    differences = changes(
        original, prepared.pipeline, prepared.parameters, prepared.sources, prepared.configuration.as_json()
    )
    found = plan(prepared.services, original, prepared.pipeline, prepared.parameters, tuple(differences))
    if prepared.execution.strict and found.changes:
        message = "\n".join((f"the run '{original.run_id}' cannot be gone on with as it was:", *found.changes))
        raise InvalidInput(message, fix="change it back, or leave out --strict")
    for line in found.lines():
        reporter.report(Planned(line))
    return replace(prepared, plan=found)


def _written(built: BuiltPipeline, file: str, working_directory: Path) -> str:
    """Write the pipeline that a program built to the file, for processes that read it from there."""
    text = dump(built.document.value)
    try:
        write_whole(working_directory / file, text)
    except OSError as error:
        message = f"the pipeline cannot be written to '{file}': {error.strerror}"
        raise InvalidInput(message, fix="name another file as output_pipeline_definition") from error
    return file


def begin(prepared: Prepared, owner: Owner, reporter: Reporter) -> RunRecord:
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


def _keep_changes(prepared: Prepared, run_id: str, reporter: Reporter) -> None:
    catalog = prepared.services.catalog
    if prepared.changes and isinstance(catalog, KeepsChanges):
        try:
            catalog.keep_changes(run_id, prepared.changes)
        except CatalogError as error:
            [problem] = error.problems
            message = f"what differs from the commit is not kept: {problem.message}"
            reporter.report(Warned(str(Problem(message, problem.fix, severity="warning"))))


def context_of(prepared: Prepared, reporter: Reporter) -> AbstractContextManager[RunContext]:
    """The context of the run that is asked for."""
    asked = prepared.execution
    return wiring.run_context(
        asked.run_id,
        prepared.pipeline.graph,
        prepared.services,
        OneAtATime(reporter),
        working_directory=asked.working_directory,
        temporary=wiring.temporary_folder(asked.environment),
        tag=asked.tag,
        definition_file=asked.file,
        configuration_file=prepared.configuration.file,
    )


def finish(store: RunLogStore, run_id: str, emit: Callable[[str], None]) -> None:
    """Keep the document of the run beside the records, where the store does that, and `emit` it."""
    lines = document(store, run_id)
    if isinstance(store, KeepsDocuments):
        store.write_document(run_id, _emitted(lines, emit))
    else:
        for line in lines:
            emit(line)


def document(store: RunLogStore, run_id: str) -> Iterator[str]:
    """The run log document as pieces of text; a run whose process is gone shows as lost. RunNotFound."""
    record = store.get_run(run_id)
    return document_lines(record, lambda branch: store.list_steps(run_id, branch), lost=liveness.lost(record.owner))


def _emitted(lines: Iterator[str], emit: Callable[[str], None]) -> Iterator[str]:
    for line in lines:
        emit(line)
        yield line


def _run_config(prepared: Prepared) -> Mapping[str, Json]:
    asked, configuration, pipeline = prepared.execution, prepared.configuration, prepared.pipeline
    runs_in = environment(sys.path, asked.working_directory)
    names = sorted(pipeline.variables | configuration.variables)
    return {
        **configuration.as_json(),
        "pipeline_file": asked.file,
        "parameters_file": asked.parameters_file,
        "configuration_file": configuration.file,
        "variables": names,
        "dag": pipeline.dag,
        "sources": dict(prepared.sources),
        "command_line": command_line.masked(asked.command_line),
        "environment": runs_in.facts,
        **comparable.facts(
            variable_hashes=hashes_of_variables(names, asked.environment),
            included=dict(pipeline.included),
            local_functions=sorted(pipeline.functions),
            code=code(pipeline.steps, asked.working_directory),
            packages=comparable.kept(prepared.services.catalog, runs_in.packages),
            changes=comparable.content(prepared.changes) if prepared.changes else {},
        ),
    }

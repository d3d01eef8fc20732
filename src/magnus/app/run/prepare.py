"""Reads and checks everything before a run starts.

Called by the use cases that run a pipeline or a part of it, or transpile it.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.composition import executors, services
from magnus.app.composition.configuration import Configuration
from magnus.app.composition.load_configuration import load_configuration
from magnus.app.inspect.step_code import Pieces, code_of_steps
from magnus.app.parameters.initial_parameters import InitialParameters, initial_parameters
from magnus.app.parameters.used_parameters import fitted_to_steps
from magnus.app.run.load_pipeline import examine_pipeline
from magnus.app.run.preflight import check_overrides, check_steps, step_problems
from magnus.app.run.request import RunRequest, with_defaults
from magnus.definition.compiler import StepPlace
from magnus.definition.loader import LoadedPipeline
from magnus.definition.variables import PREFIX as VARIABLE_PREFIX
from magnus.definition.yaml_text import dump
from magnus.engine.context import Services
from magnus.engine.provenance import CodeVersion
from magnus.errors import InvalidConfiguration, InvalidDefinition, InvalidInput, in_order
from magnus.interfaces.capabilities import ExecutorCapabilities
from magnus.interfaces.catalog import KeepsChanges
from magnus.interfaces.executor import WarmStart
from magnus.interfaces.reporter import Planned, Reporter, Warned
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.parameters import Scope
from magnus.run_log.records import RunRecord
from magnus.run_log.run_ids import check_new_run_id
from magnus.suggest import near
from magnus.system.atomic_files import write_text

if TYPE_CHECKING:
    from magnus.app.run.resume_plan import Plan  # lazy: only runs that resume another one have a plan
    from magnus.definition.built_pipeline import BuiltPipeline  # lazy: most pipelines are files

StepFilter: TypeAlias = Callable[[LoadedPipeline], Sequence[StepPlace]]
_EVERY_STEP: Final[StepFilter] = attrgetter("steps")


class PreparedRun(Struct, frozen=True):
    """Everything that a run needs, read and checked before it starts.

    `code_version` has the uncommitted changes, if they are stored; `code` is the code of the steps, if it was needed already.
    """

    request: RunRequest
    configuration: Configuration
    pipeline: LoadedPipeline
    parameters: Scope
    services: Services
    code_version: CodeVersion
    code: Mapping[str, Pieces] | None = None
    original: RunRecord | None = None
    plan: "Plan | None" = None
    warm_start: WarmStart | None = None


def transpiles(request: RunRequest) -> bool:
    """Whether the executor is another engine, so that the pipeline is transpiled and not run."""
    configuration = load_configuration(request.configuration_file, request.environment, request.working_directory)
    return executors.transpiler(configuration) is not None


def prepare_to_execute(request: RunRequest, reporter: Reporter) -> PreparedRun:
    """As `prepare`, for `execute`: meanwhile the executor starts what it can start early."""
    configuration = load_configuration(request.configuration_file, request.environment, request.working_directory)
    warm_start = executors.start_early(configuration)
    try:
        return replace(_prepared(request, configuration, reporter), warm_start=warm_start)
    except BaseException:
        if warm_start is not None:
            warm_start.close()
        raise


def prepare(
    request: RunRequest, reporter: Reporter, *, step_filter: StepFilter = _EVERY_STEP, continues: bool = False
) -> PreparedRun:
    """Read and check everything; InvalidInput carries all mistakes of the first part that has some.

    `step_filter` selects the steps that are checked one by one, if not all of them run in this process. With `continues`
    the process runs a part of the run `request.run_id`: if the run exists, the pipeline is the one in its record.
    """
    configuration = load_configuration(request.configuration_file, request.environment, request.working_directory)
    return _prepared(request, configuration, reporter, step_filter, continues=continues)


def _prepared(
    request: RunRequest,
    configuration: Configuration,
    reporter: Reporter,
    step_filter: StepFilter = _EVERY_STEP,
    *,
    continues: bool = False,
) -> PreparedRun:
    if request.run_id:
        check_new_run_id(request.run_id)
    spread = executors.executor_capabilities(configuration)
    service_set = services.services(configuration, request.working_directory)
    misfits = executors.incompatibilities(configuration, service_set, request.working_directory)
    if any(problem.severity == "error" for problem in misfits):
        raise InvalidConfiguration.of(misfits)
    hidden = services.hidden_folders(service_set)
    original = _original(service_set, request, reporter)
    model = original or _reproduced(service_set, request)
    request = with_defaults(request, model, configuration.parameters_file)
    keeps_changes = isinstance(service_set.catalog, KeepsChanges) and service_set.catalog.capture_diff
    version = CodeVersion(request.working_directory, request.environment, hidden, with_changes=keeps_changes)
    if step_filter is _EVERY_STEP:  # a process that runs one part of a run creates it seldom
        version.start()
    try:
        recorded = _recorded(service_set.run_log_store, request) if continues else None
        pipeline = recorded or _loaded(request, spread)
        _check_named_steps(request, pipeline)
        if spread.mocks:
            from magnus.app.run import mocks  # lazy: most runs are no mocks

            pipeline = mocks.mocked(configuration, pipeline)
        initial = _initial(request, model)
        if step_filter is _EVERY_STEP and not spread.mocks:
            initial = fitted_to_steps(initial, pipeline.steps, service_set.catalog, request.working_directory)
        steps = step_filter(pipeline)
        warnings = check_steps(steps, request.working_directory, spread)
        warnings += check_overrides(pipeline, steps if recorded else pipeline.steps, configuration)
    finally:
        version.wait()
    if request.built is not None and spread.reenters:
        request = replace(request, file=_written(request.built, request.definition_file, request.working_directory))
    for warning in (*configuration.warnings, *misfits, *pipeline.warnings, *initial.warnings, *warnings):
        reporter.report(Warned(str(warning)))
    parameters = _merged(initial, model)
    prepared = PreparedRun(request, configuration, pipeline, parameters, service_set, version, original=original)
    return prepared if original is None else _planned(prepared, original, reporter)


def _check_named_steps(request: RunRequest, pipeline: LoadedPipeline) -> None:
    """InvalidInput for an option that names a step which is not in the pipeline, or not where it has to be."""
    if not request.refresh and not request.until:
        return
    names = [place.step for place in pipeline.steps]
    top = [name for name in names if "/" not in name]
    options = [*(("--refresh", name, names) for name in request.refresh), ("--until", request.until, top)]
    for option, name, allowed in options:
        if name and name not in allowed:
            match = near(name, allowed)
            fix = f"did you mean '{match}'?" if match else f"there are {', '.join(map(repr, allowed))}"
            where = "has no step of this name" if allowed is names else "has no step of this name outside branches"
            raise InvalidInput(f"{option} {name}: the pipeline {where}", fix=fix)


def _initial(request: RunRequest, original: RunRecord | None) -> InitialParameters:
    base = None if original is None else original.parameters
    return initial_parameters(request.parameters_file, request.environment, request.arguments, request.parameters, base)


def _merged(initial: InitialParameters, original: RunRecord | None) -> Scope:
    """The initial parameters, and parameters of the original that have no new value."""
    if original is None:
        return initial.scope
    from magnus.app.run.original_run import merged_parameters  # lazy: as above

    return merged_parameters(original, initial.scope)


def _original(services: Services, request: RunRequest, reporter: Reporter) -> RunRecord | None:
    if not request.use_cached:
        return None
    from magnus.app.run.original_run import original_run  # lazy: as above
    from magnus.app.run.running_jobs import RunningJobs

    jobs = RunningJobs(
        request.still_running, lambda line: reporter.report(Planned(line)), assume_lost=request.assume_lost
    )
    return original_run(services.run_log_store, request.use_cached, assume_lost=request.assume_lost, settle=jobs.settle)


def _reproduced(services: Services, request: RunRequest) -> RunRecord | None:
    return services.run_log_store.get_run(request.reproduces) if request.reproduces else None


def _loaded(request: RunRequest, spread: ExecutorCapabilities) -> LoadedPipeline:
    """The pipeline; InvalidDefinition carries all its mistakes and the mistakes of the steps that could be read."""
    examination = examine_pipeline(request.file, request.built, request.environment, request.working_directory)
    if examination.pipeline is not None:
        return examination.pipeline
    problems = (*examination.problems, *step_problems(examination.steps, request.working_directory, spread))
    raise InvalidDefinition.of(in_order(problem for problem in problems if problem.severity == "error"))


def _recorded(store: RunLogStore, request: RunRequest) -> LoadedPipeline | None:
    from magnus.app.run.recorded_pipeline import pipeline_of_run  # lazy: only parts of runs need it

    return pipeline_of_run(store, request.run_id, request.environment, request.working_directory)


def _planned(prepared: PreparedRun, original: RunRecord, reporter: Reporter) -> PreparedRun:
    """The same with the plan, which is shown; InvalidInput when something changed that must not."""
    from magnus.app.run.resume_plan import changes, plan  # lazy: only runs that resume another one have a plan

    folder = prepared.request.working_directory
    code = code_of_steps(prepared.pipeline.steps, folder)
    differences = tuple(
        changes(
            _with_code_that_ran(prepared, original),
            prepared.pipeline,
            prepared.parameters,
            code,
            prepared.configuration.as_json(),
        )
    )
    first = _first_step(prepared, original)
    resume_plan = plan(prepared.services, original, prepared.pipeline, prepared.parameters, differences, folder, first)
    if prepared.request.strict and resume_plan.changes:
        message = "\n".join((f"the run '{original.run_id}' cannot be resumed as it was:", *resume_plan.changes))
        raise InvalidInput(message, fix="change it back, or leave out --strict")
    for line in resume_plan.lines():
        reporter.report(Planned(line))
    return replace(prepared, plan=resume_plan, code=code, request=replace(prepared.request, from_step=first))


def _with_code_that_ran(prepared: PreparedRun, original: RunRecord) -> RunRecord:
    if not original.original_run_id:
        return original
    from magnus.app.compare.causes import with_code_that_ran  # lazy: most originals ran all their steps

    return with_code_that_ran(prepared.services, original)


def _first_step(prepared: PreparedRun, original: RunRecord) -> str:
    """The path in the original of the step to run from; "" for none, InvalidInput when it did not start there."""
    from magnus.app.inspect.find import find_step  # lazy: likewise

    request = prepared.request.from_step
    return str(find_step(prepared.services.run_log_store, original.run_id, request).record.path) if request else ""


def _written(built: "BuiltPipeline", file: str, working_directory: Path) -> str:
    """Write the pipeline that a program built to the file, for processes that read it from there."""
    text = dump(built.document.value)
    try:
        write_text(working_directory / file, text)
    except OSError as error:
        message = f"the pipeline cannot be written to '{file}': {error.strerror}"
        raise InvalidInput(message, fix="name another file as output_pipeline_definition") from error
    return file


def variables_used(
    environment: Mapping[str, str], pipeline: LoadedPipeline, configuration: Configuration
) -> Mapping[str, str]:
    """The variables of the environment that pipeline and configuration use."""
    names = (VARIABLE_PREFIX + name for name in sorted(pipeline.variables | configuration.variables))
    return {name: environment[name] for name in names if name in environment}

"""What is asked for when a pipeline is to be run, and everything that is read and checked before a run begins.

Called by the use cases that run a pipeline or a part of it, or write it down for another engine.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from magnus.app.composition import executors, services
from magnus.app.composition.configuration import Configuration
from magnus.app.composition.load_configuration import load_configuration
from magnus.app.composition.services import run_log_store
from magnus.app.inspect.step_code import Pieces, code_of_steps
from magnus.app.parameters.initial_parameters import InitialParameters, initial_parameters
from magnus.app.parameters.used_parameters import fitted_to_steps
from magnus.app.run.load_pipeline import examine_pipeline
from magnus.app.run.preflight import check_overrides, check_steps, step_problems
from magnus.definition.compiler import StepPlace
from magnus.definition.loader import LoadedPipeline
from magnus.definition.variables import PREFIX as VARIABLE_PREFIX
from magnus.definition.yaml_text import dump
from magnus.engine.context import Services
from magnus.engine.provenance import code_identity
from magnus.errors import InvalidConfiguration, InvalidDefinition, InvalidInput, in_order
from magnus.interfaces.capabilities import Locality
from magnus.interfaces.catalog import KeepsChanges
from magnus.interfaces.executor import WarmStart
from magnus.interfaces.reporter import Planned, Reporter, Warned
from magnus.run_log.parameters import Scope
from magnus.run_log.records import CodeIdentity, RunRecord
from magnus.run_log.run_ids import check_new_run_id
from magnus.system.atomic_files import write_text
from magnus.values import Json

if TYPE_CHECKING:
    from magnus.app.run.resume_plan import Plan  # lazy: only runs that go on with another one have a plan
    from magnus.definition.built_pipeline import BuiltPipeline  # lazy: most pipelines are files

DEFAULT_PIPELINE: Final = "pipeline.yaml"
WRITTEN_PIPELINE: Final = "magnus-pipeline.yaml"
StepFilter: TypeAlias = Callable[[LoadedPipeline], Sequence[StepPlace]]
_EVERY_STEP: Final[StepFilter] = attrgetter("steps")


class RunRequest(Struct, frozen=True):
    """What the user asked for; `environment` is input too.

    `arguments` are the `--name value` of the command line, `parameters` are values that win over those. `built` is the
    pipeline where a program built it; `definition_file` is then what it is written to for executors that read it.
    `use_cached` is a run to go on with, whose pipeline and parameters count where nothing else is said; with `strict`
    nothing may have changed since, and with `assume_lost` it may be one of which nobody here can tell that it has ended.
    `from_step` is the step of that run which runs anew, with all that follows, whatever succeeded.
    `workflow` is the unique id of the workflow of another engine that runs a part of the run, `workflow_name` what that
    engine calls it; "" where there is none.
    `log_level` is for processes that run steps elsewhere. `command_line` is recorded, and not read otherwise.
    """

    file: str
    configuration_file: str = ""
    parameters_file: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""
    run_id: str = ""
    parameters: Mapping[str, Json] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    built: "BuiltPipeline | None" = None
    definition_file: str = WRITTEN_PIPELINE
    use_cached: str = ""
    strict: bool = False
    assume_lost: bool = False
    from_step: str = ""
    log_level: str = ""
    workflow: str = ""
    workflow_name: str = ""
    working_directory: Path = field(default_factory=Path.cwd)
    command_line: tuple[str, ...] = ()


class PreparedRun(Struct, frozen=True):
    """Everything that is known, and checked, before a run begins.

    `changes` differ from the commit, where that is kept; `code` is that of the steps, where it was needed so far.
    """

    execution: RunRequest
    configuration: Configuration
    pipeline: LoadedPipeline
    parameters: Scope
    services: Services
    code_identities: tuple[CodeIdentity, ...]
    code: Mapping[str, Pieces] | None = None
    original: RunRecord | None = None
    plan: "Plan | None" = None
    warm_start: WarmStart | None = None
    changes: bytes = b""


def configured_as(asked: RunRequest) -> RunRequest:
    """The same with the configuration of the run that it goes on with, when none is named."""
    if asked.configuration_file:
        return asked
    from magnus.app.run.original_run import original_run  # lazy: most runs resume no other

    configuration = load_configuration("", asked.environment, asked.working_directory)
    with closing(run_log_store(configuration, asked.working_directory)) as store:
        original = original_run(store, asked.use_cached, assume_lost=asked.assume_lost)
    return replace(asked, configuration_file=str(original.run_config.get("configuration_file") or ""))


def transpiles(asked: RunRequest) -> bool:
    """Whether the executor is another engine, for which the pipeline is written down and not run."""
    configuration = load_configuration(asked.configuration_file, asked.environment, asked.working_directory)
    return executors.transpiler(configuration) is not None


def prepare_to_execute(asked: RunRequest, reporter: Reporter) -> PreparedRun:
    """As `prepare`, for `execute`: what the executor can start early gets ready meanwhile."""
    configuration = load_configuration(asked.configuration_file, asked.environment, asked.working_directory)
    warm_start = executors.begin(configuration)
    try:
        return replace(_prepared(asked, configuration, reporter), warm_start=warm_start)
    except BaseException:
        if warm_start is not None:
            warm_start.close()
        raise


def prepare(asked: RunRequest, reporter: Reporter, *, looked_at: StepFilter = _EVERY_STEP) -> PreparedRun:
    """Read and check everything; InvalidInput carries all that is wrong with the part that is.

    `looked_at` gives the steps of the pipeline that are checked one by one, where not all of them run here.
    """
    configuration = load_configuration(asked.configuration_file, asked.environment, asked.working_directory)
    return _prepared(asked, configuration, reporter, looked_at)


def _prepared(
    asked: RunRequest, configuration: Configuration, reporter: Reporter, looked_at: StepFilter = _EVERY_STEP
) -> PreparedRun:
    if asked.run_id:
        check_new_run_id(asked.run_id)
    spread = executors.executor_capabilities(configuration)
    built = services.services(configuration, asked.working_directory)
    misfits = executors.incompatibilities(configuration, built)
    if any(problem.severity == "error" for problem in misfits):
        raise InvalidConfiguration.of(misfits)
    hidden = services.hidden_folders(built)
    original = _original(built, asked)
    asked = like_original(asked, original)
    question = code_identity.start_commit_query(asked.working_directory, asked.environment, hidden)
    wanted = isinstance(built.catalog, KeepsChanges) and built.catalog.capture_diff
    diff = code_identity.start_diff_query(asked.working_directory, asked.environment, hidden) if wanted else None
    try:
        pipeline = _loaded(asked, spread.runs_on)
        if spread.mocks:
            from magnus.app.run import mocks  # lazy: most runs are no mocks

            pipeline = mocks.mocked(configuration, pipeline)
        initial = _initial(asked, original)
        if looked_at is _EVERY_STEP and not spread.mocks:
            initial = fitted_to_steps(initial, pipeline.steps, built.catalog, asked.working_directory)
        warnings = check_steps(looked_at(pipeline), asked.working_directory, spread.runs_on)
        check_overrides(pipeline, configuration)
    finally:
        identities, changes = code_identity.read_commit(question), code_identity.read_diff(diff)
    if asked.built is not None and spread.reenters:
        asked = replace(asked, file=_written(asked.built, asked.definition_file, asked.working_directory))
    for warning in (*configuration.warnings, *misfits, *pipeline.warnings, *initial.warnings, *warnings):
        reporter.report(Warned(str(warning)))
    parameters = _merged(initial, original)
    prepared = PreparedRun(
        asked, configuration, pipeline, parameters, built, identities, original=original, changes=changes
    )
    return prepared if original is None else _planned(prepared, original, reporter)


def _initial(asked: RunRequest, original: RunRecord | None) -> InitialParameters:
    base = None if original is None else original.parameters
    return initial_parameters(asked.parameters_file, asked.environment, asked.arguments, asked.parameters, base)


def _merged(initial: InitialParameters, original: RunRecord | None) -> Scope:
    """The initial parameters, with those of the original that are not set anew."""
    if original is None:
        return initial.scope
    from magnus.app.run.original_run import merged_parameters  # lazy: as above

    return merged_parameters(original, initial.scope)


def _original(services: Services, asked: RunRequest) -> RunRecord | None:
    if not asked.use_cached:
        return None
    from magnus.app.run.original_run import original_run  # lazy: as above

    return original_run(services.run_log_store, asked.use_cached, assume_lost=asked.assume_lost)


def _loaded(asked: RunRequest, runs_on: Locality) -> LoadedPipeline:
    """The pipeline; InvalidDefinition carries all that is wrong with it and with the steps that could be read."""
    examined = examine_pipeline(asked.file, asked.built, asked.environment, asked.working_directory)
    if examined.pipeline is not None:
        return examined.pipeline
    found = (*examined.problems, *step_problems(examined.steps, asked.working_directory, runs_on))
    raise InvalidDefinition.of(in_order(problem for problem in found if problem.severity == "error"))


def like_original(asked: RunRequest, original: RunRecord | None) -> RunRequest:
    """What is asked for with the tag and the pipeline of the original, or the default pipeline, when none is named."""
    if original is not None and not asked.tag:
        asked = replace(asked, tag=original.tag)
    if asked.file or asked.built is not None:
        return asked
    if original is None:
        return replace(asked, file=DEFAULT_PIPELINE)
    from magnus.app.run.original_run import pipeline_of  # lazy: as above

    file, built = pipeline_of(original)
    return replace(asked, file=file, built=built)


def _planned(prepared: PreparedRun, original: RunRecord, reporter: Reporter) -> PreparedRun:
    """The same with the plan, which is shown; InvalidInput when something changed that must not."""
    from magnus.app.compare.causes import with_code_that_ran  # lazy: likewise
    from magnus.app.run.resume_plan import changes, plan  # lazy: only runs that resume another one have a plan

    folder = prepared.execution.working_directory
    made_of = code_of_steps(prepared.pipeline.steps, folder)
    ran = with_code_that_ran(prepared.services, original)
    differences = tuple(changes(ran, prepared.pipeline, prepared.parameters, made_of, prepared.configuration.as_json()))
    first = _first_step(prepared, original)
    found = plan(prepared.services, original, prepared.pipeline, prepared.parameters, differences, folder, first)
    if prepared.execution.strict and found.changes:
        message = "\n".join((f"the run '{original.run_id}' cannot be resumed as it was:", *found.changes))
        raise InvalidInput(message, fix="change it back, or leave out --strict")
    for line in found.lines():
        reporter.report(Planned(line))
    return replace(prepared, plan=found, code=made_of, execution=replace(prepared.execution, from_step=first))


def _first_step(prepared: PreparedRun, original: RunRecord) -> str:
    """The path in the original of the step to run from; "" for none, InvalidInput when it did not begin there."""
    from magnus.app.inspect.find import find_step  # lazy: likewise

    asked = prepared.execution.from_step
    return str(find_step(prepared.services.run_log_store, original.run_id, asked).record.path) if asked else ""


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

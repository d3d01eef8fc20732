"""The composition root: builds the services of a configuration and the context of a run."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from magnus.app import plugins
from magnus.app.composition.configuration import Configuration, ServiceConfiguration, nowhere
from magnus.app.private_folder import private_folder
from magnus.app.services import catalog, class_of, engine_of, options_of, run_log_store, service
from magnus.engine.context import Clock, RunContext, Services
from magnus.engine.files.project_copy import ProjectCopy
from magnus.engine.interaction.channel import Channel
from magnus.engine.interaction.parameters_file import ParametersFile
from magnus.engine.interaction.tracking import StepNames, Tracking
from magnus.engine.output.capture import OutputCapture
from magnus.engine.processes import forks
from magnus.engine.processes.guard import Guard
from magnus.engine.secrets.masking import Masker
from magnus.engine.step.run_step import run_step
from magnus.errors import Problem, ServiceError
from magnus.graph.nodes import Graph, Reducer
from magnus.interfaces.capabilities import ExecutorCapabilities, Located
from magnus.interfaces.executor import Executor, ReentrySpec, StepRequest, WarmStart, WorkerSpec
from magnus.interfaces.experiment_tracker import ExperimentTracker
from magnus.interfaces.objects import Objects
from magnus.interfaces.pickler import Pickler
from magnus.interfaces.reporter import Reporter
from magnus.interfaces.task_kind import TaskKind
from magnus.interfaces.transpiler import Transpiler
from magnus.run_log.parameters import Parameter
from magnus.values import Json

if TYPE_CHECKING:
    from magnus.definition.loader import LoadedPipeline  # lazy: workers read no pipelines

_LONGEST_PARENT_BYTES: Final = 50


@cache
def task_kind(name: str) -> TaskKind:
    """The task kind of this name; InvalidConfiguration when there is none."""
    kind: TaskKind = plugins.find("tasks", name)()
    return kind


def services(configuration: Configuration, working_directory: Path) -> Services:
    """The services of the configuration."""
    tracker = configuration.experiment_tracker
    kept = catalog(configuration, working_directory)
    return Services(
        run_log_store=run_log_store(configuration, working_directory, lambda: kept),
        catalog=kept,
        secrets=service("secrets", configuration.secrets, working_directory),
        pickler=_pickler(configuration),
        experiment_tracker=service("experiment_tracker", tracker, working_directory),
        experiment_tracker_settings={
            "type": tracker.type,
            "config": dict(tracker.config),
            "working_directory": str(working_directory),
        },
        task_kind=task_kind,
        reduce=partial(_reduce, working_directory),
    )


def try_service(family: str, configuration: Configuration, working_directory: Path) -> None:
    """Build the service of the family alone; InvalidConfiguration with all that is wrong with it."""
    match family:
        case "executor":
            executor_type(configuration)
        case "pickler":
            _pickler(configuration)
        case _:
            service(family, getattr(configuration, family), working_directory)


def _pickler(configuration: Configuration) -> Pickler:
    found = class_of("pickler", configuration.pickler)
    made: Pickler = found(options_of("pickler", found, configuration.pickler))
    return made


def _reduce(
    working_directory: Path, reducer: Reducer, name: str, values: Sequence[Parameter], objects: Objects
) -> Parameter:
    from magnus.tasks.reducer import reduce_values  # lazy: most pipelines have no reducer

    return reduce_values(reducer, name, values, objects, working_directory)


def experiment_tracker(settings: Mapping[str, Json]) -> ExperimentTracker:
    """The experiment tracker of `Services.experiment_tracker_settings`, for another process."""
    configured = ServiceConfiguration(settings["type"], settings["config"], nowhere)
    tracker: ExperimentTracker = service("experiment_tracker", configured, Path(settings["working_directory"]))
    return tracker


def incompatibilities(configuration: Configuration, built: Services) -> list[Problem]:
    """What of the services does not fit the executor, or one another; each with the place it is configured at."""
    from magnus.app.compatibility import problems  # lazy: only used once, and by nobody else

    configured = {"run_log_store": configuration.run_log_store, "catalog": configuration.catalog}
    capabilities = {"run_log_store": built.run_log_store.capabilities, "catalog": built.catalog.capabilities}
    located = {"run_log_store": built.run_log_store, "catalog": built.catalog}
    locations = {family: service.location for family, service in located.items() if isinstance(service, Located)}
    all_built_in = all(plugins.is_built_in(family, service.type) for family, service in configured.items())
    if all_built_in and any(plugins.is_built_in(family, configuration.executor.type) for family in plugins.ENGINES):
        integrations = []
    else:
        integrations = plugins.load_all(plugins.PREFIX + "integration")
    return [
        Problem(problem.message, problem.fix, getattr(configuration, family).locate(), severity=problem.severity)
        for family, problem in problems(executor_capabilities(configuration), capabilities, integrations, locations)
    ]


def executor_capabilities(configuration: Configuration) -> ExecutorCapabilities:
    """How the executor of the configuration spreads steps."""
    found, options = executor_type(configuration)
    declared = found.capabilities
    spread: ExecutorCapabilities = declared(options) if callable(declared) else declared
    return spread


def executor(
    configuration: Configuration,
    context: RunContext,
    warm_start: WarmStart | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Executor:
    """The executor of the configuration, for the steps of the run of `context`; `warm_start` is what `begin` gave.

    `variables` are those of the environment that pipeline and configuration use.
    """
    found, options = executor_type(configuration)
    more = {} if warm_start is None else {"warm_start": warm_start}
    made: Executor = found(options, _Steps(configuration, context, variables), **more)
    return made


def begin(configuration: Configuration) -> WarmStart | None:
    """Start what the executor can start before the pipeline is known, if there is such a thing."""
    found, options = executor_type(configuration)
    warm_start: WarmStart | None = found.begin(options) if hasattr(found, "begin") else None
    return warm_start


class _Steps:
    """Runs the steps of a run, as a StepRunner."""

    def __init__(self, configuration: Configuration, context: RunContext, variables: Mapping[str, str]) -> None:
        self._configuration = configuration
        self._context = context
        self._variables = variables

    def __call__(self, request: StepRequest) -> None:
        run_step(self._context, request)

    def worker_spec(self) -> WorkerSpec:
        from magnus.app.dispatch.worker import worker_spec  # lazy: most runs have no workers

        return worker_spec(self._configuration, self._context)

    def reentry_spec(self) -> ReentrySpec:
        from magnus.app.dispatch.reentry_spec import reentry_spec  # lazy: as above

        return reentry_spec(self._configuration, self._context, self._variables)


def mocked(configuration: Configuration, pipeline: "LoadedPipeline") -> "LoadedPipeline":
    """The pipeline with its tasks mocked as the executor of the configuration says."""
    from magnus.app.mocking import mocked as with_mocks  # lazy: most runs are no mocks

    _, options = executor_type(configuration)
    return with_mocks(pipeline, options.patches, configuration.executor.locate)


def transpiler(configuration: Configuration) -> Transpiler | None:
    """What writes the pipeline down, where the executor of the configuration is another engine; else None."""
    family, found = engine_of(configuration.executor)
    if family != "transpiler":
        return None
    made: Transpiler = found(options_of("executor", found, configuration.executor))
    return made


def executor_type(configuration: Configuration) -> tuple[Any, Any]:
    """The class of the executor, or of the transpiler, and its options, checked."""
    _, found = engine_of(configuration.executor)
    return found, options_of("executor", found, configuration.executor)


def hidden_folders(built: Services) -> tuple[Path, ...]:
    """The folders in which services keep their own files."""
    located = (service.location for service in (built.catalog, built.run_log_store) if isinstance(service, Located))
    return tuple(located)


@contextmanager
def run_context(  # noqa: PLR0913 - what a run is made of
    run_id: str,
    graph: Graph,
    built: Services,
    reporter: Reporter,
    *,
    working_directory: Path,
    temporary: Path,
    masker: Masker | None = None,
    output: Path | None = None,
    tag: str = "",
    definition_file: str = "",
    configuration_file: str = "",
    copies_project: bool = False,
) -> Iterator[RunContext]:
    """The context of one run in this process; what it holds open is closed afterwards.

    In `temporary` it makes a folder for its own files, which is gone afterwards. `output` is the file for the output of
    steps, where it is to outlive this process. With `copies_project` each step works in a fresh copy of the project.
    """
    masker, clock = masker or Masker(), Clock()
    tracking = Tracking(
        built.experiment_tracker,
        built.experiment_tracker_settings,
        masker=masker,
        reporter=reporter,
        now=clock.now,
        monotonic=clock.monotonic,
        names=StepNames(built.run_log_store),
    )
    forks.watch()
    with ExitStack() as opened:
        opened.callback(tracking.close)
        try:
            folder = opened.enter_context(private_folder(temporary))
            guard = opened.enter_context(Guard(folder))
            channel = opened.enter_context(Channel(folder))
            parameters_file = opened.enter_context(ParametersFile(folder))
            output_capture = opened.enter_context(OutputCapture(masker, folder, output))
        except OSError as error:
            reason = f"no folder for the run can be made in '{temporary}': {error.strerror}"
            raise ServiceError(reason, fix="set TMPDIR to a folder that can be written") from error
        yield RunContext(
            run_id=run_id,
            graph=graph,
            services=built,
            reporter=reporter,
            working_directory=working_directory,
            folder=folder,
            output_capture=output_capture,
            channel=channel,
            guard=guard,
            masker=masker,
            parameters_file=parameters_file,
            tracking=tracking,
            clock=clock,
            hidden=hidden_folders(built),
            project_copy=ProjectCopy(working_directory, hidden_folders(built)) if copies_project else None,
            artifacts=str(built.catalog.location) if isinstance(built.catalog, Located) else "",
            tag=tag,
            definition_file=definition_file,
            configuration_file=configuration_file,
            script=_script(graph, working_directory),
        )


def _script(graph: Graph, working_directory: Path) -> Path | None:
    """The script that a command of the graph names first."""
    if not any(".py:" in task.task.command for task in graph.tasks()):
        return None
    from magnus.tasks.source.locate import split_script_command  # lazy: most pipelines call functions of modules

    found = (split_script_command(task.task.command, working_directory) for task in graph.tasks())
    return next((script[0] for script in found if script), None)


def temporary_folder(environment: Mapping[str, str]) -> Path:
    """Where the user wants temporary files, unless the path leaves no room for the name of a unix socket."""
    wanted = environment.get("TMPDIR", "")
    return Path(wanted if 0 < len(os.fsencode(wanted)) <= _LONGEST_PARENT_BYTES else "/tmp")  # noqa: S108

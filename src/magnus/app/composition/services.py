"""Makes a service of what is configured. Used where a run gets its services, and by what looks at runs and loads nothing else."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

from magnus.app.composition import plugins
from magnus.app.composition.configuration import Configuration, ServiceConfiguration, nowhere
from magnus.app.composition.picklers import ConfiguredPicklers
from magnus.definition import fields
from magnus.definition.wrong_fields import Complaint, WrongFields
from magnus.engine.context import Services
from magnus.engine.files.large_values import LargeValues
from magnus.engine.files.spilling_store import SpillingStore
from magnus.errors import InvalidConfiguration, Problem
from magnus.graph.nodes import Reducer
from magnus.interfaces.capabilities import Located, ServiceCapabilities
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.experiment_tracker import ExperimentTracker
from magnus.interfaces.objects import Objects
from magnus.interfaces.pickler import Pickler, Picklers
from magnus.interfaces.run_log_store import RunLogStore
from magnus.interfaces.task_kind import TaskKind
from magnus.run_log.parameters import Parameter
from magnus.values import Json


@cache
def task_kind(name: str) -> TaskKind:
    """The task kind of this name; InvalidConfiguration when there is none."""
    kind: TaskKind = plugins.find("tasks", name)()
    return kind


def services(configuration: Configuration, working_directory: Path) -> Services:
    """The services of the configuration."""
    tracker, folder = configuration.experiment_tracker, configuration.folder or working_directory
    kept = catalog(configuration, working_directory)
    return Services(
        run_log_store=run_log_store(configuration, working_directory, lambda: kept),
        catalog=kept,
        secrets=service("secrets", configuration.secrets, folder),
        picklers=picklers(configuration),
        experiment_tracker=service("experiment_tracker", tracker, folder),
        experiment_tracker_settings={
            "type": tracker.type,
            "config": dict(tracker.config),
            "working_directory": str(folder),
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
            service(family, getattr(configuration, family), configuration.folder or working_directory)


def picklers(configuration: Configuration) -> Picklers:
    """The picklers of a run; InvalidConfiguration when the configured one cannot be used."""
    return ConfiguredPicklers(_pickler(configuration))


def _pickler(configuration: Configuration) -> Pickler:
    pickler_class = class_of("pickler", configuration.pickler)
    pickler: Pickler = pickler_class(options_of("pickler", pickler_class, configuration.pickler))
    return pickler


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


def hidden_folders(built: Services) -> tuple[Path, ...]:
    """The folders in which services keep their own files, and the files of a service that has no folder."""
    located = (service for service in (built.catalog, built.run_log_store) if isinstance(service, Located))
    return tuple(path for service in located for path in _own_files(service.location, service.capabilities))


def _own_files(location: Path, capabilities: ServiceCapabilities) -> Iterator[Path]:
    yield location
    yield from (location.with_name(location.name + ending) for ending in capabilities.beside)


def executor_type(configuration: Configuration) -> tuple[Any, Any]:
    """The class of the executor, or of the transpiler, and its options, checked."""
    _, executor_class = engine_of(configuration.executor)
    return executor_class, options_of("executor", executor_class, configuration.executor)


def run_log_store(
    configuration: Configuration, working_directory: Path, kept: Callable[[], Catalog] | None = None
) -> RunLogStore:
    """The run log store of the configuration, which has large values in its catalog; `kept` is that, if it is made."""
    folder = configuration.folder or working_directory
    store: RunLogStore = service("run_log_store", configuration.run_log_store, folder)
    return SpillingStore(store, LargeValues(kept or partial(catalog, configuration, working_directory)))


def catalog(configuration: Configuration, working_directory: Path) -> Catalog:
    """The catalog of the configuration."""
    instance: Catalog = service("catalog", configuration.catalog, configuration.folder or working_directory)
    return instance


def service(family: str, configured: ServiceConfiguration, working_directory: Path) -> Any:
    """A service of this family; InvalidConfiguration when there is none of its type, or its options are wrong."""
    service_class = class_of(family, configured)
    options = options_of(family, service_class, configured)
    try:
        with _located(configured):
            return service_class(options, working_directory)
    except WrongFields as error:  # values that have the right type and mean nothing
        raise InvalidConfiguration.of(_wrong_options(error, family, configured)) from error


def class_of(family: str, configured: ServiceConfiguration) -> Any:
    """The class of the service; InvalidConfiguration with the place where the type is written when there is none."""
    with _located(configured):
        return plugins.find(family, configured.type)


def engine_of(configured: ServiceConfiguration) -> tuple[str, Any]:
    """The family and the class of what is configured as the executor; InvalidConfiguration likewise."""
    with _located(configured):
        return plugins.find_engine(configured.type)


@contextmanager
def _located(configured: ServiceConfiguration) -> Iterator[None]:
    """Add the place where the type is written."""
    try:
        yield
    except InvalidConfiguration as error:
        [problem] = error.problems
        raise InvalidConfiguration(problem.message, fix=problem.fix, location=configured.locate()) from error


def options_of(family: str, found: Any, configured: ServiceConfiguration) -> Any:
    """The options, as the class of the service wants them; InvalidConfiguration with all that is wrong with them."""
    try:
        _refuse_zero_bytes(configured.config)
        return fields.read(found.options, configured.config)
    except WrongFields as error:
        raise InvalidConfiguration.of(_wrong_options(error, family, configured)) from error


def _refuse_zero_bytes(config: Mapping[str, Json]) -> None:
    if wrong := list(_wrong_texts(dict(config))):
        raise WrongFields(wrong)


def _wrong_texts(value: Json, *path: str | int) -> Iterator[Complaint]:
    """The texts with a zero byte, which no name of a file, a server or a variable has."""
    match value:
        case dict():
            for name, inner in value.items():
                yield from _wrong_texts(inner, *path, name)
        case list():
            for number, inner in enumerate(value):
                yield from _wrong_texts(inner, *path, number)
        case str() if "\0" in value:
            yield Complaint(path, f"{path[-1]} holds a zero byte", "remove it")
        case _:
            pass


def _wrong_options(error: WrongFields, family: str, configured: ServiceConfiguration) -> list[Problem]:
    return error.problems(configured.locate, what=f"{family} '{configured.type}'")

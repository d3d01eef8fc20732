"""The use case *transpile*: a pipeline becomes the files with which another engine runs it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from magnus.app.composition import executors
from magnus.app.composition.configuration import Configuration
from magnus.app.parameters.initial_parameters import explicit_names
from magnus.app.run.prepare import RunRequest, prepare, variables_used
from magnus.definition.loader import LoadedPipeline
from magnus.errors import InvalidInput, Location
from magnus.graph.nodes import Node
from magnus.interfaces.reporter import Reporter, Warned
from magnus.interfaces.transpiler import TranspileRequest, TranspileResult
from magnus.run_log.parameters import Scope, plain
from magnus.system.atomic_files import write_text
from magnus.values import Json


def transpile(asked: RunRequest, reporter: Reporter) -> TranspileResult:
    """Check the pipeline, write the files of the engine, and return what was written.

    InvalidInput carries everything that is wrong with the pipeline, the configuration, or for the engine.
    """
    prepared = prepare(asked, reporter)
    asked = prepared.execution
    transpiler = executors.transpiler(prepared.configuration)
    assert transpiler is not None
    request = transpile_request(asked, prepared.configuration, prepared.pipeline, prepared.parameters)
    for problem in transpiler.problems(request):
        if problem.severity == "warning":
            reporter.report(Warned(str(problem)))
    transpiled = transpiler.transpile(request)
    for name, text in transpiled.files.items():
        _write(asked.working_directory / name, text)
    return transpiled


def transpile_request(
    asked: RunRequest, configuration: Configuration, pipeline: LoadedPipeline, known: Scope
) -> TranspileRequest:
    """What is written down. Of a parameters file simple values alone: the file is there for the processes too."""
    given = explicit_names((asked.arguments, asked.parameters), asked.environment, known)
    parameters: Mapping[str, Json] = {
        name: plain(value)
        for name, value in known.items()
        if name in given or isinstance(plain(value), str | int | float | bool)
    }
    folder = asked.working_directory
    return TranspileRequest(
        graph=pipeline.graph,
        definition_file=_inside(asked.file, folder),
        configuration_file=_inside(configuration.file, folder),
        parameters_file=_inside(asked.parameters_file, folder),
        tag=asked.tag,
        log_level=asked.log_level,
        run_id=asked.run_id,
        original_run_id=asked.use_cached,
        parameters=parameters,
        lengths={name: len(value) for name, known_as in known.items() if isinstance(value := plain(known_as), list)},
        executor=configuration.executor.type,
        variables=variables_used(asked.environment, pipeline, configuration),
        locate_option=configuration.executor.locate,
        locate_step=_places(pipeline),
    )


def _inside(file: str, folder: Path) -> str:
    """The file relative to the folder, which is another one elsewhere, where it is in there."""
    path = Path(file)
    return str(path.relative_to(folder)) if file and path.is_absolute() and path.is_relative_to(folder) else file


def _places(pipeline: LoadedPipeline) -> Callable[[Node, str], Location | None]:
    """Where a field of a step is written."""

    def locate(node: Node, field: str) -> Location | None:
        return next((place.locate(field) for place in pipeline.steps if place.node is node), None)

    return locate


def _write(target: Path, text: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, text)
    except OSError as error:
        raise InvalidInput(f"'{target}' cannot be written: {error.strerror}", fix="see 'output_file'") from error

"""The use case *transpile*: writes the files with which another engine runs a pipeline."""

from collections.abc import Mapping
from pathlib import Path

from magnus.app.composition import executors
from magnus.app.composition.configuration import Configuration
from magnus.app.parameters.initial_parameters import explicit_names
from magnus.app.run.prepare import prepare, variables_used
from magnus.app.run.request import RunRequest
from magnus.definition.loader import LoadedPipeline
from magnus.errors import InvalidInput
from magnus.interfaces.reporter import Reporter, Warned
from magnus.interfaces.transpiler import TranspileRequest, TranspileResult
from magnus.run_log.parameters import Scope, plain
from magnus.system.atomic_files import write_text
from magnus.values import Json


def transpile(run_request: RunRequest, reporter: Reporter) -> TranspileResult:
    """Check the pipeline, write the files of the engine, and return them.

    InvalidInput carries all mistakes in the pipeline and the configuration, and features that the engine lacks.
    """
    prepared = prepare(run_request, reporter)
    run_request = prepared.request
    transpiler = executors.transpiler(prepared.configuration)
    assert transpiler is not None
    request = transpile_request(run_request, prepared.configuration, prepared.pipeline, prepared.parameters)
    for problem in transpiler.problems(request):
        if problem.severity == "warning":
            reporter.report(Warned(str(problem)))
    transpiled = transpiler.transpile(request)
    for name, text in transpiled.files.items():
        _write(run_request.working_directory / name, text)
    return transpiled


def transpile_request(
    run_request: RunRequest, configuration: Configuration, pipeline: LoadedPipeline, initial: Scope
) -> TranspileRequest:
    """The request to the transpiler. It has only simple values of a parameters file, since the processes read the file."""
    explicit = explicit_names((run_request.arguments, run_request.parameters), run_request.environment, initial)
    parameters: Mapping[str, Json] = {
        name: plain(value)
        for name, value in initial.items()
        if name in explicit or isinstance(plain(value), str | int | float | bool)
    }
    folder = run_request.working_directory
    return TranspileRequest(
        graph=pipeline.graph,
        definition_file=_inside(run_request.file, folder),
        configuration_file=_inside(configuration.file, folder),
        parameters_file=_inside(run_request.parameters_file, folder),
        tag=run_request.tag,
        log_level=run_request.log_level,
        run_id=run_request.run_id,
        original_run_id=run_request.use_cached,
        parameters=parameters,
        lengths={
            name: len(value) for name, parameter in initial.items() if isinstance(value := plain(parameter), list)
        },
        stores={"run_log_store": configuration.run_log_store.config, "catalog": configuration.catalog.config},
        executor=configuration.executor.type,
        variables=variables_used(run_request.environment, pipeline, configuration),
        locate_option=configuration.executor.locate,
        locate_step=pipeline.locate_step,
    )


def _inside(file: str, folder: Path) -> str:
    """The file relative to the folder if it is inside, since the folder has another path in a pod."""
    path = Path(file)
    return str(path.relative_to(folder)) if file and path.is_absolute() and path.is_relative_to(folder) else file


def _write(target: Path, text: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, text)
    except OSError as error:
        raise InvalidInput(f"'{target}' cannot be written: {error.strerror}", fix="see 'output_file'") from error

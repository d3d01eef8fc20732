"""The use case *transpile*: a pipeline becomes the files with which another engine runs it."""

from collections.abc import Mapping
from pathlib import Path

from magnus.app import wiring
from magnus.app.config import initial_parameters
from magnus.app.configuration import Configuration
from magnus.app.prepare import Execution, prepare
from magnus.app.whole_files import write_whole
from magnus.definition.loader import LoadedPipeline
from magnus.errors import InvalidInput
from magnus.interfaces.reporter import Reporter, Warned
from magnus.interfaces.transpiler import Handover, Transpiled
from magnus.run_log.parameters import Scope, plain
from magnus.values import Json


def transpile(asked: Execution, reporter: Reporter) -> Transpiled:
    """Check the pipeline, write the files of the engine, and return what was written.

    InvalidInput carries everything that is wrong with the pipeline, the configuration, or for the engine.
    """
    prepared = prepare(asked, reporter)
    asked = prepared.execution
    transpiler = wiring.transpiler(prepared.configuration)
    assert transpiler is not None
    handover = handed_over(asked, prepared.configuration, prepared.pipeline, prepared.parameters)
    for problem in transpiler.problems(handover):
        if problem.severity == "warning":
            reporter.report(Warned(str(problem)))
    transpiled = transpiler.transpile(handover)
    for name, text in transpiled.files.items():
        _write(asked.working_directory / name, text)
    return transpiled


def handed_over(asked: Execution, configuration: Configuration, pipeline: LoadedPipeline, known: Scope) -> Handover:
    """What is written down. Of a parameters file simple values alone: the file is there for the processes too."""
    given, _ = initial_parameters("", asked.environment, asked.arguments, asked.parameters)
    parameters: Mapping[str, Json] = {
        name: plain(value)
        for name, value in known.items()
        if name in given or isinstance(plain(value), str | int | float | bool)
    }
    return Handover(
        graph=pipeline.graph,
        definition_file=asked.file,
        configuration_file=configuration.file,
        parameters_file=asked.parameters_file,
        tag=asked.tag,
        parameters=parameters,
    )


def _write(target: Path, text: str) -> None:
    try:
        write_whole(target, text)
    except OSError as error:
        raise InvalidInput(f"'{target}' cannot be written: {error.strerror}", fix="see 'output_file'") from error

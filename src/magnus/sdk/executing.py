"""Executes a pipeline that a program built, and says on its standard error how it goes. Used by `Pipeline.execute`."""

import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TextIO

from magnus.app.execute import execute
from magnus.app.log_levels import LEVELS, log_level
from magnus.app.prepare import Execution, prepare_to_execute, transpiles
from magnus.app.runs import Run
from magnus.app.showing import Wishes, showing
from magnus.app.viewing import logs_of
from magnus.definition.built import BuiltPipeline
from magnus.engine import forks, scripts
from magnus.engine.context import now
from magnus.engine.json_values import to_json_value
from magnus.engine.reentry import engine_runs
from magnus.errors import InvalidDefinition, InvalidInput, InvalidParameters, RunFailed, TaskFailed
from magnus.graph.check import nearest_or_all
from magnus.interfaces.reporter import Planned, Reporter
from magnus.run_log.parameters import JsonParameter
from magnus.run_log.records import RunRecord, Status
from magnus.sdk import places
from magnus.sdk.arguments import TEXT, check
from magnus.sdk.terminating import terminable
from magnus.values import Json, UserObject


def execute_pipeline(  # noqa: PLR0913 - what Pipeline.execute takes
    built: BuiltPipeline,
    *,
    configuration_file: str,
    run_id: str,
    tag: str,
    parameters_file: str,
    parameters: Mapping[str, UserObject],
    use_cached: str,
    assume_lost: bool,
    log_level_name: str,
    definition_file: str,
    raise_on_failure: bool,
    environment: Mapping[str, str],
) -> Run:
    """Run the pipeline; see `Pipeline.execute`."""
    _refuse_while_loading(built)
    asked = Execution(
        file=built.document.file,
        configuration_file=configuration_file,
        parameters_file=parameters_file,
        parameters=_json(parameters),
        tag=tag,
        run_id=run_id,
        environment=environment,
        built=built,
        definition_file=definition_file,
        use_cached=use_cached,
        assume_lost=assume_lost,
        log_level=_level(log_level_name),
        command_line=tuple(sys.argv),
    )
    with terminable(), _progress(environment, is_live=not log_level_name) as reporter:
        if transpiles(asked):
            return _transpiled(asked, reporter)
        prepared = prepare_to_execute(asked, reporter)
        record = execute(prepared, reporter, lambda _text: None)
    logs = partial(logs_of, prepared.services.catalog, prepared.configuration.catalog)
    run = Run(record, prepared.services.run_log_store, asked.working_directory, logs)
    if raise_on_failure and run.status is not Status.SUCCESS:
        error = RunFailed(f"the run {run.run_id} failed: {run.message}", fix=f"magnus show {run.run_id}")
        error.run = run
        raise error
    return run


def _transpiled(asked: Execution, reporter: Reporter) -> Run:
    """Write the pipeline down for another engine: a run that was created and did not begin, whose message says where."""
    from magnus.app.transpile import transpile  # lazy: most pipelines are run here
    from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore

    written = transpile(asked, reporter)
    for line in written.lines():
        reporter.report(Planned(line))
    store = BufferedRunLogStore(BufferedOptions(), asked.working_directory)
    parameters = {name: JsonParameter(value) for name, value in asked.parameters.items()}
    message = "; ".join(written.lines())
    record = RunRecord(
        "", Status.CREATED, "", now(), engine_runs.owner(""), message=message, tag=asked.tag, parameters=parameters
    )
    store.create_run(record)
    return Run(record, store, asked.working_directory)


def _level(name: str) -> str:
    """The level of this name, set for what magnus logs; "" when none is named."""
    level = log_level(name) if name else ""
    if level is None:
        raise InvalidInput(f"there is no log level '{name}'", fix=nearest_or_all(name, LEVELS), location=places.here())
    if level:
        logging.getLogger("magnus").setLevel(level)
    return level


def _refuse_while_loading(built: BuiltPipeline) -> None:
    if scripts.is_being_loaded():
        raise InvalidDefinition(
            "the script executes a pipeline while it is imported for what is in it",
            fix="put the call of execute() under 'if __name__ == \"__main__\":'",
            location=built.document.locate(),
        )


def _json(parameters: Mapping[str, UserObject]) -> Mapping[str, Json]:
    for name in parameters:
        check(TEXT, error=InvalidParameters, **{"the name of a parameter": name})
    try:
        return {name: to_json_value(value, name=name) for name, value in parameters.items()}
    except TaskFailed as error:
        raise InvalidParameters(str(error), fix="give JSON values: numbers, texts, lists and dicts") from error


@contextmanager
def _progress(environment: Mapping[str, str], *, is_live: bool) -> Iterator[Reporter]:
    """Progress on what is standard error now, whatever becomes of it during a step."""
    descriptor, write = _writer(sys.stderr)
    encoding = getattr(sys.stderr, "encoding", None) or ""
    with (
        forks.owned(descriptor) if descriptor >= 0 else nullcontext(),
        showing(write, descriptor, environment, Wishes(is_live=is_live), encoding=encoding) as reporter,
    ):
        yield reporter


def _writer(stream: TextIO | None) -> tuple[int, Callable[[bytes], None]]:
    """How to write to the stream; a descriptor to close afterwards, when there is one.

    During a step descriptor 2 is another file, so a stream onto it is written to through a copy of the descriptor.
    Streams of notebooks and tests are no files, or others.
    """
    if stream is None:
        return -1, lambda _data: None
    try:
        is_captured = stream.fileno() in {1, 2}
    except (OSError, AttributeError, ValueError):
        is_captured = False
    if not is_captured:
        return -1, lambda data: _show(stream, data)
    stream.flush()
    descriptor = os.dup(stream.fileno())
    return descriptor, lambda data: _write_all(descriptor, data)


def _show(stream: TextIO, data: bytes) -> None:
    stream.write(data.decode("utf-8", "replace"))


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]

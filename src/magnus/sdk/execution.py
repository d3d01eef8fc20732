"""Executes a pipeline that a program built, and shows progress on its standard error. Used by `Pipeline.execute`."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial
from threading import current_thread, main_thread
from types import FrameType
from typing import Final, Literal, TextIO

from msgspec import Struct

from magnus.app.inspect.run_object import Run
from magnus.app.inspect.viewer import logs_of
from magnus.app.progress.choose_reporter import DisplayOptions, open_reporter
from magnus.app.progress.log_levels import LEVELS, log_level
from magnus.app.run.execute import execute
from magnus.app.run.prepare import PreparedRun, prepare_to_execute, transpiles
from magnus.app.run.request import RunRequest
from magnus.definition.built_pipeline import BuiltPipeline, PipelineObject
from magnus.engine.context import now
from magnus.engine.processes import forks
from magnus.engine.reentry import engine_runs
from magnus.engine.user_code import scripts
from magnus.engine.values.json_values import to_json_value
from magnus.errors import InvalidDefinition, InvalidInput, InvalidParameters, RunFailed, TaskFailed
from magnus.graph.path import print_names
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.pickler import Picklers
from magnus.interfaces.reporter import Planned, Reporter
from magnus.run_log.next_commands import failed_step
from magnus.run_log.parameters import JsonParameter
from magnus.run_log.records import RunRecord, Status
from magnus.sdk import arguments
from magnus.sdk.arguments import MAPPING, PATH, TEXT, TRUTH, Kind, check
from magnus.suggest import nearest_or_all
from magnus.values import Json, UserObject

_KINDS: Final[tuple[tuple[Kind, tuple[str, ...]], ...]] = (
    (PATH, ("configuration_file", "parameters_file", "output_pipeline_definition")),
    (TEXT, ("run_id", "tag", "use_cached", "still_running", "log_level")),
    (MAPPING, ("parameters",)),
    (TRUTH, ("raise_on_failure", "assume_lost")),
)
_STILL_RUNNING: Final = ("wait", "cancel")


class ExecuteOptions(Struct, frozen=True, kw_only=True):
    """The arguments of `Pipeline.execute`, which describes them."""

    configuration_file: str | os.PathLike[str]
    run_id: str
    tag: str
    parameters_file: str | os.PathLike[str]
    parameters: Mapping[str, UserObject] | None
    use_cached: str
    assume_lost: bool
    still_running: Literal["wait", "cancel"]
    log_level: str
    output_pipeline_definition: str | os.PathLike[str]
    raise_on_failure: bool

    def check(self) -> None:
        """Raise InvalidInput for the first argument that has a wrong type."""
        for kind, names in _KINDS:
            check(kind, error=InvalidInput, **{name: getattr(self, name) for name in names})
        if self.still_running not in _STILL_RUNNING:
            message = f"'still_running' must be 'wait' or 'cancel', not '{self.still_running}'"
            raise InvalidInput(message, location=arguments.here())


def execute_pipeline(pipeline: PipelineObject, options: ExecuteOptions, environment: Mapping[str, str]) -> Run:
    """Run the pipeline; see `Pipeline.execute`."""
    options.check()
    request = _request(pipeline.__magnus_pipeline__(), options, environment)
    with terminable(), _progress(environment, is_live=not options.log_level) as reporter:
        if transpiles(request):
            return _transpile(request, reporter)
        prepared = prepare_to_execute(request, reporter)
        record = execute(prepared, reporter, lambda _text: None)
    logs = partial(logs_of, prepared.services.catalog, prepared.configuration.catalog)
    run = Run(record, prepared.services.run_log_store, request.working_directory, logs, partial(_contents, prepared))
    if options.raise_on_failure and run.status is not Status.SUCCESS:
        error = RunFailed(f"the run {run.run_id} failed: {run.message}{_cause(run)}", fix=f"magnus show {run.run_id}")
        error.run = run
        raise error
    return run


def _cause(run: Run) -> str:
    """A line with the step in a branch that made the run fail; "" if the message names the step."""
    step = failed_step(lambda branch: run.store.list_steps(run.run_id, branch), over=True)
    if step is None or len(step.names) == 1:
        return ""
    return f"\n  step '{print_names(step.names)}' failed: {step.record.message}"


def _contents(prepared: PreparedRun) -> tuple[Catalog, Picklers]:
    return prepared.services.catalog, prepared.services.picklers


def _request(built: BuiltPipeline, options: ExecuteOptions, environment: Mapping[str, str]) -> RunRequest:
    """The run that the program asks for; refused while the script is only imported."""
    _refuse_while_loading(built)
    return RunRequest(
        file=built.document.file,
        configuration_file=os.fspath(options.configuration_file),
        parameters_file=os.fspath(options.parameters_file),
        parameters=_json(options.parameters or {}),
        tag=options.tag,
        run_id=options.run_id,
        environment=environment,
        built=built,
        definition_file=os.fspath(options.output_pipeline_definition),
        use_cached=options.use_cached,
        assume_lost=options.assume_lost,
        still_running=options.still_running,
        log_level=_level(options.log_level),
        command_line=tuple(sys.argv),
    )


def _transpile(request: RunRequest, reporter: Reporter) -> Run:
    """Transpile the pipeline. Returns a run that was created and did not start; its message names the files."""
    from magnus.app.run.transpile import transpile  # lazy: most pipelines are run here
    from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore

    result = transpile(request, reporter)
    for line in result.lines():
        reporter.report(Planned(line))
    store = BufferedRunLogStore(BufferedOptions(), request.working_directory)
    parameters = {name: JsonParameter(value) for name, value in request.parameters.items()}
    message = "; ".join(result.lines())
    record = RunRecord(
        "", Status.CREATED, "", now(), engine_runs.owner(""), message=message, tag=request.tag, parameters=parameters
    )
    store.create_run(record)
    return Run(record, store, request.working_directory)


def _level(name: str) -> str:
    """The level of this name, set for what magnus logs; "" when none is named."""
    level = log_level(name) if name else ""
    if level is None:
        raise InvalidInput(
            f"there is no log level '{name}'", fix=nearest_or_all(name, LEVELS), location=arguments.here()
        )
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
    """Progress on the current standard error, also while a step redirects it; in a kernel on standard output.

    Nothing else is written there, and front ends show standard error as an alarm.
    """
    stream = sys.stdout if _is_of_kernel(sys.stdout) else sys.stderr
    descriptor, write = _writer(stream)
    if descriptor < 0:
        environment = {**environment, "FORCE_COLOR": ""}  # kernels set it for the programs that they start
    encoding = getattr(stream, "encoding", None) or ""
    with (
        forks.owned(descriptor) if descriptor >= 0 else nullcontext(),
        open_reporter(write, descriptor, environment, DisplayOptions(is_live=is_live), encoding=encoding) as reporter,
    ):
        yield reporter


def _is_of_kernel(stream: TextIO | None) -> bool:
    """Whether the stream leads to the front end of a notebook."""
    return type(stream).__module__.partition(".")[0] == "ipykernel"


def _writer(stream: TextIO | None) -> tuple[int, Callable[[bytes], None]]:
    """A function that writes to the stream, and the descriptor to close afterwards, or -1.

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


class _Terminated(KeyboardInterrupt):
    """SIGTERM arrived."""


@contextmanager
def terminable() -> Iterator[None]:
    """Interrupt what is inside on SIGTERM, where that has its default action, and let it have that afterwards.

    What the program itself has set is left alone. Only the main thread can do this; in others nothing changes.
    """
    if current_thread() is not main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    except _Terminated:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)  # ends the process
        raise
    finally:
        if signal.getsignal(signal.SIGTERM) is _terminate:  # the program may have set another one meanwhile
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise _Terminated

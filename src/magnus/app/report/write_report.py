"""Makes the report of a run, with the definitions of steps in its pipeline, and writes it to a file."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from magnus import __version__
from magnus.app.draw.labels import drawn_path
from magnus.app.inspect.damage import damage
from magnus.app.inspect.find import find_run
from magnus.app.inspect.redaction import WHY_NO_LOG, Redactor
from magnus.app.inspect.run_state import state_of
from magnus.app.inspect.step_code import Pieces, recorded_code
from magnus.app.inspect.viewer import viewer
from magnus.app.report.html_page import page, picture
from magnus.app.report.interned_texts import Logs, Texts, shortened
from magnus.app.report.model import Definition, Head, Log, Report, Row
from magnus.app.report.rows import Rows, codes
from magnus.definition.built_pipeline import recorded_pipeline
from magnus.definition.loader import LoadedPipeline, load_built
from magnus.definition.variables import PREFIX
from magnus.engine.rules import scope as scopes
from magnus.errors import InvalidDefinition, InvalidInput
from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    Graph,
    MappedBranches,
    Node,
    RepeatedBranch,
    StaticBranches,
    TaskNode,
    TerminalNode,
)
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import RunRecord, Status, StepRecord
from magnus.system.atomic_files import write_text
from magnus.values import Json

_MOST_PIECES: Final = 20


def pipeline_of(run: RunRecord) -> LoadedPipeline | None:
    """The pipeline of the run, in which variables stand as they are written.

    None when it cannot be compiled: a variable stands for another value than text.
    """
    config = run.run_config
    as_written = {f"{PREFIX}{name}": f"${{{name}}}" for name in config.get("variables", ())}
    try:
        return load_built(recorded_pipeline(config), as_written)
    except InvalidDefinition:
        return None


class Definitions:
    """The definitions of the steps of a run, each once."""

    def __init__(self, pipeline: LoadedPipeline | None, code: Mapping[str, Pieces]) -> None:
        self._graph = None if pipeline is None else pipeline.graph
        self._names = {} if pipeline is None else {id(place.node): place.step for place in pipeline.steps}
        self._code = code
        self._numbers: dict[StepPath, int] = {}
        self.definitions: list[Definition] = []

    def drawn(self, path: StepPath) -> StepPath | None:
        """The path of a step of the run in the picture of the pipeline; None if the pipeline has no such step."""
        try:
            return None if self._graph is None else drawn_path(self._graph, path)
        except KeyError:
            return None

    def number(self, path: StepPath) -> int | None:
        """The number of the definition of a step; None where the pipeline has no such step."""
        drawn = self.drawn(path)
        if self._graph is None or drawn is None:
            return None
        number = self._numbers.setdefault(drawn, len(self.definitions))
        if number == len(self.definitions):
            self.definitions.append(self._definition(drawn, self._graph.step(path)))
        return number

    def _definition(self, drawn: StepPath, node: Node) -> Definition:
        code = list(self._code.get(self._names.get(id(node), ""), {}).items())[:_MOST_PIECES]
        more = [(name, text) for name, text in _fields(node) if text]
        kind, command = (node.task.kind, node.task.command) if isinstance(node, TaskNode) else ("", "")
        return Definition(str(drawn), kind, command, more, code)


def _fields(node: Node) -> list[tuple[str, str]]:
    """The fields of a step beside its command, as names and texts; "" for a field that is not set."""
    match node:
        case TerminalNode():
            return []
        case TaskNode():
            fields = [
                ("max_attempts", str(node.max_attempts) if node.max_attempts > 1 else ""),
                ("retry_delay", f"{node.retry_delay:g} s" if node.retry_delay else ""),
                ("timeout", f"{node.timeout:g} s" if node.timeout is not None else ""),
                ("get", ", ".join(node.catalog.get)),
                ("put", ", ".join(node.catalog.put)),
                ("secrets", ", ".join(node.secrets)),
            ]
        case CompositeNode():
            fields = _branch_fields(node)
    return [*fields, ("next", node.next), ("on_failure", node.on_failure or "")]


def _branch_fields(node: CompositeNode) -> list[tuple[str, str]]:
    match node.branches:
        case StaticBranches():
            return []
        case MappedBranches() as mapped:
            return [
                ("iterate_on", mapped.iterate_on),
                ("iterate_as", mapped.iterate_as),
                ("reducer", mapped.reducer or ""),
            ]
        case ChosenBranch(parameter=parameter):
            return [("parameter", parameter)]
        case RepeatedBranch() as repeated:
            return [
                ("max_iterations", str(repeated.max_iterations)),
                ("break_on", repeated.break_on or ""),
                ("index_as", repeated.index_as or ""),
            ]


_SERVICES: Final = ("executor", "run_log_store", "catalog", "secrets", "experiment_tracker", "pickler")


def report_page(run_id: str, configuration_file: str, environment: Mapping[str, str]) -> tuple[str, str]:
    """The id of the run and its report as HTML; RunNotFound when the store of the configuration has no such run."""
    with viewer(configuration_file, environment) as services:
        run = find_run(services.store, run_id)
        return run.run_id, report_html(run, services.store, services.catalog, datetime.now(UTC))


def report_html(run: RunRecord, store: RunLogStore, catalog: Catalog, now: datetime) -> str:
    """The report of the run as it stands `now`."""
    pipeline, texts = pipeline_of(run), Texts()
    redactor = Redactor(run)

    def steps_of(branch: BranchPath) -> Sequence[StepRecord]:
        return [redactor.redacted(step) for step in store.list_steps(run.run_id, branch)]

    state = state_of(run)
    name = (pipeline.graph.name if pipeline else "") or str(run.run_config.get("pipeline_file") or run.run_id)
    rows = Rows(run, name, steps_of, texts, over=state.is_over)
    definitions = Definitions(pipeline, recorded_code(run.run_config) or {})
    for row, path in zip(rows.rows, rows.paths, strict=True):
        row.definition = None if path is None else definitions.number(path)
    _add_logs(rows, None if redactor.names else Logs(catalog, run.run_id))
    final = {**run.parameters, **scopes.folded_own(steps_of(BranchPath())).parameters}
    head = _head(run, rows, texts, now, message=state.message, pipeline=pipeline)
    head.damage = "\n".join(damage(store, run, state).lines())
    head.initial, head.final = texts.parameters(run.parameters), texts.parameters(final)
    drawn = "" if pipeline is None else _picture(pipeline.graph, rows, definitions)
    return page(Report(head, rows.rows, definitions.definitions, texts.fitting(len(rows.rows))), drawn)


def _picture(graph: Graph, rows: Rows, definitions: Definitions) -> str:
    steps: dict[StepPath, list[Row]] = {}
    for row, path in zip(rows.rows, rows.paths, strict=True):
        drawn = None if path is None else definitions.drawn(path)
        if drawn is not None:
            steps.setdefault(drawn, []).append(row)
    ends = {drawn for path in rows.ends if (drawn := definitions.drawn(path)) is not None}
    return picture(graph, steps, ends)


def _add_logs(rows: Rows, logs: Logs | None) -> None:
    """Give each task the end of its log; None says that logs may not be shown."""
    around = {row.parent for row in rows.rows}
    tasks = [
        (row, path)
        for number, (row, path) in enumerate(zip(rows.rows, rows.paths, strict=True))
        if path is not None and number not in around
    ]
    if logs is None:
        for row, _ in tasks:
            row.log = Log(WHY_NO_LOG)
        return
    steps = [(path, row.status not in {Status.SUCCESS, Status.PROCESSING}) for row, path in tasks]
    for (row, _), log in zip(tasks, logs.ends(steps, len(rows.rows)), strict=True):
        row.log = log


def _head(
    run: RunRecord, rows: Rows, texts: Texts, now: datetime, *, message: str, pipeline: LoadedPipeline | None
) -> Head:
    config = run.run_config
    files = {name: config.get(name) for name in ("pipeline_file", "configuration_file", "parameters_file")}
    services = {name: _configured(config[name]) for name in _SERVICES if name in config}
    return Head(
        run_id=run.run_id,
        status=rows.rows[0].status,
        start=run.start_time.isoformat(),
        written=now.isoformat(),
        magnus=__version__,
        pipeline=rows.rows[0].name,
        description=pipeline.graph.description if pipeline else "",
        end="" if run.end_time is None else run.end_time.isoformat(),
        message=shortened(message),
        tag=run.tag,
        original_run_id=run.original_run_id,
        host=run.owner.host,
        cause=rows.cause(),
        configuration=texts.named({**{name: file for name, file in files.items() if file}, **services}),
        environment=[(name, str(value)) for name, value in (config.get("environment") or {}).items()],
        code=codes(run.code_identities),
        commands=list(_commands(run)),
        dag_hash=run.dag_hash,
    )


def _configured(service: Json) -> Json:
    """The configuration of a service, or its type alone if it has no options."""
    match service:
        case {"type": type_, "config": {}, **rest} if not service["config"] and not rest:
            return type_
        case _:
            return service


def _commands(run: RunRecord) -> Iterator[tuple[str, str]]:
    """Commands for this run, each behind its purpose."""
    file = str(run.run_config.get("configuration_file") or "")
    configuration = ("-c", file) if file else ()

    def command(*words: str) -> str:
        return shlex.join(("magnus", *words, *configuration))

    if run.status is not Status.SUCCESS:
        yield "Resume where it stopped", command("retry", run.run_id)
    line = run.run_config.get("command_line") or ()
    if line:
        yield "Run it again", shlex.join((*_program(line[0]), *_without_run_id(line[1:])))
    if run.original_run_id:
        yield "Compare with the run it resumes", command("diff", run.original_run_id, run.run_id)
    else:
        yield "Compare with another run", f"{command('diff', run.run_id)} OTHER_RUN"
    yield "The run log", command("show", run.run_id)
    yield "All of the output", command("logs", run.run_id)


def _without_run_id(arguments: Sequence[str]) -> Iterator[str]:
    """The arguments without the id of the run, since ids are unique."""
    is_id = False
    for argument in arguments:
        if not is_id and argument != "--run-id" and not argument.startswith("--run-id="):
            yield argument
        is_id = argument == "--run-id"


def _program(path: str) -> tuple[str, ...]:
    """The words that start the program on a command line."""
    return ("magnus",) if Path(path).name in {"magnus", "__main__.py"} else ("python", path)


def write_page(text: str, file: str) -> None:
    """Write the report to a file atomically. InvalidInput if the file cannot be written."""
    path = Path(file)
    try:
        write_text(path, text)
    except OSError as error:
        fix = "make the folder first, or name another file" if isinstance(error, FileNotFoundError) else ""
        reason = error.strerror if path.parent.is_dir() else f"there is no folder '{path.parent}'"
        raise InvalidInput(
            f"the report cannot be written to '{file}': {reason}", fix=fix or "name another file"
        ) from error

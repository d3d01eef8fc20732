"""Makes the head of a report: the facts of the run itself, and the commands to continue with."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from magnus import __version__
from magnus.app.report.interned_texts import Texts, shortened
from magnus.app.report.model import Head
from magnus.app.report.rows import Rows, codes
from magnus.definition.loader import LoadedPipeline
from magnus.run_log.next_commands import Command, command
from magnus.run_log.records import RunRecord
from magnus.values import Json

_SERVICES: Final = ("executor", "run_log_store", "catalog", "secrets", "experiment_tracker", "pickler")


def report_head(
    run: RunRecord,
    rows: Rows,
    texts: Texts,
    now: datetime,
    *,
    message: str,
    next_commands: Sequence[Command],
    pipeline: LoadedPipeline | None,
) -> Head:
    """The head, without what it says of records and parameters; `message` says why the run failed or is lost, or how it stands."""
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
        next=[(purpose[:1].upper() + purpose[1:], text) for purpose, text in next_commands],
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
    """Commands for any run, each behind its purpose."""
    line = run.run_config.get("command_line") or ()
    if line:
        yield "Run it again", shlex.join((*_program(line[0]), *_without_run_id(line[1:])))
    if run.original_run_id:
        yield "Compare with the run it resumes", command(run, "diff", run.original_run_id, run.run_id)
    else:
        yield "Compare with another run", f"{command(run, 'diff', run.run_id)} OTHER_RUN"
    yield "The run log", command(run, "show", run.run_id)
    yield "All of the output", command(run, "logs", run.run_id)


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

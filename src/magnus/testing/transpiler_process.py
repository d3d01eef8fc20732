"""The process of the transpiler contract: it transpiles under an audit hook, and reads command lines.

`python -m magnus.testing.transpiler_process FILE...` transpiles each pipeline twice, the second time watched, with the
configuration `c.yaml`. With `--commands` it reads command lines of magnus, a JSON list on standard input. JSON comes out.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from magnus.app.composition import executors
from magnus.app.composition.load_configuration import load_configuration
from magnus.app.run.load_pipeline import load_pipeline
from magnus.app.run.request import RunRequest
from magnus.app.run.transpile import transpile_request
from magnus.errors import InvalidInput, Problem
from magnus.interfaces.transpiler import Transpiler, TranspileRequest, TranspileResult
from magnus.run_log.parameters import JsonParameter
from magnus.values import Json

CONFIGURATION: Final = "c.yaml"
PARAMETERS: Final[dict[str, Json]] = {"x": 3, "text": 'it\'s "quoted" $HOME `ls` ü', "xs": [1, 2, 3], "chosen": "b"}
_TOUCHES: Final = ("open", "os.", "shutil.", "socket.", "subprocess.", "tempfile.", "urllib.", "fcntl.")
"""The audit events (https://docs.python.org/3/library/audit_events.html) of what is outside the process."""


def transpiler_of(folder: Path) -> Transpiler:
    """The transpiler of the configuration in the folder."""
    transpiler = executors.transpiler(load_configuration(CONFIGURATION, {}, folder))
    assert transpiler is not None, "the configuration names an executor, and no transpiler"
    return transpiler


def request_of(file: str, folder: Path) -> TranspileRequest:
    """The request of `magnus execute FILE -c c.yaml` in the folder."""
    configuration = load_configuration(CONFIGURATION, {}, folder)
    run_request = RunRequest(
        file, CONFIGURATION, parameters=PARAMETERS, tag="a tag", log_level="INFO", working_directory=folder
    )
    scope = {name: JsonParameter(value) for name, value in PARAMETERS.items()}
    return transpile_request(run_request, configuration, load_pipeline(file, None, {}, folder), scope)


def transpiled(transpiler: Transpiler, request: TranspileRequest) -> tuple[list[Problem], TranspileResult | None]:
    """The problems, and the result unless one of the two methods refuses the pipeline."""
    problems = list(transpiler.problems(request))
    try:
        return problems, transpiler.transpile(request)
    except InvalidInput as error:
        return [*problems, *(problem for problem in error.problems if problem not in problems)], None


class _Watched(dict[str, str]):
    """An environment that notes when it is read."""

    seen: list[str]

    def __getitem__(self, name: str) -> str:
        self.seen.append(f"reads the variable {name}")
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.seen.append(f"reads the variable {name}")
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.seen.append(f"reads the variable {name}")
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self.seen.append("reads the whole environment")
        return super().__iter__()

    def keys(self) -> Any:
        self.seen.append("reads the whole environment")
        return super().keys()

    def items(self) -> Any:
        self.seen.append("reads the whole environment")
        return super().items()


@contextmanager
def watched() -> Iterator[list[str]]:
    """The accesses outside the process inside the block; for a process that ends soon, since the hook stays."""
    seen: list[str] = []
    is_on = True

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if is_on and event.startswith(_TOUCHES):
            seen.append(f"{event} {arguments[:2]!r}")

    before = os.environ
    os.environ = _Watched(before)  # type: ignore[assignment]  # noqa: B003 - a process of its own
    os.environ.seen = seen  # type: ignore[attr-defined]
    sys.addaudithook(note)
    try:
        yield seen
    finally:
        is_on = False
        os.environ = before  # noqa: B003 - as above


def _watched_files(file: str, folder: Path) -> Json:
    transpiler, request = transpiler_of(folder), request_of(file, folder)
    problems, first = transpiled(transpiler, request)  # modules may be imported now
    with watched() as seen:
        again, second = transpiled(transpiler, request)
    texts = [str(problem) for problem in problems]
    if texts != [str(problem) for problem in again] or first != second:
        seen.append("gives something else the second time")
    commands = [] if first is None else [command.argv for command in first.next_commands]
    files = [] if first is None else list(first.files.items())
    return {"files": files, "commands": commands, "problems": texts, "touched": seen}


def _read(argv: Sequence[str]) -> Json:
    """The command, its parameters, and what is wrong with it: an option it does not have is taken for a parameter."""
    group = import_module("magnus.cli.program").magnus  # not by an import: only the command line knows click
    name, *rest = argv
    command = group.get_command(None, name)
    if command is None:
        return {"wrong": f"magnus has no command '{name}'"}
    try:
        context = command.make_context(name, rest)
    except Exception as error:  # noqa: BLE001 - any error of click or a command
        return {"wrong": getattr(error, "message", "") or str(error)}
    unknown = [option for option in context.obj or {} if option not in PARAMETERS]
    wrong = f"magnus {name} has no option '--{unknown[0]}'" if unknown else ""
    return {
        "command": name,
        "step": context.params.get("step", ""),
        "then": list(context.params.get("then", ())),
        "run": context.params.get("run"),
        "wrong": wrong,
    }


def _main(arguments: Sequence[str]) -> None:
    if arguments == ["--commands"]:
        print(json.dumps([_read(argv) for argv in json.load(sys.stdin)]))  # noqa: T201 - a program of tests
        return
    print(json.dumps({file: _watched_files(file, Path.cwd()) for file in arguments}))  # noqa: T201 - likewise


if __name__ == "__main__":
    _main(sys.argv[1:])

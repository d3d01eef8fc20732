"""The task kind `shell`: a command for bash, or for sh where there is no bash, in a process of its own."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fcntl import F_DUPFD_CLOEXEC, fcntl
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Final

from msgspec import Struct, convert
from msgspec.structs import replace

from magnus.engine.exports import changed, value_of
from magnus.engine.parameters import VARIABLE_PREFIX, as_text
from magnus.engine.process import describe_exit, run_process
from magnus.errors import Problem
from magnus.graph.nodes import Return, TaskSpec
from magnus.interfaces.task_kind import TaskCall, TaskOutcome
from magnus.run_log.parameters import MetricParameter, Parameter, Scope, handed
from magnus.tasks.shell_script import exports, shell_argv

if TYPE_CHECKING:
    from magnus.graph.facts import Description  # lazy: a run needs none of it

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_FIRST_DESCRIPTOR: Final = 200
_EXPORTS: Final = re.compile(r"\bexport\b|\bdeclare\b|\btypeset\b|\ballexport\b|\bset\b")
_NOTHING_TOLD: Final = (
    "what the command exported is lost: exec replaced the shell, or a trap on EXIT in posix mode replaced the one of "
    "magnus; start the program without exec"
)


class ShellOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """How the shell is set.

    Attributes:
        strict: adds `set -euo pipefail` before the command.
    """

    strict: bool = False


class ShellTask:
    """Runs a command in the working directory.

    Parameters are in the environment as `MAGNUS_PRM_<name>`, and under their own name where that is free. What the
    command exports as `MAGNUS_PRM_<name>`, new or changed, becomes a parameter; declared results are read from
    exported variables of their name.
    """

    options = ShellOptions
    isolates = True

    def problems(self, spec: TaskSpec, working_directory: Path) -> Sequence[Problem]:  # noqa: ARG002 - it is not looked at
        """An empty command."""
        return () if spec.command.strip() else (Problem("the command is empty", "write what the shell is to do"),)

    def code(self, specs: Sequence[TaskSpec], working_directory: Path) -> Sequence[Mapping[str, str]]:
        """The scripts of the project that the commands name, and those that these name; data is none of it."""
        from magnus.tasks.code.reach import Locality  # lazy: workers need none of it
        from magnus.tasks.code.scripts import scripts_of  # lazy: likewise

        reach = Locality(working_directory)
        return [scripts_of(spec.command, reach) for spec in specs]

    def describe(self, spec: TaskSpec, working_directory: Path, *, imports: bool) -> "Description":
        """What the command needs and sets, as far as its text says; it is parsed, and not run."""
        from magnus.tasks.described.shell import describe  # lazy: a run needs none of it

        del working_directory, imports
        strict = isinstance(spec.options.get("strict"), bool | str) and str(spec.options["strict"]).lower() == "true"
        return describe(spec, os.environ, strict=strict)

    def run(self, call: TaskCall) -> TaskOutcome:
        """Run the command; a status other than 0 is the failure."""
        environment = {**_under_own_name(call.parameters, call.environment), **call.environment}
        given = {name: handed(parameter) for name, parameter in call.parameters.items()}
        shell = shutil.which("bash", path=environment.get("PATH")) or "/bin/sh"
        strict = convert(call.spec.options, ShellOptions, strict=False).strict
        with TemporaryFile() as file, _high_descriptor(file.fileno()) as descriptor:
            code = run_process(
                shell_argv(shell, call.spec.command, strict=strict, descriptor=descriptor),
                environment=environment,
                working_directory=call.working_directory,
                timeout=call.timeout,
                pass_fds=(descriptor,),
            )
            file.seek(0)
            exported = exports(shell, file.read())
        set_by_command = changed(exported, environment)
        if code != 0:
            return TaskOutcome(given, exported=set_by_command, failure=describe_exit(code))
        warnings = (_NOTHING_TOLD,) if not exported and _EXPORTS.search(call.spec.command) else ()
        outcome = TaskOutcome(given, exported=set_by_command, warnings=warnings)
        return _results(call.spec.returns or (), exported, outcome)


@contextmanager
def _high_descriptor(descriptor: int) -> Iterator[int]:
    """The same open file under a number that commands do not use: `exec 5>file` would have the exports in that file."""
    try:
        high = fcntl(descriptor, F_DUPFD_CLOEXEC, _FIRST_DESCRIPTOR)
    except OSError:  # the limit of the process is below it
        yield descriptor
        return
    try:
        yield high
    finally:
        os.close(high)


def _under_own_name(scope: Scope, environment: Mapping[str, str]) -> dict[str, str]:
    """The parameters whose names are free; those that fit into the environment by their long names, too."""
    return {
        name: as_text(value)
        for name, value in scope.items()
        if _NAME.match(name) and name not in environment and VARIABLE_PREFIX + name in environment
    }


def _results(returns: Sequence[Return], exported: Mapping[str, str], outcome: TaskOutcome) -> TaskOutcome:
    """The outcome with the declared results, each from the variable of its name, or else from `MAGNUS_PRM_<name>`."""
    texts: dict[str, str | None] = {
        item.name: exported.get(item.name, outcome.exported.get(VARIABLE_PREFIX + item.name)) for item in returns
    }
    missing = [name for name, text in texts.items() if text is None]
    if missing:
        return replace(outcome, failure="; ".join((_not_exported(missing), *outcome.warnings)), warnings=())
    parameters: dict[str, Parameter] = {}
    for item in returns:
        if item.kind == "object":
            failure = f"'{item.name}' is declared as an object, which a shell cannot return; declare json or metric"
            return replace(outcome, failure=failure)
        is_metric = item.kind == "metric"
        value = value_of(item.name, texts[item.name] or "", allow_nan=is_metric)
        parameters[item.name] = MetricParameter(value.value) if is_metric else value
    metrics = {name: value.value for name, value in parameters.items() if isinstance(value, MetricParameter)}
    return replace(outcome, parameters=parameters, metrics=metrics)


def _not_exported(missing: Iterable[str]) -> str:
    names = ", ".join(f"'{name}'" for name in missing)
    return f"the command did not export {names}, declared in returns; write export NAME=VALUE"

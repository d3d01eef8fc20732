"""The task kind `shell`: a command for bash, or for sh where there is no bash, in a process of its own."""

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Final

from msgspec import Struct, convert

from magnus.engine.current import track_into
from magnus.engine.parameters import LONGEST_VARIABLE, VARIABLE_PREFIX, as_text, from_text, is_too_long
from magnus.engine.process import describe_exit, run_process
from magnus.errors import Problem
from magnus.graph.nodes import Return, TaskSpec
from magnus.interfaces.task_kind import TaskCall, TaskOutcome
from magnus.run_log.parameters import JsonParameter, MetricParameter, Parameter, Scope, handed
from magnus.tasks.shell_script import exports, shell_argv
from magnus.values import Json

if TYPE_CHECKING:
    from magnus.graph.facts import Description  # lazy: a run needs none of it

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_TRACKED: Final = re.compile(r"MAGNUS_TRACK_(?P<name>.+?)(?:_STEP_(?P<step>\d+))?\Z", re.DOTALL)


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
        from magnus.tasks.code.reach import Reach  # lazy: workers need none of it
        from magnus.tasks.code.scripts import scripts_of  # lazy: likewise

        reach = Reach(working_directory)
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
        with TemporaryFile() as told:
            code = run_process(
                shell_argv(shell, call.spec.command, strict=strict, descriptor=told.fileno()),
                environment=environment,
                working_directory=call.working_directory,
                timeout=call.timeout,
                pass_fds=(told.fileno(),),
            )
            told.seek(0)
            exported = exports(shell, told.read())
        changed = {name: text for name, text in exported.items() if environment.get(name) != text}
        metrics = _tracked(changed)
        if code != 0:
            return TaskOutcome(given, metrics=metrics, failure=describe_exit(code))
        return _results(call.spec.returns or (), changed, exported, given, metrics)


def _under_own_name(scope: Scope, environment: Mapping[str, str]) -> dict[str, str]:
    texts = {
        name: as_text(value)
        for name, value in scope.items()
        if _NAME.match(name) and name not in environment and not is_too_long(value)
    }
    return {
        name: text for name, text in texts.items() if len(os.fsencode(text)) <= LONGEST_VARIABLE and "\0" not in text
    }


def _results(
    returns: Sequence[Return],
    changed: Mapping[str, str],
    exported: Mapping[str, str],
    given: Mapping[str, Json],
    metrics: dict[str, Json],
) -> TaskOutcome:
    found: dict[str, Parameter] = {
        name.removeprefix(VARIABLE_PREFIX): from_text(text)
        for name, text in changed.items()
        if name.startswith(VARIABLE_PREFIX) and name != VARIABLE_PREFIX
    }
    missing = [item.name for item in returns if item.name not in exported and item.name not in found]
    if missing:
        return TaskOutcome(given, metrics=metrics, failure=_not_exported(missing))
    for item in returns:
        value = from_text(exported[item.name]) if item.name in exported else found[item.name]
        match item.kind:
            case "object":
                failure = f"'{item.name}' is declared as an object, which a shell cannot return; declare json or metric"
                return TaskOutcome(given, metrics=metrics, failure=failure)
            case "metric" if isinstance(value, JsonParameter):
                found[item.name] = MetricParameter(value.value)
                metrics[item.name] = value.value
            case _:
                found[item.name] = value
    return TaskOutcome(given, found, metrics)


def _not_exported(missing: Iterable[str]) -> str:
    names = ", ".join(f"'{name}'" for name in missing)
    return f"the command did not export {names}, declared in returns; write export NAME=VALUE"


def _tracked(changed: Mapping[str, str]) -> dict[str, Json]:
    """Metrics from `MAGNUS_TRACK_<name>` and `MAGNUS_TRACK_<name>_STEP_<n>`."""
    metrics: dict[str, Json] = {}
    for variable, text in changed.items():
        if found := _TRACKED.match(variable):
            step = found["step"]
            track_into(metrics, found["name"], from_text(text).value, None if step is None else int(step))
    return metrics

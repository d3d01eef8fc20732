"""The task kind `shell`: a command for bash, or for sh where there is no bash, in a process of its own.

The shell itself evaluates the command, so that a trailing comment, `exit 0` or a heredoc keep their meaning. A trap on
EXIT writes the exported variables through a private descriptor: printed text never counts. A trap the user sets on EXIT
is kept and runs as well. Options that the user sets (`-x`, `-v`, `-u`, `-T`, `-E`, posix) are off while the trap writes, so
that no value reaches a trace, and nothing in the trap depends on `IFS` or on functions of the user. The script is one
line, so that line numbers are the user's.

The trap does not run when the shell is replaced by `exec`, when a signal kills it, and when the user sets a trap on EXIT
in posix mode.
"""

import os
import re
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fcntl import F_DUPFD_CLOEXEC, fcntl
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Final

from msgspec import Struct, convert
from msgspec.structs import replace

from magnus.engine.step.outcomes import changed_variables, value_of
from magnus.engine.values.parameter_values import VARIABLE_PREFIX, as_text
from magnus.errors import Problem
from magnus.graph.nodes import Return, TaskSpec
from magnus.interfaces.task_kind import TaskCall, TaskInputs, TaskOutcome
from magnus.run_log.parameters import MetricParameter, Parameter, Scope, argument_json
from magnus.system.child_process import describe_exit, run_process

if TYPE_CHECKING:
    from magnus.graph.dataflow.facts import Description  # lazy: a run needs none of it

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_FIRST_DESCRIPTOR: Final = 200
_EXPORTS: Final = re.compile(r"\bexport\b|\bdeclare\b|\btypeset\b|\ballexport\b|\bset\b")
_NOTHING_TOLD: Final = (
    "what the command exported is lost: exec replaced the shell, or a trap on EXIT in posix mode replaced the one of "
    "magnus; start the program without exec"
)


class ShellOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Options of the shell.

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
    command_is_code = True

    def problems(self, spec: TaskSpec, working_directory: Path) -> Sequence[Problem]:  # noqa: ARG002 - it is not looked at
        """An empty command."""
        return () if spec.command.strip() else (Problem("the command is empty", "write what the shell is to do"),)

    def code(self, specs: Sequence[TaskSpec], working_directory: Path) -> Sequence[Mapping[str, str]]:
        """The scripts of the project that the commands name, and the scripts these name; data files do not count."""
        from magnus.tasks.source.dependencies import CodeDependencies  # lazy: workers need none of it
        from magnus.tasks.source.scripts import scripts_of  # lazy: likewise

        dependencies = CodeDependencies(working_directory)
        return [scripts_of(spec.command, dependencies) for spec in specs]

    def inputs(self, specs: Sequence[TaskSpec], working_directory: Path) -> Sequence[TaskInputs]:
        """The scripts that the commands name, and the parameters that they name where no other program gets them."""
        from magnus.tasks.source.dependencies import CodeDependencies  # lazy: only steps that are cached need it
        from magnus.tasks.source.scripts import scripts_of  # lazy: likewise
        from magnus.tasks.static.shell import parameters_named  # lazy: likewise

        dependencies = CodeDependencies(working_directory)
        reached = [dependencies.reach(partial(scripts_of, spec.command, dependencies)) for spec in specs]
        return [
            TaskInputs(
                reach.pieces,
                reach.statuses,
                None if reach.pieces else parameters_named(spec.command),
                reach.sees_files,
                reach.problem,
            )
            for spec, reach in zip(specs, reached, strict=True)
        ]

    def describe(self, spec: TaskSpec, working_directory: Path, *, imports: bool) -> "Description":
        """The needs and effects of the command, as far as its text shows them; it is parsed, and not run."""
        from magnus.tasks.static.shell import describe  # lazy: a run needs none of it

        del working_directory, imports
        strict = isinstance(spec.options.get("strict"), bool | str) and str(spec.options["strict"]).lower() == "true"
        return describe(spec, os.environ, strict=strict)

    def run(self, call: TaskCall) -> TaskOutcome:
        """Run the command; a status other than 0 is the failure."""
        environment = {**_under_own_name(call.parameters, call.environment), **call.environment}
        arguments = {name: argument_json(parameter) for name, parameter in call.parameters.items()}
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
        set_by_command = changed_variables(exported, environment)
        if code != 0:
            return TaskOutcome(arguments, exported=set_by_command, failure=describe_exit(code))
        warnings = (_NOTHING_TOLD,) if not exported and _EXPORTS.search(call.spec.command) else ()
        outcome = TaskOutcome(arguments, exported=set_by_command, warnings=warnings)
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
    """The parameters under their own names, if the name is free and the value fits into the environment."""
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


_LONGEST_PIECE: Final = 30_000
"""Characters of a command in one argument, of which Linux takes 131,072 bytes."""
_TAKE_ARGUMENTS: Final = (
    "__magnus_fd=$1 __magnus_command=; shift; "
    'for __magnus_piece in "$@"; do __magnus_command=$__magnus_command$__magnus_piece; done; '
    "set --; unset __magnus_piece; "
)

_NO_ROOM: Final = (
    "the exported variables cannot be written: there is no room in the folder for temporary files (TMPDIR)"
)
_NO_ROOM_STATUS: Final = 74
"""EX_IOERR of sysexits.h."""
PRELUDE_BASH: Final = (
    f"{_TAKE_ARGUMENTS}__magnus_exit= __magnus_was= __magnus_lost= __magnus_flags= __magnus_name= __magnus_names=; "
    "__magnus_quiet() { builtin set +xvuTE; builtin set +o posix; }; "
    '__magnus_export() { __magnus_lost=; { builtin : >&"$__magnus_fd"; } 2>/dev/null || builtin return 0; '
    'builtin mapfile -t __magnus_names <<< "$(builtin compgen -e)" || __magnus_lost=1; '
    'for __magnus_name in "${__magnus_names[@]}"; do '
    '[[ ! -v $__magnus_name ]] || builtin printf \'%s=%s\\0\' "$__magnus_name" "${!__magnus_name}" '
    '|| __magnus_lost=1; done >&"$__magnus_fd" 2>/dev/null || __magnus_lost=1; }; '
    '__magnus_status() { builtin return "$1"; }; '
    "__magnus_end() { __magnus_export; "
    "if [[ -n $__magnus_exit ]]; then builtin set +e; "
    "[[ $__magnus_flags != *u* ]] || builtin set -u; [[ $__magnus_flags != *v* ]] || builtin set -v; "
    "[[ $__magnus_flags != *x* ]] || builtin set -x; "
    '__magnus_status "$__magnus_was"; builtin eval "$__magnus_exit"; '
    "{ __magnus_quiet; } 2>/dev/null; __magnus_export; fi; "
    f"[[ -z $__magnus_lost || $__magnus_was != 0 ]] || {{ builtin echo '{_NO_ROOM}' >&2; builtin exit {_NO_ROOM_STATUS}; }}; "
    "builtin return 0; }; "
    "trap() { "
    'if ((BASH_SUBSHELL > 0)) || [[ $# -lt 2 ]]; then builtin trap "$@"; return; fi; '
    'if [[ $1 == -- ]]; then shift; elif [[ $1 == -[lp] ]]; then builtin trap "$@"; return; fi; '
    "local __magnus_action=$1 __magnus_signal; local -a __magnus_others=(); shift; "
    'for __magnus_signal in "$@"; do case ${__magnus_signal^^} in '
    "EXIT|SIGEXIT|0) __magnus_exit=$__magnus_action; [[ $__magnus_action != - ]] || __magnus_exit=;; "
    '*) __magnus_others+=("$__magnus_signal");; esac; done; '
    'if ((${#__magnus_others[@]})); then builtin trap -- "$__magnus_action" "${__magnus_others[@]}"; fi; }; '
    "builtin trap '{ __magnus_was=$? __magnus_flags=$-; __magnus_quiet; } 2>/dev/null; __magnus_end' EXIT; "
)
PRELUDE_SH: Final = (
    f"{_TAKE_ARGUMENTS}trap '__magnus_was=$?; {{ set +xvu; }} 2>/dev/null; export -p >| /dev/fd/$__magnus_fd || "
    f'[ $__magnus_was != 0 ] || {{ echo "{_NO_ROOM}" >&2; exit {_NO_ROOM_STATUS}; }}\' EXIT; '
)
STRICT_BASH: Final = "set -euo pipefail; "
STRICT_SH: Final = "set -eu; "
EVALUATE: Final = 'eval "$__magnus_command"'


def shell_argv(shell: str, command: str, *, strict: bool, descriptor: int) -> list[str]:
    """The argv that runs `command` with the shell at the path `shell` and tells exports through `descriptor`."""
    bash = is_bash(shell)
    prelude, careful = (PRELUDE_BASH, STRICT_BASH) if bash else (PRELUDE_SH, STRICT_SH)
    script = prelude + (careful if strict else "") + EVALUATE
    pieces = [command[at : at + _LONGEST_PIECE] for at in range(0, len(command), _LONGEST_PIECE)]
    return [shell, "-c", script, shell.rpartition("/")[2], str(descriptor), *pieces]


def is_bash(shell: str) -> bool:
    """Whether the shell is bash, which tells its exports exactly; others tell them as shell code."""
    return shell.rpartition("/")[2] == "bash"


def exports(shell: str, output: bytes) -> dict[str, str]:
    """The exported variables by name, from what the script wrote; the last word on a variable counts."""
    text = output.decode("utf-8", "surrogateescape")
    pairs = (entry.partition("=") for entry in (text.split("\0") if is_bash(shell) else _exported(text)))
    return {name: value for name, equals, value in pairs if equals}


def _exported(text: str) -> Iterator[str]:
    """The words of `export -p`: POSIX wants output that the shell can read again."""
    try:
        words: Sequence[str] = shlex.split(text, comments=False)
    except ValueError:  # cut off: the shell was killed while it wrote
        return
    yield from (word for word in words if word != "export")

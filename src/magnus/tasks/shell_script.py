"""The script that runs a user's command and tells, at its end, which variables it exported. Used by `tasks.shell`.

The command is evaluated by the shell itself, so that a trailing comment, `exit 0` or a heredoc stay what they are. A
trap on EXIT writes the exported variables through a private descriptor: text that is merely printed never counts. A
trap the user sets on EXIT is kept and run as well. Options that the user sets (`-x`, `-v`, `-u`, `-T`, `-E`, posix) are off
while the trap writes, so that no value reaches a trace, and nothing in it depends on `IFS` or on functions of the user.
The script is one line, so that line numbers are the user's.

The trap does not run when the shell is replaced by `exec`, when a signal kills it, and when the user sets a trap on EXIT
in posix mode.
"""

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

_LONGEST_PIECE: Final = 30_000
"""Characters of a command in one argument, of which Linux takes 131,072 bytes."""
_TAKE_ARGUMENTS: Final = (
    "__magnus_fd=$1 __magnus_command=; shift; "
    'for __magnus_piece in "$@"; do __magnus_command=$__magnus_command$__magnus_piece; done; '
    "set --; unset __magnus_piece; "
)

PRELUDE_BASH: Final = (
    f"{_TAKE_ARGUMENTS}__magnus_exit= __magnus_was= __magnus_flags= __magnus_name= __magnus_names=; "
    "__magnus_quiet() { builtin set +xvuTE; builtin set +o posix; }; "
    '__magnus_export() { builtin mapfile -t __magnus_names <<< "$(builtin compgen -e)"; '
    'for __magnus_name in "${__magnus_names[@]}"; do '
    '[[ ! -v $__magnus_name ]] || builtin printf \'%s=%s\\0\' "$__magnus_name" "${!__magnus_name}"; done '
    '>&"$__magnus_fd" 2>/dev/null || builtin :; }; '
    '__magnus_status() { builtin return "$1"; }; '
    "__magnus_end() { __magnus_export; "
    "if [[ -n $__magnus_exit ]]; then builtin set +e; "
    "[[ $__magnus_flags != *u* ]] || builtin set -u; [[ $__magnus_flags != *v* ]] || builtin set -v; "
    "[[ $__magnus_flags != *x* ]] || builtin set -x; "
    '__magnus_status "$__magnus_was"; builtin eval "$__magnus_exit"; '
    "{ __magnus_quiet; } 2>/dev/null; __magnus_export; fi; builtin return 0; }; "
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
PRELUDE_SH: Final = f"{_TAKE_ARGUMENTS}trap '{{ set +xvu; }} 2>/dev/null; export -p >| /dev/fd/$__magnus_fd' EXIT; "
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


def exports(shell: str, told: bytes) -> dict[str, str]:
    """The exported variables by name, from what the script wrote; the last word on a variable counts."""
    text = told.decode("utf-8", "surrogateescape")
    pairs = (entry.partition("=") for entry in (text.split("\0") if is_bash(shell) else _exported(text)))
    return {name: value for name, equals, value in pairs if equals}


def _exported(text: str) -> Iterator[str]:
    """The words of `export -p`: POSIX wants output that the shell can read again."""
    try:
        words: Sequence[str] = shlex.split(text, comments=False)
    except ValueError:  # cut off: the shell was killed while it wrote
        return
    yield from (word for word in words if word != "export")

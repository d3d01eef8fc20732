"""The script that runs a user's command and tells, at its end, which variables it exported. Used by `tasks.shell`.

The command is evaluated by the shell itself, so that a trailing comment, `exit 0` or a heredoc stay what they are. A
trap on EXIT writes the exported variables through a private descriptor: text that is merely printed never counts. A
trap the user sets on EXIT is kept and run as well. The script is one line, so that line numbers are the user's.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

_SCRIPT: Final = re.compile(
    r"(?<![^\s;&|<>()'\"$`=])[^\s;&|<>()'\"$`=]+\.(?:sh|bash|py|R|r|jl|pl|rb|js|sql|awk)(?![\w.])"
)
_SUFFIXES: Final = (".sh", ".bash", ".py", ".R", ".r", ".jl", ".pl", ".rb", ".js", ".sql", ".awk")
_MOST_BYTES: Final = 4_000_000

PRELUDE_BASH: Final = (
    "__magnus_fd=$1 __magnus_command=$2 __magnus_exit=; shift 2; "
    "__magnus_tell() { local IFS=$' \\t\\n' __magnus_name; "
    'for __magnus_name in $(compgen -e); do printf \'%s=%s\\0\' "$__magnus_name" "${!__magnus_name}"; done '
    '>&"$__magnus_fd" 2>/dev/null || :; }; '
    '__magnus_status() { return "$1"; }; '
    "__magnus_end() { local __magnus_was=$?; __magnus_tell; "
    'if [[ -n $__magnus_exit ]]; then set +e; __magnus_status "$__magnus_was"; eval "$__magnus_exit"; '
    "__magnus_tell; fi; return 0; }; "
    "trap() { "
    'if ((BASH_SUBSHELL > 0)) || [[ $# -lt 2 ]]; then builtin trap "$@"; return; fi; '
    'if [[ $1 == -- ]]; then shift; elif [[ $1 == -[lp] ]]; then builtin trap "$@"; return; fi; '
    "local __magnus_action=$1 __magnus_signal; local -a __magnus_others=(); shift; "
    'for __magnus_signal in "$@"; do case ${__magnus_signal^^} in '
    "EXIT|SIGEXIT|0) __magnus_exit=$__magnus_action; [[ $__magnus_action != - ]] || __magnus_exit=;; "
    '*) __magnus_others+=("$__magnus_signal");; esac; done; '
    'if ((${#__magnus_others[@]})); then builtin trap -- "$__magnus_action" "${__magnus_others[@]}"; fi; }; '
    "builtin trap __magnus_end EXIT; "
)
PRELUDE_SH: Final = "__magnus_fd=$1; __magnus_command=$2; shift 2; trap 'export -p > /dev/fd/$__magnus_fd' EXIT; "
STRICT_BASH: Final = "set -euo pipefail; "
STRICT_SH: Final = "set -eu; "
EVALUATE: Final = 'eval "$__magnus_command"'


def shell_argv(shell: str, command: str, *, strict: bool, descriptor: int) -> list[str]:
    """The argv that runs `command` with the shell at the path `shell` and tells exports through `descriptor`."""
    bash = is_bash(shell)
    prelude, careful = (PRELUDE_BASH, STRICT_BASH) if bash else (PRELUDE_SH, STRICT_SH)
    script = prelude + (careful if strict else "") + EVALUATE
    return [shell, "-c", script, shell.rpartition("/")[2], str(descriptor), command]


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


def scripts_of(command: str, working_directory: Path) -> Mapping[str, str]:
    """The scripts that a command names, with short hashes, as far as there are files of these names."""
    if not any(suffix in command for suffix in _SUFFIXES):
        return {}
    from magnus.tasks.source_text import short_hash  # lazy: most commands name no script

    found = {}
    for name in _SCRIPT.findall(command):
        try:
            file = working_directory / name
            if file.stat().st_size <= _MOST_BYTES:
                found[name] = short_hash(file.read_bytes())
        except OSError:
            continue
    return found

"""Writes the script that the jobs of one batch start: it sets up the job, runs its step, and leaves marks. Pure.

The marks are files of the folder of the run (`run_folder`). The first job that claims a step runs it; another one, as of
a submission whose answer was lost, ends at once. A step whose claim was revoked runs no more, also if its job is requeued.
The file of events is there before the mark of the start: a network file system remembers for a while that a file was missing.

The lines of `setup` and the step run in a subshell, which reads this script again. If these lines fail, also after a trap for
EXIT, the shell around it leaves the mark of the end. The subshell leaves the mark itself when the step is over, so a trap
runs after it. The mark is renamed from one file, so there is one.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from magnus.engine.reentry.protocol import EVENTS_VARIABLE, JOB_VARIABLE, MACHINE_VARIABLE

__all__ = ["JobScript", "environment_text", "is_variable"]

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_HEAD: Final = r"""#!/bin/bash
# A step of the run {run_id}. Arguments: the index of the job, its id, its machine, and how often it was requeued.
magnus_name={key}-$1 magnus_index=$1 magnus_job=$2 magnus_machine=$3 magnus_restarts=${{4:-0}}
magnus_folder={folder}
magnus_new="$magnus_folder/new/$magnus_name.$magnus_restarts"
magnus_end() {{
    if [ -e "$magnus_new.end" ]; then
        command mv -- "$magnus_new.end" "$magnus_folder/marks/$magnus_name.$magnus_restarts.end.$1" 2>/dev/null
    elif [ -n "$magnus_was_full" ]; then
        : 2>/dev/null >"$magnus_folder/marks/$magnus_name.$magnus_restarts.end.$1"
    fi
    exit "$1"
}}
if [ "${{magnus_shell:-}}" != "$$" ]; then
    if [ -e "$magnus_folder/stopped" ]; then
        echo "magnus: the run was stopped, so this job does not run its step" >&2
        exit 130
    fi
    magnus_claim="$magnus_folder/claims/$magnus_name"
    if ! ln -s -- "$magnus_job" "$magnus_claim" 2>/dev/null && [ "$(readlink -- "$magnus_claim")" != "$magnus_job" ]; then
        if [ -L "$magnus_claim" ]; then
            echo "magnus: another job runs this step" >&2
            exit 0
        fi
        echo "magnus: the folder '$magnus_folder' cannot be written on $magnus_machine, or is gone" >&2
        exit 74
    fi
    : >>"$magnus_folder/events/$magnus_name"
    magnus_was_full=
    : >"$magnus_new.end" || magnus_was_full=yes
    printf '%s\n' "$magnus_machine" "$magnus_job" "$(readlink -- "/proc/$$/fd/1")" >"$magnus_new" &&
        mv -- "$magnus_new" "$magnus_folder/marks/$magnus_name.$magnus_restarts.start"
    trap : INT TERM
    magnus_shell=$$
    (. "$0")
    magnus_end "$?"
fi
unset magnus_shell
set --
trap 'exit 130' INT
trap 'exit 143' TERM
. "$magnus_folder/environment"
export {job}="$magnus_job" {machine}="$magnus_machine" {events}="$magnus_folder/events/$magnus_name"
cd -- {working_directory} || {{
    echo "magnus: the working directory is not there on $magnus_machine" >&2
    exit 3
}}
"""
_TAIL: Final = r"""cd -- {working_directory} || exit 3
case $magnus_index in
{commands}
esac
trap : INT TERM
"${{magnus_command[@]}}" </dev/null
magnus_end "$?"
"""


class JobScript(Struct, frozen=True):
    """The script of a batch.

    Attributes:
        key: of the batch.
        run_id: of the run.
        folder: the private folder of the run.
        working_directory: where steps run.
        setup: lines of shell that come before a step.
        commands: the argv of each job, by its index.
    """

    key: str
    run_id: str
    folder: Path
    working_directory: Path
    setup: Sequence[str]
    commands: Sequence[Sequence[str]]

    def text(self) -> str:
        """The script."""
        working_directory = shlex.quote(str(self.working_directory))
        head = _HEAD.format(
            run_id=self.run_id,
            key=self.key,
            folder=shlex.quote(str(self.folder)),
            job=JOB_VARIABLE,
            machine=MACHINE_VARIABLE,
            events=EVENTS_VARIABLE,
            working_directory=working_directory,
        )
        commands = "\n".join(
            f"{index}) magnus_command=({shlex.join(command)}) ;;" for index, command in enumerate(self.commands)
        )
        tail = _TAIL.format(working_directory=working_directory, commands=commands)
        return "".join([head, *(f"{line}\n" for line in self.setup), tail])


def is_variable(name: str) -> bool:
    """Whether a shell can set a variable of this name."""
    return _VARIABLE.match(name) is not None


def environment_text(variables: Mapping[str, str]) -> str:
    """Lines of shell that set the variables; of those only which a shell can set."""
    return "".join(
        f"export {name}={shlex.quote(value)}\n" for name, value in sorted(variables.items()) if is_variable(name)
    )

"""What differs from the commit that a run ran: the diff of tracked files, and the names of untracked ones.

Called by `app` where the catalog is to keep it. Git works while the pipeline is loaded, as it does for the code identity.
"""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from magnus.engine.provenance.code_identity import excluding, started

_MOST_BYTES: Final = 5_000_000
_DIFF: Final = ("diff", "HEAD", "--binary", "--no-color", "--no-ext-diff", "--src-prefix=a/", "--dst-prefix=b/", "--")
_UNTRACKED: Final = ("ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--")


class Asked(Struct, frozen=True):
    """Git at work: the diff, and the names of untracked files."""

    diff: "subprocess.Popen[bytes]"
    untracked: "subprocess.Popen[bytes]"


def asked(working_directory: Path, environment: Mapping[str, str], own_folders: Sequence[Path] = ()) -> Asked | None:
    """Start to ask git; None when there is none. `own_folders`, where magnus itself writes, do not count as changes."""
    everything = (":/", *excluding(own_folders, working_directory))
    commands = [(*_DIFF, *everything), (*_UNTRACKED, *everything)]
    processes = started(commands, working_directory, environment)
    return Asked(*processes) if processes else None


def answer(question: Asked | None) -> bytes:
    """The changes in a form that `git apply` takes, untracked names in lines before; empty when there are none.

    What is too long is cut, and says so at its end.
    """
    if question is None:
        return b""
    diff, untracked = (_output(process) for process in (question.diff, question.untracked))
    names = b"".join(b"# untracked: %b\n" % _on_one_line(name) for name in untracked.split(b"\0") if name)
    changes = names + diff
    if len(changes) <= _MOST_BYTES:
        return changes
    return changes[:_MOST_BYTES] + b"\n# cut: there is more than %d bytes of it\n" % _MOST_BYTES


def _output(process: "subprocess.Popen[bytes]") -> bytes:
    """What it says, as far as it is wanted; nothing when it fails, as it does where there is no commit."""
    with process:
        output = process.stdout.read(_MOST_BYTES + 1) if process.stdout else b""
        if len(output) > _MOST_BYTES:
            process.kill()
            return output
    return output if process.returncode == 0 else b""


def _on_one_line(name: bytes) -> bytes:
    return name.replace(b"\n", b"\\n")

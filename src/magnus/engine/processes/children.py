"""Runs a child process to its end, also when this process is interrupted. Used where magnus runs magnus."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final, TypeAlias

_SECONDS_TO_END: Final = 3.0
"""How long a child has to end by itself: Ctrl-C reaches it too."""
Stream: TypeAlias = IO[bytes] | int | None


def run_to_end(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    stdout: Stream = None,
    stderr: Stream = None,
) -> int:
    """The exit status of the command; it reads nothing.

    If this process is interrupted, the child is terminated, and KeyboardInterrupt is raised when it has exited.
    """
    child = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
    )
    try:
        return child.wait()
    except KeyboardInterrupt:
        try:
            child.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGTERM)
            child.wait()
        raise

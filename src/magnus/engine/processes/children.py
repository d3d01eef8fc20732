"""Runs a command of magnus to its end; the command ends if this process ends first, also by SIGKILL.

The command holds the reading end of a pipe, and this process the other one: the kernel closes it with this process.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import IO, Final, TypeAlias

PARENT_OPTION: Final = "--parent-pipe"
"""The option of the command that takes the descriptor for `end_with_parent`."""
_SECONDS_TO_END: Final = 3.0
"""How long the command has to end by itself: Ctrl-C reaches it too."""
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

    If this process is interrupted, the command is terminated, and KeyboardInterrupt is raised when it has exited.
    """
    reading, writing = os.pipe()
    try:
        child = subprocess.Popen(
            [*command, PARENT_OPTION, str(reading)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=(reading,),
        )
        return _waited(child)
    finally:
        os.close(reading)
        os.close(writing)


def _waited(child: "subprocess.Popen[bytes]") -> int:
    try:
        return child.wait()
    except KeyboardInterrupt:
        try:
            child.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGTERM)
            child.wait()
        raise


def end_with_parent(pipe: int) -> None:
    """Terminate this process when the process that started it by `run_to_end` ends; `pipe` is the descriptor from there."""
    os.set_inheritable(pipe, False)  # noqa: FBT003 - its signature

    def wait() -> None:
        if not os.read(pipe, 1):
            os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=wait, name="magnus-parent", daemon=True).start()

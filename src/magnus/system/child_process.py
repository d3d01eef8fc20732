"""Runs a child process in a session of its own and leaves nothing of it behind when it has to end early.

Called by the task kinds that isolate, and by `engine.step.child`. The output of the child is that of this process.
"""

import errno
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Final

from magnus.errors import TaskFailed
from magnus.system import descendants

if TYPE_CHECKING:
    from subprocess import Popen

_GRACE_SECONDS: Final = 1.0
_LOOK_AGAIN_SECONDS: Final = 0.02
_SHORTEST_PAUSE_SECONDS: Final = 0.0005
_STATUS_IS_LOST: Final = "code in this process ignores SIGCHLD, or waits for all children, as os.waitpid(-1, 0) does"


class TimedOut(TaskFailed):
    """The child did not end in time; it and its group are gone."""


def run_process(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    working_directory: Path,
    timeout: float | None,
    pass_fds: Sequence[int] = (),
    ends_all: bool = False,
) -> int:
    """Run `argv` until it exits. Returns its exit status, or minus the number of the signal that killed it.

    The child has an empty standard input, descriptors 1, 2 and `pass_fds` of this process, and exactly `environment`.
    If the child exits by itself, its background processes keep running and nobody waits for them. With `ends_all`
    they are stopped, as on a timeout, before this returns. If `timeout` (seconds) is over, a signal killed the child,
    or an exception such as KeyboardInterrupt arrives, its whole group gets SIGTERM, has a second to exit, and gets
    SIGKILL. Processes that left the group get the same, as far as `system.descendants` finds them.

    Raises TimedOut, and TaskFailed when the child cannot be started, or when its exit status is lost.
    """
    import subprocess  # lazy: most runs start no process

    process: Popen[bytes] | None = None
    try:
        with _child_signals_held_back():
            with _interruptions_held_back():
                process = _started(argv, environment, working_directory, pass_fds)
            code = _waited(process, timeout)
        if code < 0 or ends_all:
            _end_all(process, environment)
    except subprocess.TimeoutExpired:
        assert process is not None
        _end_all(process, environment)
        raise TimedOut(f"timed out after {timeout:g} s") from None
    except BaseException:
        if process is not None:
            _end_all(process, environment)
        raise
    return code


def _started(
    argv: Sequence[str], environment: Mapping[str, str], working_directory: Path, pass_fds: Sequence[int]
) -> "Popen[bytes]":
    import subprocess  # lazy: as above

    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            env=environment,
            cwd=working_directory,
            start_new_session=True,
            pass_fds=pass_fds,
        )
    except (OSError, ValueError) as error:
        raise TaskFailed(_not_started(argv[0], working_directory, error)) from error


def _waited(process: "Popen[bytes]", timeout: float | None) -> int:
    """The result of `Popen.wait`, which takes an exit status that other code of this process took for 0.

    TaskFailed then, subprocess.TimeoutExpired if the child is there when `timeout` (seconds) is over.
    """
    import subprocess  # lazy: as above

    deadline = None if timeout is None else time.monotonic() + timeout
    pause = _SHORTEST_PAUSE_SECONDS
    try:
        while True:
            pid, status = os.waitpid(process.pid, 0 if deadline is None else os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                return process.returncode
            if deadline is not None and (seconds := deadline - time.monotonic()) <= 0:
                raise subprocess.TimeoutExpired(process.args, timeout or 0.0)
            pause = min(2 * pause, seconds, _LOOK_AGAIN_SECONDS)
            time.sleep(pause)
    except ChildProcessError:
        fix = "wait for processes by their own numbers, and do not ignore SIGCHLD"
        raise TaskFailed(f"the exit status of its process is lost: {_STATUS_IS_LOST}", fix=fix) from None


@contextmanager
def _child_signals_held_back() -> Iterator[None]:
    """Let SIGCHLD count at the end: if it is ignored, no child has an exit status, and a handler may take it."""
    before = signal.getsignal(signal.SIGCHLD) if current_thread() is main_thread() else None
    if before is None or before == signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)
        if callable(before):
            signal.raise_signal(signal.SIGCHLD)


@contextmanager
def _interruptions_held_back() -> Iterator[None]:
    """Let SIGINT and SIGTERM count at the end: an exception while a process is started would lose the process."""
    if current_thread() is not main_thread():  # no other gets such exceptions
        yield
        return
    arrived: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    held_back = {number: handler for number, handler in before.items() if callable(handler)}
    for number in held_back:
        signal.signal(number, lambda number, _frame: arrived.append(number))
    try:
        yield
    finally:
        for number, handler in held_back.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])


def describe_exit(code: int) -> str:
    """How a process exited, from the result of `run_process`: `exit status 7`, `killed by SIGKILL`."""
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _not_started(program: str, working_directory: Path, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.E2BIG:
        return f"'{program}' could not be started: its arguments and environment are too large together"
    if isinstance(error, OSError) and not working_directory.is_dir():
        return f"'{program}' could not be started: there is no working directory '{working_directory}'"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"'{program}' could not be started: {reason}"


def _end_all(process: "Popen[bytes]", environment: Mapping[str, str]) -> None:
    """End the child, its group, and processes that left the group."""
    try:
        _end_group(process)
    finally:
        if address := environment.get(descendants.CHANNEL):
            descendants.end(descendants.of_attempt(address))


def _end_group(process: "Popen[bytes]") -> None:
    """End the child and its group; it is reaped even when a second interruption cuts the grace short."""
    try:
        _send(process.pid, signal.SIGTERM)
        _wait_for_group(process, time.monotonic() + _GRACE_SECONDS)
    finally:
        _send(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for_group(process: "Popen[bytes]", deadline: float) -> None:
    """Return when nothing is left of the group, or at the deadline (monotonic seconds)."""
    while time.monotonic() < deadline:
        process.poll()  # a child that exited but is not reaped would count as alive
        if not _send(process.pid, 0):
            return
        time.sleep(_LOOK_AGAIN_SECONDS)


def _send(group: int, number: int) -> bool:
    """Send the signal to the group; False when nothing of it is left."""
    with suppress(PermissionError):  # it is there, as another user
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            return False
    return True

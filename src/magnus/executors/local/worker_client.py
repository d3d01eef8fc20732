"""Talks to a worker and to the forkserver, from the process that sends steps. Used by `workers`."""

import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Final

import magnus
from magnus.errors import ProcessDied
from magnus.executors.local import messages
from magnus.executors.local.messages import ScopeDeltaEncoder
from magnus.interfaces.executor import WorkerSpec
from magnus.interfaces.reporter import AttemptFailed, Event, StepOutput
from magnus.system.child_process import describe_exit

_ROOT: Final = Path(magnus.__file__).parent.parent
_START: Final = (
    "import gc, sys; gc.disable(); sys.path.append(sys.argv[1])\n"  # importing makes many objects and no cycles
    "from magnus.executors.local.forkserver import main; main()"
)


class Worker:
    """A worker as seen from here; `step` is what it runs."""

    def __init__(self, pid: int, connection: socket.socket) -> None:
        self.pid = pid
        self.connection = connection
        self.step: Future[None] | None = None
        self.sender = ScopeDeltaEncoder()
        self.frames = messages.Frames()
        self._since = 0.0
        self._shown = 0

    def begin(self, step: "Future[None]") -> None:
        """It gets the step next."""
        self.step = step
        self._since, self._shown = time.monotonic(), 0

    def note(self, event: Event) -> None:
        """Know how far the attempt is."""
        match event:
            case StepOutput(data=data):
                self._shown += len(data)
            case AttemptFailed(retry_in=wait):
                self._since, self._shown = time.monotonic() + wait, 0
            case _:
                pass

    def died(self, message: str) -> ProcessDied:
        """What became of its step."""
        seconds = max(0.0, time.monotonic() - self._since)
        return ProcessDied(message, pid=self.pid, shown=self._shown, seconds=seconds)


class Forkserver:
    """The process that forks workers, and the connection to it."""

    def __init__(self) -> None:
        self.connection, theirs = socket.socketpair()
        self.works = False
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, str(_ROOT), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=[theirs.fileno()],
            )

    def prepare(self, worker_spec: WorkerSpec) -> None:
        """Say how steps are run."""
        with suppress(OSError):  # it has exited: the next read reports that
            messages.send(self.connection, (list(sys.path), list(sys.argv)))
            messages.send(self.connection, (worker_spec.entry, worker_spec.argument))

    def tell(self, commands: str) -> None:
        """Say what it is to do; one that is gone is noticed by who listens to it."""
        with suppress(OSError):
            self.connection.sendall(commands.encode())

    def hang_up(self) -> None:
        """Let it end, and what is left of its workers with it."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Let it end, and wait until it has; for one that no run has used, or that is over."""
        self.hang_up()
        self.wait()

    def wait(self) -> int:
        """Wait until it has exited; returns its exit status."""
        code = self._process.wait()
        self.connection.close()
        return code


def settle(step: "Future[None] | None", error: Exception | None) -> None:
    """Set the result or error of the future of a step, unless it has one."""
    if step is None or step.done():
        return
    if error is None:
        step.set_result(None)
    else:
        step.set_exception(error)


def death(code: int) -> str:
    """The message of an attempt whose worker exited with this code before the step finished."""
    hint = ", as the system may when memory runs out" if code == -signal.SIGKILL else ""
    return f"the worker process died before the step finished: {describe_exit(code)}{hint}"

"""Talks to a worker and to the forkserver, from the process that sends steps. Used by `workers`."""

import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Final

import magnus
from magnus.errors import ProcessDied
from magnus.executors.local import messages, tickets
from magnus.executors.local.messages import ScopeDeltaEncoder
from magnus.interfaces.executor import StepRequest, WorkerSpec
from magnus.interfaces.reporter import AttemptFailed, Event, StepOutput
from magnus.interfaces.secrets import Secret
from magnus.system.child_process import describe_exit

_ROOT: Final = Path(magnus.__file__).parent.parent
_START: Final = (
    "import gc, sys; gc.disable(); sys.path.append(sys.argv[1])\n"  # importing makes many objects and no cycles
    "from magnus.executors.local.forkserver import main; main()"
)


MOST_STEPS: Final = 16
_MOST_BYTES_AHEAD: Final = 8 * 1024


class SubmittedStep:
    """A step that has to run; `is_long` says that its request is too long to be sent to a worker ahead."""

    __slots__ = ("future", "is_long", "request")

    def __init__(self, request: StepRequest) -> None:
        self.future: Future[None] = Future()
        self.request = request
        self.is_long = False

    def settle(self, error: BaseException | None) -> None:
        """Set the result or error of the future, unless it has one."""
        if self.future.done():
            return
        if error is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(error)


class Worker:
    """A worker as seen from here; one that `is_closed` takes no steps.

    `steps` are the ones it has, by their tickets: it runs the first, the others wait.
    """

    def __init__(self, pid: int, connections: Sequence[socket.socket]) -> None:
        self.pid = pid
        self.connection, self._queue, self._tickets = connections
        self.steps: dict[int, SubmittedStep] = {}
        self.frames = messages.Frames()
        self.is_closed = False
        self._sender = ScopeDeltaEncoder()
        self._last_ticket = 0
        self._unread: deque[int] = deque()
        self._has_worked = False
        self._since = 0.0
        self._shown = 0

    def has_room_for(self, step: SubmittedStep) -> bool:
        """Whether the step may be sent now: to one that runs nothing, or ahead."""
        return not self.is_closed and (not self.steps or (not step.is_long and len(self._unread) < MOST_STEPS))

    def send(self, step: SubmittedStep, secrets: Sequence[Secret]) -> bool:
        """Send the step; False if its request is too long to be sent ahead, as it might wait for room in the connection."""
        ticket, limit = self._last_ticket + 1, _MOST_BYTES_AHEAD if self.steps else None
        message = self._sender.message(ticket, step.request, secrets, limit=limit)
        if message is None:
            step.is_long = True
            return False
        if not self.steps:
            self._starts()
        self.steps[ticket] = step
        self._last_ticket = ticket
        self._unread.append(ticket)
        with suppress(OSError):  # it has just died, which the forkserver will say
            tickets.put(self._tickets, ticket)  # first: a worker that waits for tickets does not read
            self.connection.sendall(message)
        return True

    def take_back(self) -> SubmittedStep | None:
        """A step that has not started, and that the worker will not run; None if it has none."""
        ticket = tickets.take_now(self._queue)
        return None if ticket is None else self.steps.pop(ticket)

    def take_back_all(self) -> list[SubmittedStep]:
        """All such steps, in their order."""
        steps: list[SubmittedStep] = []
        while (step := self.take_back()) is not None:
            steps.append(step)
        return steps

    def done(self, ticket: int) -> SubmittedStep:
        """Take the step that has finished; the next one runs now."""
        while self._unread and self._unread[0] <= ticket:
            self._unread.popleft()
        self._has_worked = True
        self._starts()
        return self.steps.pop(ticket)

    def end(self) -> tuple[list[SubmittedStep], list[SubmittedStep]]:
        """Take the steps of a worker that is gone: the one that it ran, if any, and the ones that have not started.

        If it died before it took any, the first counts as the one that it ran: no worker may come further.
        """
        waiting, ran = self.take_back_all(), list(self.steps.values())
        if not ran and not self._has_worked:
            ran, waiting = waiting[:1], waiting[1:]
        self.steps.clear()
        for connection in (self.connection, self._queue, self._tickets):
            connection.close()
        return ran, waiting

    def hang_up(self) -> None:
        """Let it end when it has done what it does."""
        for connection in (self.connection, self._tickets):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _starts(self) -> None:
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


def death(code: int) -> str:
    """The message of an attempt whose worker exited with this code before the step finished."""
    hint = ", as the system may when memory runs out" if code == -signal.SIGKILL else ""
    return f"the worker process died before the step finished: {describe_exit(code)}{hint}"

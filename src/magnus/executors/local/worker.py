"""A worker: a process that runs whole steps, one after the other, as long as somebody sends them. Forked by `forkserver`."""

import atexit
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from threading import Lock
from types import FrameType
from typing import TypeAlias

from msgspec import Struct

from magnus.engine.processes import forks
from magnus.engine.processes.eviction import Evicted, evict
from magnus.errors import MagnusError
from magnus.executors.local import messages, tickets
from magnus.executors.local.messages import Receiver, SentRequest
from magnus.interfaces.executor import StepRequest, Steps
from magnus.interfaces.reentry import EVICTED
from magnus.interfaces.reporter import Event
from magnus.interfaces.secrets import Secret

Tell: TypeAlias = Callable[[Event | Secret], None]
PreparedSteps: TypeAlias = Callable[[Tell], AbstractContextManager[Steps]]


class Done(Struct, frozen=True):
    """The step with this ticket has finished and is recorded; or it could not be run because of `error`."""

    ticket: int
    error: MagnusError | None = None


class Broken(Struct, frozen=True):
    """No step can be run here."""

    error: MagnusError


def work(connection: socket.socket, queue: socket.socket, prepared: PreparedSteps) -> int:
    """Run the steps that are sent, one for each ticket in the `queue`, until it ends or a signal comes; returns the exit status.

    On SIGINT, which the executor sends, a step is recorded as interrupted, as on Ctrl-C. On SIGTERM, which comes from the
    system, the step stays open for another worker (`magnus.engine.processes.eviction`). Both stop the processes of the step.
    """
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    signal.signal(signal.SIGTERM, evict)
    signal.signal(signal.SIGINT, _interrupt)
    own = _Connection(connection, queue)
    status = 0
    try:
        with forks.dropped(connection.close), forks.dropped(queue.close), prepared(own.tell) as steps:
            _work(own, steps)
            _ignore_signals()
    except Evicted:
        status = EVICTED
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    except MagnusError as error:
        with suppress(OSError):
            own.send(Broken(error))
    _ignore_signals()
    atexit._run_exitfuncs()  # noqa: SLF001 - what libraries of users rely on; the interpreter does not end here
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    return status


def _work(own: "_Connection", steps: Steps) -> None:
    receiver = Receiver()
    with suppress(EOFError, OSError):
        while True:
            ticket = own.take_ticket()
            request = _request(own, receiver, steps, ticket)
            answer = Done(ticket)
            try:
                steps.run(request)
            except MagnusError as error:
                answer = Done(ticket, error)
            own.send(answer)


def _request(own: "_Connection", receiver: Receiver, steps: Steps, ticket: int) -> StepRequest:
    """The request with this ticket; the requests before it were taken back, and later ones may use values they brought."""
    while True:
        sent = own.receive()
        for secret in sent.secrets:
            steps.mask(secret)
        request = receiver.request(sent)
        if sent.ticket == ticket:
            return request


def _ignore_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ignore)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Does nothing. It is a function, since processes that user code starts at exit would inherit SIG_IGN."""


class _Connection:
    """The connection to who sends steps; events and secrets may come from any thread."""

    def __init__(self, connection: socket.socket, queue: socket.socket) -> None:
        self._connection = connection
        self._queue = queue
        self._lock = Lock()

    def tell(self, message: Event | Secret) -> None:
        """Tell what happens, and what is to be masked; that nobody listens any more ends no step."""
        with suppress(OSError):
            self.send(message)

    def send(self, message: Event | Secret | Done | Broken) -> None:
        """Send the message."""
        with self._lock:
            messages.send(self._connection, message)

    def take_ticket(self) -> int:
        """Wait until there is a step to run."""
        return tickets.take(self._queue)

    def receive(self) -> SentRequest:
        """Wait for the next request."""
        sent: SentRequest = messages.receive(self._connection)
        return sent

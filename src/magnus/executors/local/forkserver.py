"""The process that forks workers: it has imported what they need, and runs no threads.

`workers` starts it, and it serves `workers` until the connection ends. Then it stops all workers, even if the process that
started it was killed. One byte is one command: `+` forks a worker, `t` asks all workers to exit since the user stopped the
run, `e` asks them since their machine goes away, `k` kills them. It answers with pairs of numbers: a new worker and
STARTED, with the connections to it; or a worker that exited, and its status from waitpid(2).
"""

import gc
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from importlib import import_module
from struct import Struct
from typing import Final

from magnus.executors.local import messages, tickets
from magnus.executors.local.worker import PreparedSteps, work
from magnus.values import UserObject

ANSWER: Final = Struct("!iI")
STARTED: Final = 1 << 16
"""A worker started: no status of waitpid(2) is that large."""

_ENDS_BY_ITSELF_SECONDS: Final = 0.3
_GRACE_SECONDS: Final = 1.5
_LOOK_AGAIN_MS: Final = 20


def main() -> None:
    """Read how steps are run, and fork workers until the connection ends."""
    os.dup2(2, 1)  # standard output belongs to the run log
    own = socket.socket(fileno=int(sys.argv[2]))
    own.set_inheritable(False)
    import_module(
        "magnus.engine.step.run_step"
    )  # the largest part of what any entry needs, while the pipeline is still read
    try:
        sys.path[:], sys.argv[:] = messages.receive(own)
        entry, argument = messages.receive(own)
    except EOFError:  # no run came of it
        return
    prepared = _function(entry)(argument)
    gc.freeze()  # what is there now stays, and workers share its memory as long as nobody touches it
    _Workers(own, prepared).serve()


def _function(entry: str) -> UserObject:
    module, _, name = entry.partition(":")
    return getattr(import_module(module), name)


class _Workers:
    """The running workers, by their process ids."""

    def __init__(self, own: socket.socket, prepared: PreparedSteps) -> None:
        self._own = own
        self._prepared = prepared
        self._workers: set[int] = set()
        self._interrupted = False
        self._wakes, self._woken = socket.socketpair()
        self._woken.setblocking(False)  # noqa: FBT003 - the signature of socket
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # what arrives is seen through the descriptor
        self._poll = select.poll()
        for connection in (own, self._wakes):
            self._poll.register(connection, select.POLLIN)

    def serve(self) -> None:
        """Carry out commands until the connection ends, and stop the workers then."""
        with suppress(OSError):
            while True:
                self._reap()
                ready = [descriptor for descriptor, _ in self._poll.poll()]
                if self._wakes.fileno() in ready:
                    self._wakes.recv(4096)
                if self._own.fileno() in ready:
                    commands = self._own.recv(4096)
                    if not commands:
                        break
                    for command in commands.decode():
                        self._do(command)
        self._end_all()

    def _do(self, command: str) -> None:
        match command:
            case "+":
                self._fork()
            case "t":
                self._signal(signal.SIGINT)
            case "e":
                self._signal(signal.SIGTERM)
            case _:
                self._signal(signal.SIGKILL)

    def _fork(self) -> None:
        ours, theirs = tickets.connections()
        put, taken = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            self._become_worker(theirs, taken, (ours, put))
        theirs.close()
        self._workers.add(pid)
        with suppress(ProcessLookupError, PermissionError):
            os.setpgid(pid, pid)  # both processes do it, so that neither has to wait
        with ours, taken, put:
            descriptors = [connection.fileno() for connection in (ours, taken, put)]
            socket.send_fds(self._own, [ANSWER.pack(pid, STARTED)], descriptors)

    def _become_worker(self, theirs: socket.socket, taken: socket.socket, others: tuple[socket.socket, ...]) -> None:
        """Never returns: the worker exits when its work is done."""
        status = 1
        try:
            os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for connection in (*others, self._own, self._wakes, self._woken):
                connection.close()
            gc.enable()
            status = work(theirs, taken, self._prepared)
        except Exception:  # noqa: BLE001 - a fault of magnus: all that can still be done is to show it
            import traceback  # lazy: for bugs alone

            traceback.print_exc()
        finally:
            os._exit(status)  # a worker must not run the code of the forkserver

    def _reap(self) -> None:
        """Report the workers that have exited."""
        while self._workers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._workers.discard(pid)
            if self._interrupted:  # processes of a step are stopped with its worker
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
            self._own.sendall(ANSWER.pack(pid, status))

    def _signal(self, number: int) -> None:
        """Signal the workers; with SIGKILL also what they started in their groups."""
        self._interrupted = bool(self._workers)
        for pid in self._workers:
            with suppress(ProcessLookupError, PermissionError):
                (os.killpg if number == signal.SIGKILL else os.kill)(pid, number)

    def _end_all(self) -> None:
        """Idle workers exit by themselves; the others get a signal to exit, and are killed after a while."""
        self._poll.unregister(self._own)
        for seconds, number in ((_ENDS_BY_ITSELF_SECONDS, signal.SIGTERM), (_GRACE_SECONDS, signal.SIGKILL)):
            deadline = time.monotonic() + seconds
            while self._workers and time.monotonic() < deadline:
                self._reap_quietly()
            self._signal(number)

    def _reap_quietly(self) -> None:
        if self._poll.poll(_LOOK_AGAIN_MS):
            self._wakes.recv(4096)
        with suppress(OSError):
            self._reap()

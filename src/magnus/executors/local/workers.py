"""Warm worker processes that run whole steps: as many as there is work for, up to a number. Used by the local executor.

A process of its own (`forkserver`), which imported magnus once, forks the workers, so that a worker starts in milliseconds.
If a process of a pool of the standard library or of loky dies, the pool and all running steps fail. Here a worker that
dies fails its own step, and the next step gets another worker.
"""

import os
import select
import selectors
import signal
import socket
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from threading import Condition, Thread
from typing import Final

from magnus.errors import ServiceError
from magnus.executors.local import messages
from magnus.executors.local.forkserver import ANSWER, STARTED
from magnus.executors.local.worker import Broken, Done
from magnus.executors.local.worker_client import Forkserver, Worker, death, settle
from magnus.interfaces.executor import StepRequest, WorkerSpec
from magnus.interfaces.secrets import Secret
from magnus.system.child_process import describe_exit
from magnus.values import UserObject

_GRACE_SECONDS: Final = 3.0
_PIECE_BYTES: Final = 64 * 1024


class Workers:
    """At most `count` workers, for steps that run as `worker_spec` says.

    One thread listens to them; everything that it shares with callers is guarded by one lock. `slots` is twice the
    count, so that a worker finds its next step waiting when it is done with one.
    """

    def __init__(self, worker_spec: WorkerSpec, count: int, forkserver: Forkserver | None = None) -> None:
        self.slots = 2 * count
        self._worker_spec = worker_spec
        self._count = count
        self._changed = Condition()
        self._waiting: deque[tuple[Future[None], StepRequest]] = deque()
        self._workers: dict[int, Worker] = {}
        self._idle: list[Worker] = []
        self._secrets: list[Secret] = []
        self._starting = 0
        self._ending = False
        self._broken: BaseException | None = None
        self._forkserver = forkserver
        self._listening: Thread | None = None

    def start(self) -> None:
        """Start the forkserver, unless there is one; it imports magnus while the caller continues."""
        self._forkserver = self._forkserver or Forkserver()
        self._forkserver.prepare(self._worker_spec)
        self._listening = Thread(target=self._listen, args=(self._forkserver,), name="magnus workers", daemon=True)
        self._listening.start()

    def submit(self, request: StepRequest) -> "Future[None]":
        """Have the step run as soon as a worker is free."""
        future: Future[None] = Future()
        with self._changed:
            if self._broken is None:
                self._waiting.append((future, request))
                self._hand_out()
                return future
        future.set_exception(self._broken)
        return future

    def interrupt(self) -> None:
        """Ask the workers to end, with the steps that they run."""
        self._tell("t")

    def _tell(self, command: str) -> None:
        with self._changed:
            if self._forkserver is not None:
                self._forkserver.tell(command)

    def end(self, *, evicted: bool = False) -> None:
        """Stop all workers; running steps are interrupted, or left open if `evicted`, and waiting steps are cancelled."""
        with self._changed:
            self._ending = True
            for future, _ in self._waiting:
                future.cancel()
            self._waiting.clear()
            busy = any(worker.step for worker in self._workers.values())
        try:
            if busy:
                self._tell("e" if evicted else "t")
                self._wait_for_none()
        finally:
            with self._changed:
                for worker in self._workers.values():
                    _hang_up(worker.connection)
                if self._forkserver is not None:
                    self._forkserver.tell("k" if busy else "")
                    self._forkserver.hang_up()
            if self._listening is not None:
                self._listening.join()

    def _wait_for_none(self) -> None:
        deadline = time.monotonic() + _GRACE_SECONDS
        with self._changed:
            while self._workers and (seconds := deadline - time.monotonic()) > 0:
                self._changed.wait(seconds)

    def _hand_out(self) -> None:
        """Send waiting steps to idle workers, and start more workers if steps are left."""
        while self._waiting and self._idle:
            future, request = self._waiting.popleft()
            if future.set_running_or_notify_cancel():
                worker = self._idle.pop()
                worker.begin(future)
                with suppress(OSError):  # it has just died, which the forkserver will say
                    messages.send(worker.connection, worker.sender.sent(request, self._secrets))
        more = min(len(self._waiting) - self._starting, self._count - len(self._workers) - self._starting)
        if more > 0 and self._forkserver is not None and not self._ending:
            self._starting += more
            self._forkserver.tell("+" * more)

    def _listen(self, forkserver: Forkserver) -> None:
        """Take what workers and the forkserver say, until the forkserver is gone."""
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(forkserver.connection, selectors.EVENT_READ)
                while self._heard_all(forkserver, selector):
                    pass
        except BaseException as error:  # noqa: BLE001 - a run must not wait for a thread that is gone
            self._forkserver_is_gone(forkserver, error)
        else:
            self._forkserver_is_gone(forkserver)

    def _heard_all(self, forkserver: Forkserver, selector: selectors.BaseSelector) -> bool:
        """Wait for something to be said, and take it; False when the forkserver is gone."""
        for key, _ in selector.select():
            worker = key.data
            if worker is None:
                if not self._hear_forkserver(forkserver, selector):
                    return False
            elif worker.pid in self._workers and not self._hear(worker):
                selector.unregister(worker.connection)  # it hung up; the forkserver will report its exit status
        return True

    def _hear_forkserver(self, forkserver: Forkserver, selector: selectors.BaseSelector) -> bool:
        """Note a worker that started or exited; False when the forkserver is gone."""
        try:
            data, descriptors, _, _ = socket.recv_fds(forkserver.connection, ANSWER.size, 1)
        except OSError:
            return False
        if len(data) < ANSWER.size:
            return False
        pid, status = ANSWER.unpack(data)
        if status == STARTED:
            worker = Worker(pid, socket.socket(fileno=descriptors[0]))
            selector.register(worker.connection, selectors.EVENT_READ, worker)
            with self._changed:
                self._workers[pid] = worker
                self._starting -= 1
                forkserver.works = True
                self._idle.append(worker)
                self._hand_out()
        elif pid in self._workers:
            self._ended(self._workers[pid], os.waitstatus_to_exitcode(status), selector)
        return True

    def _hear(self, worker: Worker) -> bool:
        """Take what the worker says; False when it says nothing now."""
        try:
            data = worker.connection.recv(_PIECE_BYTES, socket.MSG_DONTWAIT)
        except OSError:
            return False
        for message in worker.frames.feed(data):
            self._take(worker, message)
        return bool(data)

    def _hear_the_rest(self, worker: Worker) -> None:
        """Take what a worker said that is being killed, until it is gone or does not go."""
        deadline = time.monotonic() + _GRACE_SECONDS
        while (seconds := deadline - time.monotonic()) > 0 and select.select([worker.connection], [], [], seconds)[0]:
            if not self._hear(worker):
                return

    def _take(self, worker: Worker, message: UserObject) -> None:
        match message:
            case Done(error=error):
                with self._changed:
                    step, worker.step = worker.step, None
                    self._idle.append(worker)
                    self._hand_out()
                settle(step, error)
            case Broken(error=error):
                with self._changed:
                    step, worker.step = worker.step, None
                    self._idle = [other for other in self._idle if other is not worker]
                    if step is None and self._waiting:
                        step, _ = self._waiting.popleft()
                        step.set_running_or_notify_cancel()
                settle(step, error)
            case Secret() as secret:
                self._worker_spec.mask(secret)
                with self._changed:
                    if secret not in self._secrets:
                        self._secrets.append(secret)
            case event:
                worker.note(event)
                self._worker_spec.report(event)

    def _ended(self, worker: Worker, code: int, selector: selectors.BaseSelector) -> None:
        """The worker is gone: what it said before is heard, then what it ran has failed."""
        while self._hear(worker):
            pass
        with suppress(KeyError):  # it had hung up before
            selector.unregister(worker.connection)
        worker.connection.close()
        with self._changed:
            del self._workers[worker.pid]
            self._idle = [other for other in self._idle if other is not worker]
            self._hand_out()
            self._changed.notify_all()
        settle(worker.step, worker.died(death(code)))

    def _forkserver_is_gone(self, forkserver: Forkserver, error: BaseException | None = None) -> None:
        """Start a new forkserver: without one no worker can start, and no exit of a worker is reported.

        If it never worked, or if the thread that listens failed with an `error`, no new one is started.
        """
        forkserver.hang_up()
        code = forkserver.wait()
        with self._changed:
            self._forkserver = None
            orphans, self._workers, self._idle, self._starting = self._workers, {}, [], 0
            restart = forkserver.works and not self._ending and error is None
            if not restart:
                self._broken = error or ServiceError(f"worker processes cannot be started: {describe_exit(code)}")
            rejected = [] if restart else list(self._waiting)
            if rejected:
                self._waiting.clear()
            self._changed.notify_all()
        for worker in orphans.values():
            if not self._ending:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(worker.pid, signal.SIGKILL)
            self._hear_the_rest(worker)
            worker.connection.close()
            settle(worker.step, worker.died("the worker process was stopped since its forkserver died"))
        for future, _ in rejected:
            if future.set_running_or_notify_cancel():
                future.set_exception(self._broken)
        with self._changed:
            if restart and not self._ending:
                self.start()
                self._hand_out()


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)

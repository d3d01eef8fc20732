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
import sys
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from threading import Condition, Thread
from typing import Final

from magnus.errors import ServiceError
from magnus.executors.local.forkserver import ANSWER, STARTED
from magnus.executors.local.worker import Broken, Done
from magnus.executors.local.worker_client import MOST_STEPS, Forkserver, SubmittedStep, Worker, death
from magnus.interfaces.executor import StepRequest, WorkerSpec
from magnus.interfaces.secrets import Secret
from magnus.system.child_process import describe_exit
from magnus.values import UserObject

_GRACE_SECONDS: Final = 3.0
_PIECE_BYTES: Final = 64 * 1024
_PAUSE_SECONDS: Final = 0.002
_ENOUGH_STEPS: Final = 3


class Workers:
    """At most `count` workers, for steps that run as `worker_spec` says.

    One thread listens to them; everything that it shares with callers is guarded by one lock. Steps are sent ahead, so
    that a worker finds its next step waiting, and the thread may look for results now and then, and take many at a time.
    An idle worker gets steps that others have not started, so that no step waits behind a long one.
    """

    def __init__(self, worker_spec: WorkerSpec, count: int, forkserver: Forkserver | None = None) -> None:
        self.slots = MOST_STEPS * count
        self._worker_spec = worker_spec
        self._count = count
        self._changed = Condition()
        self._waiting: deque[SubmittedStep] = deque()
        self._results: list[tuple[SubmittedStep, BaseException | None]] = []
        self._workers: dict[int, Worker] = {}
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
        step = SubmittedStep(request)
        with self._changed:
            if self._broken is None:
                self._waiting.append(step)
                self._hand_out()
                return step.future
        step.settle(self._broken)
        return step.future

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
            for worker in self._workers.values():
                self._waiting.extend(worker.take_back_all())
            for step in self._waiting:
                step.future.cancel()
            self._waiting.clear()
            busy = any(worker.steps for worker in self._workers.values())
        try:
            if busy:
                self._tell("e" if evicted else "t")
                self._wait_for_none()
        finally:
            with self._changed:
                for worker in self._workers.values():
                    worker.hang_up()
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
        """Send waiting steps to workers, idle ones first, and start more workers if there are steps for them."""
        workers = self._workers.values()
        while self._waiting and workers:
            worker, step = min(workers, key=_load), self._waiting[0]
            ahead = bool(worker.steps)
            if not worker.has_room_for(step) or (ahead and self._starting) or not worker.send(step, self._secrets):
                break
            self._waiting.popleft()
        self._balance()
        steps = len(self._waiting) + sum(len(worker.steps) for worker in workers)
        more = min(steps, self._count) - len(workers) - self._starting
        if more > 0 and self._forkserver is not None and not self._ending:
            self._starting += more
            self._forkserver.tell("+" * more)

    def _balance(self) -> None:
        """Send steps to idle workers that wait behind others."""
        workers = self._workers.values()
        for idle in [worker for worker in workers if not worker.steps and not worker.is_closed]:
            if self._waiting or (step := max(workers, key=lambda worker: len(worker.steps)).take_back()) is None:
                return
            idle.send(step, self._secrets)

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
        heard = 0
        for key, _ in selector.select():
            worker = key.data
            if worker is None:
                if not self._hear_forkserver(forkserver, selector):
                    return False
            elif worker.pid in self._workers:
                count = self._hear(worker)
                heard = max(heard, count)
                if not count:
                    worker.is_closed = True
                    selector.unregister(worker.connection)  # it hung up; the forkserver will report its exit status
        self._settle()
        if heard < _PIECE_BYTES and all(len(worker.steps) >= _ENOUGH_STEPS for worker in self._workers.values()):
            time.sleep(_PAUSE_SECONDS)  # workers have enough to do: results that come meanwhile are taken together
        return True

    def _settle(self) -> None:
        """Give workers their next steps, and settle the steps that have finished or failed."""
        if not self._results:
            return
        with self._changed:
            self._hand_out()
        results, self._results = self._results, []
        for step, error in results:
            step.settle(error)

    def _hear_forkserver(self, forkserver: Forkserver, selector: selectors.BaseSelector) -> bool:
        """Note a worker that started or exited; False when the forkserver is gone."""
        try:
            data, descriptors, _, _ = socket.recv_fds(forkserver.connection, ANSWER.size, 3)
        except OSError:
            return False
        if len(data) < ANSWER.size:
            return False
        pid, status = ANSWER.unpack(data)
        if status == STARTED:
            worker = Worker(pid, [socket.socket(fileno=descriptor) for descriptor in descriptors])
            selector.register(worker.connection, selectors.EVENT_READ, worker)
            with self._changed:
                self._workers[pid] = worker
                self._starting -= 1
                forkserver.works = True
                self._hand_out()
        elif pid in self._workers:
            self._worker_ended(self._workers[pid], os.waitstatus_to_exitcode(status), selector)
        return True

    def _hear(self, worker: Worker) -> int:
        """Take what the worker says; returns how many bytes, 0 when it says nothing now."""
        try:
            data = worker.connection.recv(_PIECE_BYTES, socket.MSG_DONTWAIT)
        except OSError:
            return 0
        for message in worker.frames.feed(data):
            self._take(worker, message)
        return len(data)

    def _hear_the_rest(self, worker: Worker) -> None:
        """Take what a worker said that is being killed, until it is gone or does not go."""
        deadline = time.monotonic() + _GRACE_SECONDS
        while (seconds := deadline - time.monotonic()) > 0 and select.select([worker.connection], [], [], seconds)[0]:
            if not self._hear(worker):
                return

    def _take(self, worker: Worker, message: UserObject) -> None:
        match message:
            case Done(ticket=ticket, error=error):
                with self._changed:
                    self._results.append((worker.done(ticket), error))
            case Broken(error=error):
                self._breaks(worker, error)
            case Secret() as secret:
                self._worker_spec.mask(secret)
                self._share(secret)
            case event:
                worker.note(event)
                self._worker_spec.report(event)

    def _breaks(self, worker: Worker, error: BaseException) -> None:
        """The worker can run no step: one fails with the error, and the others wait again."""
        with self._changed:
            worker.is_closed = True
            self._waiting.extendleft(reversed(worker.take_back_all()))
            steps = list(worker.steps.values()) or [self._waiting.popleft() for _ in range(min(1, len(self._waiting)))]
            worker.steps.clear()
        self._results.extend((step, error) for step in steps)

    def _share(self, secret: Secret) -> None:
        """Send the secret to every worker before its next step: steps that were sent ahead are sent again with it."""
        with self._changed:
            if secret in self._secrets:
                return
            self._secrets.append(secret)
            for worker in self._workers.values():
                self._waiting.extendleft(reversed(worker.take_back_all()))
            self._hand_out()

    def _worker_ended(self, worker: Worker, code: int, selector: selectors.BaseSelector) -> None:
        """The worker is gone: what it said before is heard, then what it ran has failed, and its other steps wait again."""
        while self._hear(worker):
            pass
        with suppress(KeyError):  # it had hung up before
            selector.unregister(worker.connection)
        with self._changed:
            del self._workers[worker.pid]
            self._abandon(worker, death(code))
            self._hand_out()
            self._changed.notify_all()

    def _abandon(self, worker: Worker, message: str) -> None:
        ran, waiting = worker.end()
        self._results.extend((step, worker.died(message)) for step in ran)
        if self._ending:
            for step in waiting:
                step.future.cancel()
        else:
            self._waiting.extendleft(reversed(waiting))

    def _forkserver_is_gone(self, forkserver: Forkserver, error: BaseException | None = None) -> None:
        """Start a new forkserver: without one no worker can start, and no exit of a worker is reported.

        If it never worked, or if the thread that listens failed with an `error`, no new one is started.
        """
        forkserver.hang_up()
        code = forkserver.wait()
        with self._changed:
            self._forkserver = None
            orphans, self._workers, self._starting = self._workers, {}, 0
            restart = forkserver.works and not self._ending and error is None
            if not restart:
                self._broken = error or ServiceError(f"worker processes cannot be started: {describe_exit(code)}")
            self._changed.notify_all()
        for worker in orphans.values():
            if not self._ending:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(worker.pid, signal.SIGKILL)
            self._hear_the_rest(worker)
            with self._changed:
                self._abandon(worker, "the worker process was stopped since its forkserver died")
        if not restart:
            with self._changed:
                self._results.extend((step, self._broken) for step in self._waiting)
                self._waiting.clear()
        self._settle()
        with self._changed:
            if restart and not self._ending:
                self.start()
                self._hand_out()


def _load(worker: Worker) -> int:
    """How many steps the worker has; one that takes none has more than any other."""
    return sys.maxsize if worker.is_closed else len(worker.steps)

"""An executor that runs every step in a process of its own, several at a time."""

import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

from msgspec import Struct

from magnus.errors import ProcessDied, ServiceError
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality
from magnus.interfaces.reentry import EVICTED, step_command


class ProcessOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`workers` is the number of steps at a time."""

    workers: int = 2


class ProcessExecutor:
    """Starts the re-entry command of a step, and waits for it in a thread."""

    options = ProcessOptions
    capabilities = ExecutorCapabilities(runs_on=Locality.HOST, concurrent=True, reenters=True)

    def __init__(self, options, run_step):
        del run_step  # for executors that run steps in this process
        self.slots = options.workers
        self._threads = ThreadPoolExecutor(options.workers)
        self._processes = set()
        self._starting = Lock()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.cancel()
        self._threads.shutdown()

    def submit(self, request) -> "Future[None]":
        return self._threads.submit(self._run, step_command(request, program=[sys.executable, "-m", "magnus"]))

    def cancel(self):
        with self._starting:
            for process in self._processes:
                process.send_signal(signal.SIGINT)  # the user's stop; SIGTERM says that the place goes away

    def _run(self, command):
        began = time.monotonic()
        with self._starting:  # a process that has begun can be cancelled
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
            self._processes.add(process)
        status = process.wait()
        with self._starting:
            self._processes.discard(process)
        if status < 0 or status == EVICTED:  # it was killed or told to end: that was an attempt
            message = f"the child process exited with status {status}"
            raise ProcessDied(message, pid=process.pid, shown=0, seconds=time.monotonic() - began)
        if status not in {0, 1}:  # 1: the step failed, which its record says
            raise ServiceError(f"{' '.join(command)} ended with status {status}")

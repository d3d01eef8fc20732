"""Pods of Argo that go wrong: they never start, are told to end, die in the middle, or end well without being believed.

Each pod is a process, a fork of this one, which gets its signal at a moment of its own choice: when its task runs, or
before or after it puts something into the run log.
"""

import os
import signal
import sys
import time
from collections import Counter

import simulated

from magnus.engine.step import attempts
from magnus.run_log_stores.chunked_file_system import ChunkedRunLogStore
from magnus.run_log_stores.file_system import FileSystemRunLogStore
from magnus.simulation.argo.expressions import substituted
from magnus.simulation.argo.pod import DELETED, ERROR, FAILED, SUCCEEDED, Ended, steps_of

KINDS = ("never", "unbelieved", "task", "before", "after")
SIGNALS = (signal.SIGTERM, signal.SIGKILL)
PUTS = ("create_run", "put_step", "update_run")


class DisturbedCalls(simulated.Calls):
    """Runs pods, of which the part `share` goes wrong, as the random number generator says."""

    def __init__(self, folder, random, share):
        super().__init__(folder)
        self.random = random
        self.share = share
        self.wrong = []

    async def run(self, template, variables, number):
        fault = self.fault(steps_of(variables), number)
        if fault is None:
            return await super().run(template, variables, number)
        kind, sent, at = fault
        if kind == "never":
            return Ended(ERROR, message=DELETED)
        if kind == "unbelieved":
            await super().run(template, variables, number)
            return Ended(ERROR, message=DELETED)
        return self._in_process(template, variables, kind, sent, at)

    def fault(self, steps, number):
        """How the pod of these steps goes wrong: the kind, the signal, and the number of the moment; None when it does not."""
        if not self.share or self.random.random() >= self.share:
            return None
        fault = self.random.choice(KINDS), self.random.choice(SIGNALS), self.random.choice((1, 1, 2, 3))
        self.wrong.append((steps, number, *fault))
        return fault

    def _in_process(self, template, variables, kind, sent, at):
        self.pods += 1
        file = self.folder / f".pod-{self.pods}"
        outputs = template.outputs.parameters if template.outputs else ()
        renamed = {p.value_from.path: str(file) for p in outputs}
        _, *argv = [substituted(renamed.get(part, part), variables) for part in template.container.command]
        given = {e.name: substituted(e.value, variables) for e in template.container.env}
        child = os.fork()
        if not child:
            _run_and_exit(argv, given, kind, sent, at)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        code = 128 - code if code < 0 else code
        values = {p.name: file.read_text() if file.exists() else p.value_from.default for p in outputs}
        file.unlink(missing_ok=True)
        return Ended(FAILED if code else SUCCEEDED, values, code)


class PlannedCalls(DisturbedCalls):
    """Runs pods, of which those that `faults` names by the path of the step and the number of the pod go wrong.

    Where several tasks are of one step, that of a loop, a third number says which one.
    """

    def __init__(self, folder, faults):
        super().__init__(folder, None, 0)
        self.faults = faults
        self._tasks = Counter()

    def fault(self, steps, number):
        self._tasks.update(() if number else steps)
        named = [name for step in steps for name in ((step, number), (step, number, self._tasks[step] - 1))]
        return next((self.faults[name] for name in named if name in self.faults), None)


def _run_and_exit(argv, given, kind, sent, at):
    try:
        _die(kind, sent, at)
        code = simulated.called(argv, given)
    except SystemExit as end:
        code = end.code or 0
    except BaseException as error:  # noqa: BLE001 - the command would say so and exit with 2
        print(error, file=sys.stderr)
        code = 2
    os._exit(code)


def _die(kind, sent, at):
    """Let this process get the signal at the `at`-th moment of that kind."""
    moments = iter(range(at, -1_000_000, -1))

    def perhaps():
        if next(moments) == 1:
            os.kill(os.getpid(), sent)
            time.sleep(0)

    def dying(method):
        def put(*args, **more):
            if kind == "before":
                perhaps()
            result = method(*args, **more)
            if kind == "after":
                perhaps()
            return result

        return put

    if kind == "task":
        run = attempts._run_kind
        attempts._run_kind = lambda *args: (perhaps(), run(*args))[1]
        return
    for store in (FileSystemRunLogStore, ChunkedRunLogStore):
        for name in PUTS:
            setattr(store, name, dying(getattr(store, name)))

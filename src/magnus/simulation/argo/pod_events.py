"""What pods of a simulated workflow tell, and how they end, as the events of one run. Used by `app.run.simulate`."""

import time
from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from magnus.graph.path import StepPath
from magnus.graph.structure import TERMINAL_TYPES
from magnus.interfaces.reporter import (
    AttemptFailed,
    Event,
    Reporter,
    StepEnded,
    StepReused,
    StepStarted,
    Warned,
)
from magnus.run_log.records import TERMINALS, Status
from magnus.simulation.argo.pod import FAILED, SUCCEEDED, Ended


class PodEventRelay:
    """Reports what pods tell, once; a failure only when it is known whether another pod follows."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._begun: dict[StepPath, float] = {}
        self._started: dict[StepPath, float] = {}
        self._kinds: dict[StepPath, str] = {}
        self._failed: dict[StepPath, StepEnded] = {}
        self._attempts: Counter[StepPath] = Counter()
        self._warned: set[str] = set()
        self._over: set[StepPath] = set()

    def hear(self, event: Event) -> None:
        """A pod tells something."""
        match event:
            case StepStarted(path, step_type):
                self._start(event, path, step_type)
            case StepEnded(status=Status.FAIL, path=path):
                if path not in self._over:
                    self._failed[path] = self._lasting(event)
            case StepEnded():
                self._reporter.report(self._lasting(event))
            case StepReused(path=path):
                if path not in self._started:
                    self._started[path] = time.monotonic()
                    self._reporter.report(event)
            case Warned(message=message, path=None):
                if message not in self._warned:  # every pod reads the pipeline
                    self._warned.add(message)
                    self._reporter.report(event)
            case _:
                self._reporter.report(event)

    def ended(self, _template: str, steps: Sequence[str], ended: Ended | None, retry_in: float | None) -> None:
        """A pod of these steps starts, or has finished; another one follows after `retry_in` seconds if that is not None."""
        paths = [StepPath.parse(step) for step in steps]
        if paths and ended is not None:
            self._report_inside(paths[0])
        if not paths or (ended is not None and ended.phase == SUCCEEDED):
            return
        path = paths[0] if ended is None else self._failing(paths)
        if ended is not None and retry_in is None:
            self._over.update(paths)
        if ended is None:
            self._begun[path] = time.monotonic()
            return
        told = self._failed.pop(path, None)
        if retry_in is not None:
            message = told.message if told else _message(ended)
            self._reporter.report(AttemptFailed(path, self._attempts[path], message, retry_in))
            self._attempts[path] += 1
        elif told is not None:
            self._reporter.report(told)
        elif not (self._kinds.get(path) == TERMINAL_TYPES[False] and ended.phase == FAILED):
            lasted = time.monotonic() - self._started.get(path, self._begun.get(path, time.monotonic()))
            self._reporter.report(StepEnded(path, self._kinds.get(path, ""), Status.FAIL, _message(ended), lasted))

    def _report_inside(self, path: StepPath) -> None:
        """Report the failures of steps inside the one at the path, which its pod ran too."""
        for inner in [
            other for other in self._failed if other.parts[: len(path.parts)] == path.parts and other != path
        ]:
            self._reporter.report(self._failed.pop(inner))

    def _failing(self, paths: Sequence[StepPath]) -> StepPath:
        """The step of a pod that failed, as the pod reported; else the last step that it started, or the first one."""
        told = [path for path in paths if path in self._failed]
        return (told or [path for path in reversed(paths) if path in self._started] or paths)[0]

    def end(self) -> None:
        """Nothing follows any more: report the steps that failed while everything stopped."""
        for told in self._failed.values():
            self._reporter.report(told)
        self._failed.clear()

    def _start(self, event: StepStarted, path: StepPath, step_type: str) -> None:
        if path not in self._started:
            self._started[path], self._kinds[path] = time.monotonic(), step_type
            if step_type not in TERMINALS:
                self._reporter.report(event)

    def _lasting(self, event: StepEnded) -> StepEnded:
        """The same with the time from the first pod to now, where pods know only of themselves."""
        if event.duration and not self._attempts[event.path]:
            return event
        return replace(event, duration=time.monotonic() - self._started.get(event.path, time.monotonic()))


def _message(ended: Ended) -> str:
    if ended.message:
        return ended.message
    return f"the pod exited with status {ended.exit_code}"

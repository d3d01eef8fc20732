"""Replaces the numbers of branches in events by the labels that people read."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from magnus.graph.path import StepPath
from magnus.interfaces.reporter import (
    AttemptFailed,
    BranchesStarted,
    Event,
    StepEnded,
    StepLoading,
    StepOutput,
    StepReused,
    StepStarted,
    StepWaiting,
    Warned,
)


class StepLabels:
    """The labels of the branches of the running steps."""

    def __init__(self) -> None:
        self._labels: dict[StepPath, Sequence[str]] = {}
        self._around: tuple[str, ...] = ()
        self._labels_around: tuple[str, ...] = ()

    def labelled(self, event: Event) -> Event:
        """The event, in whose path the branches of maps have labels in place of numbers."""
        match event:
            case BranchesStarted(path, branching) if branching.values is not None:
                from magnus.run_log.step_walk import labels, with_elements  # lazy: only maps have elements

                self._labels[path] = labels(with_elements(branching))
                self._around = ()
            case StepEnded(path):
                self._labels.pop(path, None)
                return self._named(event, path)
            case StepStarted(path) | StepOutput(path) | StepWaiting(path) | StepReused(path) | StepLoading(path):
                return self._named(event, path)
            case AttemptFailed(path) | Warned(_, StepPath() as path):
                return self._named(event, path)
            case _:
                pass
        return event

    def _named(self, event: Event, path: StepPath) -> Event:
        """The event of the step at the path, which may be in a branch of a map."""
        if not self._labels or len(path.parts) == 1:
            return event
        named: Event = replace(event, path=self._of(path))
        return named

    def _of(self, path: StepPath) -> StepPath:
        around = path.parts[:-1]
        if around != self._around:  # most events have the branch of the event before
            self._around, self._labels_around = around, tuple(self._names(around))
        return StepPath((*self._labels_around, path.name))

    def _names(self, parts: tuple[str, ...]) -> Iterator[str]:
        for place, part in enumerate(parts):
            labels = self._labels.get(StepPath(parts[:place])) if place % 2 else None
            yield part if labels is None else labels[int(part)]

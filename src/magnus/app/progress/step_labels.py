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
            case (
                StepStarted()
                | StepWaiting()
                | StepReused()
                | StepLoading()
                | StepOutput()
                | AttemptFailed()
                | StepEnded()
                | Warned()
            ):
                if isinstance(event, StepEnded):
                    self._labels.pop(event.path, None)
                if self._labels and event.path is not None and len(event.path.parts) > 1:
                    return replace(event, path=self._of(event.path))
            case _:
                pass
        return event

    def _of(self, path: StepPath) -> StepPath:
        around = path.parts[:-1]
        if around != self._around:  # most events have the branch of the event before
            self._around, self._labels_around = around, tuple(self._names(around))
        return StepPath((*self._labels_around, path.name))

    def _names(self, parts: tuple[str, ...]) -> Iterator[str]:
        for place, part in enumerate(parts):
            labels = self._labels.get(StepPath(parts[:place])) if place % 2 else None
            yield part if labels is None else labels[int(part)]

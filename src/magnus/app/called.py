"""Events with what people call the steps in place of numbers. Used by whatever shows progress as text."""

from collections.abc import Sequence

from msgspec.structs import replace

from magnus.graph.path import StepPath
from magnus.interfaces.reporter import (
    AttemptFailed,
    Branched,
    Event,
    StepEnded,
    StepOutput,
    StepReused,
    StepStarted,
    Warned,
)


class Called:
    """Knows the branches of the steps in progress."""

    def __init__(self) -> None:
        self._labels: dict[StepPath, Sequence[str]] = {}

    def named(self, event: Event) -> Event:
        """The event; the path of its step is made of what people call the branches of maps, not of their numbers."""
        match event:
            case Branched(path, branching) if branching.values is not None:
                from magnus.run_log.branches import labels, with_elements  # lazy: only maps have elements

                self._labels[path] = labels(with_elements(branching))
            case StepStarted() | StepReused() | StepOutput() | AttemptFailed() | StepEnded() | Warned():
                if isinstance(event, StepEnded):
                    self._labels.pop(event.path, None)
                if self._labels and event.path is not None and len(event.path.parts) > 1:
                    return replace(event, path=self._of(event.path))
            case _:
                pass
        return event

    def _of(self, path: StepPath) -> StepPath:
        names = list(path.parts)
        for end in range(1, len(names), 2):
            labels = self._labels.get(StepPath(path.parts[:end]))
            if labels is not None:
                names[end] = labels[int(path.parts[end])]
        return StepPath(tuple(names))

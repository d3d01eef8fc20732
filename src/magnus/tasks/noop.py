"""The task kind `noop`: does nothing and succeeds; a stub is a task of this kind."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from magnus.errors import Problem
from magnus.graph.nodes import TaskSpec
from magnus.interfaces.task_kind import TaskCall, TaskOutcome

if TYPE_CHECKING:
    from magnus.graph.dataflow.facts import Description  # lazy: a run needs none of it


class NoopOptions(Struct, frozen=True):
    """Anything may be written in a stub."""


class NoopTask:
    """Does nothing."""

    options = NoopOptions
    isolates = False

    def problems(self, spec: TaskSpec, working_directory: Path) -> Sequence[Problem]:  # noqa: ARG002 - nothing can be wrong
        """None."""
        return ()

    def describe(self, spec: TaskSpec, working_directory: Path, *, imports: bool) -> "Description":  # noqa: ARG002 - as above
        """It needs nothing, sets nothing and never fails."""
        from magnus.graph.dataflow.facts import Description  # lazy: a run needs none of it

        return Description(uses=frozenset(), never_fails=True)

    def run(self, call: TaskCall) -> TaskOutcome:  # noqa: ARG002 - nothing is done
        """Succeed."""
        return TaskOutcome()

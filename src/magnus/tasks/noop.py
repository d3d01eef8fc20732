"""The task kind `noop`: does nothing and succeeds; what a stub is made of."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from magnus.errors import Problem
from magnus.graph.nodes import TaskSpec
from magnus.interfaces.task_kind import TaskCall, TaskOutcome


class NoopOptions(BaseModel):
    """Anything may be written in a stub."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)


class NoopTask:
    """Does nothing."""

    options = NoopOptions
    isolates = False

    def problems(self, spec: TaskSpec, working_directory: Path) -> Sequence[Problem]:  # noqa: ARG002 - nothing can be wrong
        """None."""
        return ()

    def run(self, call: TaskCall) -> TaskOutcome:  # noqa: ARG002 - nothing is done
        """Succeed."""
        return TaskOutcome()

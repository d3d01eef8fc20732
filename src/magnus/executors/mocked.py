"""The `mocked` executor: steps succeed without being executed, unless a patch says otherwise.

Before a run starts `app.run.mocks` replaces the tasks of its graph. This executor runs the steps of that graph.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from msgspec import Struct, field

from magnus.interfaces.capabilities import ExecutorCapabilities, Locality
from magnus.interfaces.executor import StepRequest, StepRunner
from magnus.values import Json


class MockedOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Replacements of steps.

    Attributes:
        patches: by the name of a step, or its name and those around it joined by `/`: a `command`, or results and files.
    """

    patches: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)


class MockedExecutor:
    """Runs each step at once, in the calling thread."""

    options = MockedOptions
    capabilities = ExecutorCapabilities(runs_on=Locality.PROCESS, mocks=True)
    slots = 1

    def __init__(self, _options: MockedOptions, run_step: StepRunner) -> None:
        self._run_step = run_step

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing outlives `submit`."""

    def submit(self, request: StepRequest) -> None:
        """Run the step; it has finished when this returns."""
        self._run_step(request)

    def cancel(self) -> None:
        """Nothing runs beside the caller."""

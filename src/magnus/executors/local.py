"""The `local` executor: steps run in this process, one after the other."""

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from msgspec import Struct

from magnus.interfaces.capabilities import ExecutorCapabilities, Reach
from magnus.interfaces.executor import StepRequest

if TYPE_CHECKING:
    from concurrent.futures import Future  # lazy: not made here


class LocalOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Options of the local executor; it has none yet."""


class LocalExecutor:
    """Runs each step at once, in the calling thread."""

    options = LocalOptions
    capabilities = ExecutorCapabilities(spans=Reach.PROCESS, concurrent=False)
    slots = 1

    def __init__(self, _options: LocalOptions, run_step: Callable[[StepRequest], None]) -> None:
        self._run_step = run_step

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing outlives `submit`."""

    def submit(self, request: StepRequest) -> "Future[None] | None":
        """Run the step; it has ended when this returns."""
        self._run_step(request)
        return None

    def cancel(self) -> None:
        """Nothing runs beside the caller."""

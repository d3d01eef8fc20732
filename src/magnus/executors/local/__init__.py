"""The `local` executor: steps run in this process, one after the other, or in warm worker processes beside it."""

from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Self

from msgspec import Meta, Struct

from magnus.engine.processes.eviction import Evicted
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality
from magnus.interfaces.executor import StepRequest, StepRunner

if TYPE_CHECKING:
    from concurrent.futures import Future  # lazy: only steps that run in workers have one

    from magnus.executors.local.worker_client import Forkserver
    from magnus.executors.local.workers import Workers


class LocalOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether there are workers, and how many.

    Attributes:
        enable_parallel: run steps in worker processes, and branches at the same time.
        max_workers: how many steps run at a time; the number of processors by default.
        isolated: each step works in a fresh copy of the project, as in a container of its own, so that files reach other
            steps through the catalog alone. Modules are still loaded from the project.
    """

    enable_parallel: bool = False
    max_workers: Annotated[int, Meta(ge=1)] | None = None
    isolated: bool = False


def _capabilities(options: LocalOptions) -> ExecutorCapabilities:
    runs_on, isolated = Locality.HOST if options.enable_parallel else Locality.PROCESS, options.isolated
    return ExecutorCapabilities(
        runs_on=runs_on, concurrent=options.enable_parallel, apart=isolated, copies_project=isolated
    )


class LocalExecutor:
    """Runs each step at once, in the calling thread; or in one of its workers, if it has any."""

    options = LocalOptions
    capabilities = staticmethod(_capabilities)

    def __init__(self, options: LocalOptions, run_step: StepRunner, warm_start: "Forkserver | None" = None) -> None:
        self._run_step = run_step
        self._workers: Workers | None = None
        self.slots = 1
        if options.enable_parallel:
            from magnus.executors.local import workers  # lazy: most runs have none
            from magnus.system.processors import processors  # lazy: as above

            self._workers = workers.Workers(run_step.worker_spec(), options.max_workers or processors(), warm_start)
            self.slots = self._workers.slots

    @staticmethod
    def begin(options: LocalOptions) -> "Forkserver | None":
        """Start the forkserver: it imports what workers need while the pipeline is read."""
        if not options.enable_parallel:
            return None
        from magnus.executors.local import worker_client  # lazy: as above

        return worker_client.Forkserver()

    def __enter__(self) -> Self:
        if self._workers is not None:
            self._workers.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the workers; what they still run is interrupted, or left open when this process is evicted."""
        if self._workers is not None:
            self._workers.end(evicted=kind is not None and issubclass(kind, Evicted))

    def submit(self, request: StepRequest) -> "Future[None] | None":
        """Run the step; without workers it has finished when this returns."""
        if self._workers is not None:
            return self._workers.submit(request)
        self._run_step(request)
        return None

    def cancel(self) -> None:
        """Interrupt what workers run; nothing else runs beside the caller."""
        if self._workers is not None:
            self._workers.interrupt()

"""Where steps run, for executors that magnus drives itself."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from msgspec import Struct

from magnus.graph.path import StepPath
from magnus.interfaces.capabilities import ExecutorCapabilities
from magnus.interfaces.reporter import Event
from magnus.interfaces.secrets import Secret
from magnus.run_log.records import BranchScope, CacheRecord, StepRecord
from magnus.values import UserObject

if TYPE_CHECKING:
    from concurrent.futures import Future  # lazy: an executor that runs steps at once needs none

__all__ = [
    "Executor",
    "ReentrySpec",
    "RunsComposites",
    "SharesFolders",
    "StepRequest",
    "StepRunner",
    "Steps",
    "WarmStart",
    "WorkerSpec",
]


class StepRequest(Struct, frozen=True):
    """One step to run: the data of a re-entry command, and for steps on this machine what they would read from the run log.

    `attempt` is the one attempt to make, where another engine counts attempts; None for all that the step allows.
    `position` and `scope` are None when the step has to read them from the run log.
    `cache` is the decision on a step with `cache`, for its record. `record` is the record of a step whose process died. The step continues with the next attempt, or fails if there is
    none left.
    """

    run_id: str
    path: StepPath
    definition_file: str
    configuration_file: str
    tag: str = ""
    attempt: int | None = None
    position: int | None = None
    scope: BranchScope | None = None
    record: StepRecord | None = None
    cache: CacheRecord | None = None


class Steps(Protocol):
    """Runs steps of one run in another process of this machine."""

    def run(self, request: StepRequest) -> None:
        """Run the step; it has finished when this returns."""
        ...

    def mask(self, secret: Secret) -> None:
        """Mask the secret, which a step in another process obtained; called between steps."""
        ...


class WorkerSpec(Struct, frozen=True):
    """How other processes of this machine run steps of the run.

    `entry` is `module:function`. Called with `argument`, which can be pickled, it imports what steps need and opens
    nothing, so that the process may fork then. It returns a function, which each process that runs steps calls with a
    function that takes events, and every secret before a step gets it. The result is a context manager around `Steps`.
    `report` shows the events here, and `mask` masks the secrets; both may be called from any thread. The executor
    sends the secrets of one process to the others, at the latest with their next step.
    """

    entry: str
    argument: UserObject
    report: Callable[[Event], None]
    mask: Callable[[Secret], None]


class ReentrySpec(Struct, frozen=True):
    """How steps of the run are run by its re-entry command, where its folders are found at the same places.

    Attributes:
        run_id: of the run.
        version: of magnus; another one does not run the steps.
        working_directory: where the command has to be run.
        written: files and folders that steps read and write; folders that are missing may be made.
        read: files and folders that are there, and that steps only read.
        environment: what steps have to find in their environment; it may hold secrets.
        command: the argv that runs a step, of a composite with all its branches. Its first word is the program.
        override: the name of the options of the executor that a step, or the nearest one around it, asks for; "" for none.
        report: shows events here; it may be called from any thread.
    """

    run_id: str
    version: str
    working_directory: Path
    written: tuple[Path, ...]
    read: tuple[Path, ...]
    environment: Mapping[str, str]
    command: Callable[[StepRequest], Sequence[str]]
    override: Callable[[StepPath], str]
    report: Callable[[Event], None]


class StepRunner(Protocol):
    """Runs steps of one run for its executor: in this process when it is called, in others as it says."""

    def __call__(self, request: StepRequest) -> None:
        """Run the step; it has finished when this returns."""
        ...

    def worker_spec(self) -> WorkerSpec:
        """How to run steps in other processes of this machine."""
        ...

    def reentry_spec(self) -> ReentrySpec:
        """How to run steps by the re-entry command, in containers and the like."""
        ...


class WarmStart(Protocol):
    """What an executor started early."""

    def close(self) -> None:
        """End it; also when a run has used it, and more than once."""
        ...


class Executor(Protocol):
    """Runs steps; a context manager around one run. The future says when a step has finished, the run log says how.

    Made with its options and a `StepRunner`. The class has `options`, the type of its options, and `capabilities`:
    how steps are spread, as a value, or as a function of the options that returns one. It may have a function `begin`
    of the options, which is called as soon as they are read. It starts slow work early and returns a `WarmStart` or
    None, which the class gets as `warm_start`. It may have a function `connect_complaints` of the options: the complaints
    about them after a look at the server that runs the steps, for `magnus check --connect`; nothing is created there.
    """

    @property
    def capabilities(self) -> ExecutorCapabilities | Callable[..., ExecutorCapabilities]:
        """How steps are spread."""
        ...

    @property
    def slots(self) -> int:
        """How many steps may be submitted before one of them has finished; at least 1."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop everything that still runs, and release it."""
        ...

    def submit(self, request: StepRequest) -> "Future[None] | None":
        """Start the step, now or when there is room; None says that it has finished already.

        The future fails if the step could not be run at all, and with ProcessDied if its process died before the step
        finished. Then the step is submitted again.
        """
        ...

    def cancel(self) -> None:
        """Stop the steps that run, since the run is stopped; their futures end soon after.

        SIGINT tells a re-entry command so. SIGTERM would say that its place goes away (`magnus.engine.processes.eviction`).
        """
        ...


@runtime_checkable
class RunsComposites(Protocol):
    """An executor that runs some composites with all their branches in one process, as `interfaces.together` says.

    It gets such a composite by `submit`, as any other step. If its process dies, it is submitted again as often as a task
    in it may be attempted; steps in it that finished stand.
    """

    def runs_together(self, path: StepPath) -> bool:
        """Whether one process runs the composite at `path`."""
        ...


@runtime_checkable
class SharesFolders(Protocol):
    """An executor whose steps run on machines that share folders with this one. It knows that a step put its record."""

    @property
    def late_seconds(self) -> float:
        """The longest time in seconds until this machine sees what another one wrote."""
        ...

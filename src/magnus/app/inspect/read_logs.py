"""Reads the output of the steps of a run, in the order of the run, also while it runs."""

from collections.abc import Callable, Iterator, Sequence
from io import SEEK_END
from time import monotonic, sleep
from typing import BinaryIO, Final

from msgspec import Struct

from magnus.app.inspect.run_state import state_of
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.catalog import ReadsLogs
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import ENDED, RunStatus, Status, StepRecord
from magnus.run_log.step_walk import SeenStep, walk, walk_step

_BLOCK_BYTES: Final = 256 * 1024
_PAUSE_SECONDS: Final = 0.2
_SHARE: Final = 10
"""Reading takes at most one part in so many of the time."""


class Output(Struct, frozen=True):
    """A piece of the output of a step; `names` are its name and the names around it, `left_out` the bytes left out before it."""

    names: tuple[str, ...]
    data: bytes
    left_out: int = 0


class RunOutput:
    """The output of the steps of one run, or of the steps inside one step, each piece once.

    With `last_bytes`, the output of each step starts with a line of the last so many bytes.
    """

    def __init__(
        self,
        store: RunLogStore,
        logs: ReadsLogs,
        run_id: str,
        step: SeenStep | None = None,
        *,
        last_bytes: int | None = None,
    ) -> None:
        self._store = store
        self._logs = logs
        self._run_id = run_id
        self._step = step
        self._around = () if step is None else step.names[:-1]
        self._last_bytes = last_bytes
        self._read_to: dict[StepPath, int] = {}
        self._finished: set[StepPath] = set()

    def now(self, *, lines: bool = False) -> Iterator[Output]:
        """The new output; with `lines`, only whole lines of steps that still run.

        CatalogError or RunLogStoreError when it cannot be read.
        """
        is_over = self.status is not Status.PROCESSING
        for seen in self._seen():
            step = seen.record
            if step.path not in self._finished:
                has_ended = is_over or step.status in ENDED
                for data, left_out in self._of(step.path, whole=has_ended or not lines):
                    yield Output(seen.names, data, left_out)
                if has_ended:
                    self._finished.add(step.path)

    def until_the_end(self, pause: Callable[[float], None] = sleep) -> Iterator[Output]:
        """The output, and all that follows until the run, or the chosen step, finishes."""
        while True:
            start = monotonic()
            is_over = self.is_over
            yield from self.now(lines=self._step is None)
            if is_over:
                return
            pause(max(_PAUSE_SECONDS, _SHARE * (monotonic() - start)))

    @property
    def status(self) -> RunStatus:
        """The status of the run."""
        return state_of(self._store.get_run(self._run_id)).status

    @property
    def outcome(self) -> RunStatus:
        """The status of the chosen step if it has finished, else of the run."""
        step = self._step_now()
        return step.status if step is not None and step.status in ENDED else self.status

    @property
    def is_over(self) -> bool:
        """Whether no more output can follow."""
        if self.status is not Status.PROCESSING:
            return True
        step = self._step_now()
        return step is not None and step.status in ENDED

    @property
    def has_branches(self) -> bool:
        """Whether the chosen step has branches now, so that the output is of the steps in it."""
        step = self._step_now()
        return step is not None and step.branching is not None

    def _step_now(self) -> StepRecord | None:
        """The current record of the chosen step; None if no step was chosen."""
        return None if self._step is None else self._store.get_step(self._run_id, self._step.record.path)

    def _seen(self) -> Iterator[SeenStep]:
        step = self._step_now()
        seen = walk(self._steps_of) if step is None else walk_step(self._steps_of, step, self._around)
        return (one for one in seen if isinstance(one, SeenStep))

    def _steps_of(self, branch: BranchPath) -> Sequence[StepRecord]:
        return self._store.list_steps(self._run_id, branch)

    def _of(self, path: StepPath, *, whole: bool) -> Iterator[tuple[bytes, int]]:
        """New blocks of the output, each with the number of bytes that are left out before it."""
        log = self._logs.read_log(self._run_id, path)
        if log is None:
            return
        with log:
            left_out = 0
            if path not in self._read_to:
                left_out = self._read_to[path] = self._start(log)
            log.seek(self._read_to[path])
            while block := log.read(_BLOCK_BYTES):
                is_last = len(block) < _BLOCK_BYTES
                data = block if whole or not is_last else block[: block.rfind(b"\n") + 1]
                if data:
                    self._read_to[path] += len(data)
                    yield data, left_out
                    left_out = 0
                if is_last:
                    return

    def _start(self, log: BinaryIO) -> int:
        """The first byte to give: of a long log, the start of a line near its end."""
        if self._last_bytes is None:
            return 0
        start = log.seek(0, SEEK_END) - self._last_bytes
        if start <= 0:
            return 0
        log.seek(start)
        skipped, end, _ = log.read(self._last_bytes).partition(b"\n")
        return start + (len(skipped) + 1 if end else 0)

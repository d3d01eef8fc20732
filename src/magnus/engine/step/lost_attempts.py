"""Recovers the output and records the attempt of a step whose process died.

Used by the orchestrator, and by re-entry where another engine starts the processes. A process that was evicted recorded
that itself (`engine.processes.eviction`): its record says why the step waits.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from magnus.engine.context import RunContext, now
from magnus.engine.output.capture import output_file_of
from magnus.engine.secrets.masking import Masker
from magnus.errors import CatalogError, ProcessDied
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.reentry import EVICTED
from magnus.interfaces.reporter import StepOutput, Warned
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import ENDED, AttemptRecord, Status, StepRecord
from magnus.system import descendants
from magnus.system.child_process import describe_exit

_CHUNK_BYTES: Final = 256 * 1024
_UNSEEN: Final = "the process died before it could record how the attempt finished"
_CRASHED: Final = "the process of the step crashed, or was killed for lack of memory"
_NO_SIGNAL: Final = 128 + 65


def finish_output(context: RunContext, path: StepPath, died: ProcessDied) -> None:
    """End what the process left running, show what the step printed that was not shown yet, and keep it in the log; that it cannot be kept is a warning."""
    descendants.end(descendants.of_worker(str(context.folder), died.pid))
    file = output_file_of(context.folder, died.pid)
    try:
        _keep(context, path, _after(died.shown, _masked(file, context.masker)))
        file.unlink(missing_ok=True)
    except (CatalogError, OSError) as error:
        message = f"the output of the step could not be kept to its end: {error}"
        context.reporter.report(Warned(context.masker.mask(message), path))


def with_attempt(context: RunContext, known: StepRecord, died: ProcessDied) -> StepRecord:
    """The record with the attempt that failed when the process died."""
    end = context.clock.now()
    attempt = AttemptRecord(
        attempt_number=len(known.attempts),
        start_time=end - timedelta(seconds=died.seconds),
        end_time=end,
        duration=round(died.seconds, 6),
        status=Status.FAIL,
        message=died.problems[0].message,
        job=died.job,
        machine=died.machine,
    )
    return replace(known, attempts=(*known.attempts, attempt))


def with_reason(_context: RunContext, known: StepRecord, died: ProcessDied) -> StepRecord:
    """The record of an evicted process, with the reason that the batch system gives in the message of its attempt."""
    if not died.reason or not known.attempts:
        return known
    *earlier, last = known.attempts
    return replace(known, attempts=(*earlier, replace(last, message=f"{last.message}: {died.problems[0].message}")))


def noticed(known: StepRecord, at: datetime, exit_status: int | None = None) -> StepRecord:
    """The record with the attempt whose process died unseen; its death is noticed `at` this time.

    `exit_status` is the status of that process, if the engine reports it: 128 and the number of the signal that killed it.
    Then the task crashed, or memory ran out. Without a status the engine stopped the process, and the attempt is lost.
    """
    crashed = exit_status is not None and 128 < exit_status < _NO_SIGNAL and exit_status != EVICTED
    message = _UNSEEN
    if exit_status is not None and crashed:
        message = f"{_CRASHED} ({describe_exit(128 - exit_status)}, exit status {exit_status})"
    attempt = AttemptRecord(len(known.attempts), at, at, 0.0, Status.FAIL, message, lost=not crashed)
    return replace(known, attempts=(*known.attempts, attempt))


def failed(known: StepRecord, at: datetime) -> StepRecord:
    """The record of a step whose process died and that no other process continues."""
    if known.branching is not None:
        return replace(known, status=Status.FAIL, message=_UNSEEN, parameters={}, catalog=(), scope=None)
    if not known.message:
        known = replace(noticed(known, at), message=_UNSEEN)
    return replace(known, status=Status.FAIL, parameters={}, scope=None)


def close_open_steps(store: RunLogStore, run_id: str, branch: BranchPath, message: str = "") -> list[StepRecord]:
    """Record the unfinished steps of a branch, and of the branches inside it, as failed; with `message`, if it has text."""
    closed: list[StepRecord] = []
    for step in store.list_steps(run_id, branch):
        if step.status in ENDED:
            continue
        for key in step.branching.keys if step.branching is not None else ():
            closed += close_open_steps(store, run_id, step.path.into(key), message)
        closed_step = failed(step, now())
        closed.append(replace(closed_step, message=message) if message else closed_step)
        store.put_step(run_id, closed[-1])
    return closed


def continued(known: StepRecord | None, exit_status: int | None, at: datetime) -> StepRecord | None:
    """The record before the next attempt, with an attempt whose process died; None before the first attempt.

    `exit_status` is the status of the process before, None if nobody reports it.
    """
    if known is None:
        return None
    if known.status is Status.PROCESSING and not known.message:  # nobody reported its exit
        known = noticed(known, at, exit_status)
    return replace(known, status=Status.PROCESSING, message="", parameters={}, scope=None)


def tried_again(known: StepRecord, at: datetime) -> StepRecord:
    """The record of a failed task that an engine tries again: only its attempts stay."""
    if known.status is Status.PROCESSING and not known.message:  # nobody reported its exit
        known = noticed(known, at)
    return replace(
        known,
        status=Status.PROCESSING,
        message="",
        parameters={},
        metrics={},
        catalog=(),
        scope=None,
        earlier_attempts=len(known.attempts),
    )


def without_lost(known: StepRecord) -> StepRecord:
    """The record in which lost attempts do not count among the attempts of the task."""
    counted = known.attempts[known.earlier_attempts :]
    return replace(known, earlier_attempts=known.earlier_attempts + len(counted) - own_failures(counted))


def own_failures(attempts: Sequence[AttemptRecord]) -> int:
    """How many attempts failed by themselves; the engine that starts processes counts the lost ones."""
    return sum(not attempt.lost for attempt in attempts)


def _keep(context: RunContext, path: StepPath, output: Iterator[bytes]) -> None:
    first = next(output, None)
    if first is None:
        return
    with closing(context.services.open_log(context.run_id, path)) as log:
        for piece in (first, *output):
            log.write(piece)
            context.reporter.report(StepOutput(path, piece))


def _masked(file: Path, masker: Masker) -> Iterator[bytes]:
    stream = masker.stream()
    if not file.exists():
        return
    with file.open("rb") as output:
        while data := output.read(_CHUNK_BYTES):
            yield stream.feed(data)
    yield stream.finish()


def _after(count: int, output: Iterator[bytes]) -> Iterator[bytes]:
    """The output without its first `count` bytes."""
    for piece in output:
        rest = piece[count:]
        count = max(0, count - len(piece))
        if rest:
            yield rest
